"""Words too common to be anybody's secret."""

from __future__ import annotations

#: What agents' messages, states and traces are made of, and what stands where a
#: value should.
_WORDS = """
additional_kwargs ai aimessage aimessagechunk anthropic api_key apikey
application/json args arguments artifact assistant authorization bearer branch cache
callback callbacks changeme channel channel_values channel_versions checkpoint
checkpoint_id checkpoint_map checkpoint_ns client command config configurable
content content-type context created_at credential credentials custom data default
description developer error example example_value executor false finish_reason
function function_call goto graph https:// human humanmessage input input_tokens
inputs interrupt invalid_tool_call invalid_tool_calls jump_to key kwargs langchain
langgraph langsmith last_updated localhost media_type message messages metadata
middleware model model_name name none null object openai output output_tokens
outputs parameters parent_run_id password pending pending_sends pending_writes
placeholder private properties public recursion recursion_limit redacted
remaining_steps required response response_metadata resume role run_id runnable
schema secret secrets send serialized session state status stop_reason store stream
string structured_response success system systemmessage tasks text text/plain
thinking thread thread_id token token_usage tokens tool tool_call tool_call_chunk
tool_call_chunks tool_call_id tool_calls tool_choice toolmessage tools total_tokens
trace true type tyrum undefined updated_at usage_metadata user username value values
version versions_seen writes
"""
#: How LangGraph calls its channels, tasks, checkpoints and policies, and what it puts
#: into configs and metadata.
_GRAPH = """
__end__ __error__ __error_source_node__ __input__ __interrupt__ __no_writes__
__overwrite__ __parent__ __pregel_ __pregel_cache __pregel_call __pregel_checkpointer
__pregel_dedupe_tasks __pregel_durability __pregel_node_error __pregel_node_finished
__pregel_ns_writes __pregel_previous __pregel_pull __pregel_push __pregel_read
__pregel_replay_state __pregel_resume __pregel_resume_map __pregel_resuming
__pregel_runner_submit __pregel_runtime __pregel_scratchpad __pregel_send __pregel_store
__pregel_stream __pregel_stream_messages_v2 __pregel_strict_resume __pregel_task_id
__pregel_tasks __pregel_timed_attempt_observer __previous__ __remove_all__ __resume__
__return__ __root__ __scheduled__ __snapshot_bumps__ __start__ arg as_node async
backoff_factor cache_key checkpoint_during checkpoints control
counters_since_delta_snapshot debug durability execution_info exit fork graph_id
heartbeat idle_timeout initial_interval interrupts jitter key_func langgraph_api_url
langgraph_assistant_id langgraph_auth_user langgraph_checkpoint_ns langgraph_host
langgraph_node langgraph_path langgraph_plan langgraph_request_id langgraph_step
langgraph_tool_call_writer langgraph_triggers langgraph_version langsmith:hidden loop
max_attempts max_interval next node node_attempt node_first_attempt_time nostream parent
parent_config parents path payload previous proc process_inputs
process_outputs refresh_on response_schema result retry_on retry_policy run_timeout
seed serde server_info source step stream_writer subgraphs sync
task task_id task_path task_result thread_ts timestamp triggers update updated_channels
updates writers
"""
#: What else LangChain writes into messages, runs and events.
_CHAIN = """
annotations assistant_id audio auto base64 basemessage basemessagechunk cache_creation
cache_read chatmessage chatmessagechunk chunk_position citation cited_text constructor
dotted_order end_index event extras file file_id functionmessage functionmessagechunk
humanmessagechunk image index input_token_details langsmith:nostream lc_agent_name
lc_data lc_namespace lc_serializable lc_source lc_versions ls_agent_type
ls_embedding_provider ls_integration ls_max_tokens ls_model_name ls_model_type
ls_provider ls_stop ls_structured_output_format ls_temperature ls_vector_store_provider
max_concurrency mime_type non_standard non_standard_annotation not_implemented
on_chain_end on_chain_error on_chain_start on_chain_stream on_chat_model_end
on_chat_model_start on_chat_model_stream on_custom_event on_llm_end on_llm_new_token
on_llm_start on_llm_stream on_parser_end on_parser_start on_parser_stream on_prompt_end
on_prompt_start on_retriever_end on_retriever_start on_tool_end on_tool_error
on_tool_start output_token_details parent_ids reasoning removemessage response_format
run_name run_type server_tool_call server_tool_call_chunk server_tool_result
session_name start_index systemmessagechunk tags text-plain timeout title
toolmessagechunk trace_id url video
"""
VOCABULARY = frozenset(f"{_WORDS} {_GRAPH} {_CHAIN}".split())
