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
VOCABULARY = frozenset(_WORDS.split())
