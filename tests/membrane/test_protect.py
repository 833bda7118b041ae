"""`protect`: what it gives back, what it leaves alone, what it refuses."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.membrane import protect
from langchain_tyrum.membrane.runs import Run


class State(TypedDict, total=False):
    text: str
    other: Any


def graph_of(node, *, name="node", **options):
    builder = StateGraph(State)
    builder.add_node(name, node)
    builder.add_edge(START, name)
    return builder.compile(**options)


THREAD = {"configurable": {"thread_id": "t1"}}


class TestWhatItGivesBack:
    def test_it_is_of_the_given_class(self, broker):
        """The guarded graph is an instance of the given class and bears its name."""
        guarded = protect(graph_of(lambda _: {}), broker)

        assert isinstance(guarded, CompiledStateGraph)
        assert type(guarded).__name__ == "CompiledStateGraph"

    def test_an_entrypoint_stays_a_pregel(self, broker):
        """`@entrypoint` makes a bare Pregel, and so it stays."""

        @entrypoint()
        def flow(given: str) -> str:
            return given

        guarded = protect(flow, broker)

        assert isinstance(guarded, Pregel)
        assert not isinstance(guarded, CompiledStateGraph)
        assert guarded.invoke("x") == "x"

    def test_protecting_twice_is_a_no_op(self, broker):
        """The second call gives the first one's graph back."""
        once = protect(graph_of(lambda _: {}), broker)

        assert protect(once, broker) is once

    def test_the_given_graph_is_untouched(self, broker, value):
        """Saver, store and nodes of the given graph stay, and it still leaks."""
        saver, store = InMemorySaver(), InMemoryStore()
        graph = graph_of(lambda _: {"text": value}, checkpointer=saver, store=store)
        before = {**vars(graph), "nodes": dict(graph.nodes)}
        kind = type(graph)

        protect(graph, broker).invoke({"text": "x"}, THREAD)

        assert kind is type(graph)
        assert before["nodes"] == graph.nodes
        assert saver is graph.checkpointer
        assert store is graph.store
        assert type(saver) is InMemorySaver
        assert {"text": value} == graph.invoke(
            {"text": "x"}, {"configurable": {"thread_id": "raw"}}
        )

    def test_it_draws_and_describes_itself_as_before(self, broker):
        """Drawings and schemas are the given graph's."""
        inner = graph_of(lambda _: {})
        graph = graph_of(inner, name="inner")
        guarded = protect(graph, broker)

        assert graph.get_graph().draw_mermaid() == guarded.get_graph().draw_mermaid()
        drawn = graph.get_graph(xray=True).draw_mermaid()
        assert drawn == guarded.get_graph(xray=True).draw_mermaid()
        assert graph.get_input_jsonschema() == guarded.get_input_jsonschema()
        assert graph.get_output_jsonschema() == guarded.get_output_jsonschema()
        assert [n for n, _ in graph.get_subgraphs()] == [
            n for n, _ in guarded.get_subgraphs()
        ]
        guarded.validate()

    def test_copies_keep_the_guard(self, broker, value):
        """`with_config` and `copy` give guarded graphs, also around a new saver."""
        guarded = protect(graph_of(lambda _: {"text": value}), broker)
        saver = InMemorySaver()

        bound = guarded.with_config(tags=["mine"], metadata={"m": value})
        copied = bound.copy({"checkpointer": saver})

        assert value not in str(bound.invoke({"text": "x"}))
        assert value not in str(copied.invoke({"text": "x"}, THREAD))
        assert value not in str(copied.get_state(THREAD))
        assert value.encode() not in pickled(saver)
        assert isinstance(copied, CompiledStateGraph)

    def test_many_at_once_are_guarded(self, broker, value):
        """`batch` goes through the same door."""
        guarded = protect(graph_of(lambda _: {"text": value}), broker)

        results = guarded.batch([{"text": "a"}, {"text": "b"}])

        assert [{"text": "[REDACTED:db/password]"}] * 2 == results


class TestWhatItRefuses:
    def test_another_broker_or_mode_is_refused(self, broker, memory_broker):
        """A guarded graph is never silently guarded by somebody else."""
        guarded = protect(graph_of(lambda _: {}), broker)

        with pytest.raises(ConfigError, match="already protected"):
            protect(guarded, memory_broker())
        with pytest.raises(ConfigError, match="already protected"):
            protect(guarded, broker, mode="refuse")

    async def test_a_missing_thread_is_told_as_langgraph_does(self, broker):
        """With a checkpointer and no thread id the error is LangGraph's own."""
        graph = graph_of(lambda _: {}, checkpointer=InMemorySaver())
        guarded = protect(graph, broker)
        with pytest.raises(ValueError, match="thread_id") as expected:
            graph.invoke({"text": "x"})
        for given in (None, {}, {"configurable": {}}):
            with pytest.raises(ValueError, match="thread_id") as caught:
                guarded.invoke({"text": "x"}, given)
            assert str(expected.value) == str(caught.value)
            with pytest.raises(ValueError, match="thread_id"):
                await guarded.ainvoke({"text": "x"}, given)
            with pytest.raises(ValueError, match="thread_id"):
                list(guarded.stream({"text": "x"}, given))

    def test_an_unknown_mode_is_refused(self, broker):
        """A misspelt mode is an error, not the default."""
        with pytest.raises(ConfigError, match="unknown"):
            protect(graph_of(lambda _: {}), broker, mode="mask")

    @pytest.mark.parametrize("key", ["thread_id", "checkpoint_ns", "checkpoint_id"])
    def test_a_value_that_keys_rows_is_refused(self, broker, value, key):
        """Thread ids cannot be redacted, so the run does not start."""
        ran = []
        graph = graph_of(lambda _: ran.append(1), checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": "t1", key: f"u-{value}"}}

        with pytest.raises(RawSecretFound) as caught:
            protect(graph, broker).invoke({"text": "x"}, config)

        assert key in caught.value.path
        assert value not in str(caught.value)
        assert [] == ran

    async def test_a_value_that_keys_rows_is_refused_async(self, broker, value):
        """The async ways refuse it too."""
        graph = graph_of(lambda _: {}, checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": value}}

        with pytest.raises(RawSecretFound):
            await protect(graph, broker).ainvoke({"text": "x"}, config)

    def test_a_node_named_by_a_value_is_refused(self, broker, value):
        """Node names stand in every row and every trace."""
        with pytest.raises(RawSecretFound):
            protect(graph_of(lambda _: {}, name=f"n-{value}"), broker)

    def test_verify_lists_every_failure(self, memory_broker, monkeypatch):
        """All secrets that cannot be leased are named in one error."""
        broker = memory_broker()
        monkeypatch.setattr(broker, "verify", lambda: ["a is missing", "b is locked"])

        with pytest.raises(ConfigError) as caught:
            protect(graph_of(lambda _: {}), broker, verify=True)

        assert "2 of the declared secrets" in str(caught.value)
        assert "- a is missing\n- b is locked" in str(caught.value)

    def test_verify_passes_when_all_is_well(self, broker):
        """With nothing to complain of, the graph is protected."""
        guarded = protect(graph_of(lambda _: {"text": "y"}), broker, verify=True)

        assert {"text": "y"} == guarded.invoke({"text": "x"})


class TestRefuseMode:
    def test_a_raw_input_is_refused(self, broker, value):
        """In mode `refuse` an input that holds a value starts no run."""
        ran = []
        guarded = protect(graph_of(lambda _: ran.append(1)), broker, mode="refuse")

        with pytest.raises(RawSecretFound) as caught:
            guarded.invoke({"text": f"it is {value}"})

        assert "text" in caught.value.path
        assert "registered" == caught.value.rule
        assert [] == ran

    def test_a_raw_result_is_refused_before_the_next_node(self, broker, value):
        """A node that returns a value fails, and the next one does not run."""
        ran = []
        builder = StateGraph(State)
        builder.add_node("first", lambda _: {"other": {"token": value}})
        builder.add_node("second", lambda _: ran.append(1))
        builder.add_edge(START, "first")
        builder.add_edge("first", "second")
        saver = InMemorySaver()
        guarded = protect(builder.compile(checkpointer=saver), broker, mode="refuse")

        with pytest.raises(RawSecretFound) as caught:
            guarded.invoke({"text": "x"}, THREAD)

        assert "first" in str(caught.value)
        assert value not in str(caught.value)
        assert [] == ran
        assert value.encode() not in pickled(saver)

    def test_an_update_is_refused(self, broker, value):
        """`update_state` with a value raises and writes nothing."""
        saver = InMemorySaver()
        graph = graph_of(lambda _: {}, checkpointer=saver)
        guarded = protect(graph, broker, mode="refuse")
        guarded.invoke({"text": "x"}, THREAD)

        with pytest.raises(RawSecretFound):
            guarded.update_state(THREAD, {"text": value})

        assert "x" == guarded.get_state(THREAD).values["text"]

    def test_a_shape_is_refused(self, broker):
        """A credential's shape is refused as a registered value is."""
        guarded = protect(graph_of(lambda _: {}), broker, mode="refuse")

        with pytest.raises(RawSecretFound):
            guarded.invoke({"text": "ghp_" + "a1B2" * 9})

    def test_clean_runs_pass(self, broker):
        """What holds no value runs as ever."""
        guarded = protect(graph_of(lambda _: {"text": "y"}), broker, mode="refuse")

        assert {"text": "y"} == guarded.invoke({"text": "x"})


class TestState:
    def test_an_update_is_redacted(self, broker, value):
        """`update_state` writes markers, and the config it gives back is plain."""
        saver = InMemorySaver()
        guarded = protect(graph_of(lambda _: {}, checkpointer=saver), broker)
        guarded.invoke({"text": "x"}, THREAD)

        written = guarded.update_state(THREAD, {"text": f"now {value}"})

        assert "now [REDACTED:db/password]" == guarded.get_state(THREAD).values["text"]
        assert value.encode() not in pickled(saver)
        assert not any(isinstance(v, Run) for v in written["configurable"].values())

    async def test_an_update_is_redacted_async(self, broker, value):
        """`aupdate_state` too."""
        guarded = protect(graph_of(lambda _: {}, checkpointer=InMemorySaver()), broker)
        await guarded.ainvoke({"text": "x"}, THREAD)

        await guarded.aupdate_state(THREAD, {"text": f"now {value}"})

        state = await guarded.aget_state(THREAD)
        assert "now [REDACTED:db/password]" == state.values["text"]

    def test_rows_from_before_the_guard_are_redacted_when_read(self, broker, value):
        """Nodes, results and `get_state` see markers for values stored earlier."""
        saver, seen = InMemorySaver(), []
        graph = graph_of(
            lambda state: seen.append(state) or {"text": "y"}, checkpointer=saver
        )
        graph.invoke({"text": "x", "other": {"old": value}}, THREAD)
        seen.clear()
        guarded = protect(graph, broker)

        state = guarded.get_state(THREAD)
        history = list(guarded.get_state_history(THREAD))
        result = guarded.invoke({"text": "z"}, THREAD)

        assert {"old": "[REDACTED:db/password]"} == state.values["other"]
        assert value not in str(history)
        assert {"old": "[REDACTED:db/password]"} == seen[0]["other"]
        assert value not in str(result)


class TestPrincipals:
    def test_what_is_stored_of_another_user_is_sealed(self, memory_broker, canary):
        """Another user's value passes in her own run, and is sealed on disk."""
        value = canary()
        broker = memory_broker()
        broker.put("bank/pin", value, owner="ann")
        saver, seen = InMemorySaver(), []
        graph = graph_of(
            lambda state: seen.append(state["text"]) or {}, checkpointer=saver
        )
        guarded = protect(graph, broker)

        guarded.invoke({"text": f"is it {value}"}, THREAD)

        assert [f"is it {value}"] == seen
        stored = pickled(saver)
        assert value.encode() not in stored
        assert b"[REDACTED:~" in stored
        assert b"bank/pin" not in stored


class TestRunGuard:
    def test_it_stays_in_its_process(self, broker):
        """The object that travels in the config is copied as itself, never pickled."""
        runs = []

        def node(state, config):
            runs.extend(
                v for v in config["configurable"].values() if isinstance(v, Run)
            )
            return {}

        from langchain_core.runnables import RunnableConfig

        node.__annotations__["config"] = RunnableConfig
        protect(graph_of(node), broker).invoke({"text": "x"})

        assert len(runs) == 1
        assert copy.deepcopy(runs[0]) is runs[0]
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(runs[0])


class TestMessages:
    def test_streamed_text_is_the_redaction_of_the_whole(self, broker, value, scripted):
        """However a model cuts its text, the client gets markers and every letter."""
        model = scripted(AIMessage(f"one {value} two {value[:7]}"))
        builder = StateGraph(MessagesState)
        builder.add_node("m", lambda s: {"messages": [model.invoke(s["messages"])]})
        builder.add_edge(START, "m")
        guarded = protect(builder.compile(), broker)

        parts = list(
            guarded.stream({"messages": [HumanMessage("hi")]}, stream_mode="messages")
        )

        text = "".join(chunk.text for chunk, _ in parts)
        assert f"one [REDACTED:db/password] two {value[:7]}" == text

    def test_a_message_is_complete_before_the_next_node_is_heard(
        self, broker, value, scripted
    ):
        """Text that was held back is not shown later than what came after it."""
        model = scripted(AIMessage(f"one two {value[:7]}"))
        builder = StateGraph(MessagesState)
        builder.add_node("m", lambda s: {"messages": [model.invoke(s["messages"])]})
        builder.add_node("next", lambda s: {})
        builder.add_edge(START, "m")
        builder.add_edge("m", "next")
        guarded = protect(builder.compile(), broker)

        text = ""
        for mode, part in guarded.stream(
            {"messages": [HumanMessage("hi")]}, stream_mode=["messages", "updates"]
        ):
            if mode == "messages":
                text += part[0].text
            else:
                break

        assert f"one two {value[:7]}" == text

    def test_text_is_shown_when_the_provider_breaks_off(self, broker, value, scripted):
        """What was held back comes out when no last chunk ever comes."""

        class Broken(type(scripted("x"))):
            def _stream(self, messages, stop=None, run_manager=None, **kwargs):
                yield from super()._stream(messages, stop, run_manager, **kwargs)
                raise ConnectionError("cut")

        model = Broken(answers=[AIMessage(f"say {value[:9]}")])
        builder = StateGraph(MessagesState)
        builder.add_node("m", lambda s: {"messages": [model.invoke(s["messages"])]})
        builder.add_edge(START, "m")
        guarded = protect(builder.compile(), broker)
        shown = []

        with pytest.raises(ConnectionError, match="cut"):
            for chunk, _ in guarded.stream(
                {"messages": [HumanMessage("hi")]}, stream_mode="messages"
            ):
                shown.append(chunk.text)

        assert f"say {value[:9]}" == "".join(shown)

    def test_v3_deltas_are_complete_before_their_block_ends(
        self, broker, value, scripted
    ):
        """A held-back tail is a delta of its own, before `content-block-finish`."""
        model = scripted(AIMessage(f"one {value} two {value[:7]}"))
        builder = StateGraph(MessagesState)
        builder.add_node("m", lambda s: {"messages": [model.invoke(s["messages"])]})
        builder.add_edge(START, "m")
        guarded = protect(builder.compile(), broker)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # v3 is in beta, and says so once
            run = guarded.stream_events(
                {"messages": [HumanMessage("hi")]}, version="v3"
            )
        events = [
            event["params"]["data"][0] for event in run if event["method"] == "messages"
        ]

        names = [event["event"] for event in events]
        finish = names.index("content-block-finish")
        text = "".join(
            event["delta"].get("text", "")
            for event in events[:finish]
            if event["event"] == "content-block-delta"
        )
        assert f"one [REDACTED:db/password] two {value[:7]}" == text
        assert "content-block-delta" not in names[finish:]


class TestPrinting:
    @pytest.mark.parametrize("mode", ["values", "updates", "custom", "debug"])
    def test_what_is_printed_is_redacted(self, broker, value, capsys, mode):
        """`print_mode` prints the part that the stream shows, not the raw one."""
        from langgraph.config import get_stream_writer

        def node(state):
            get_stream_writer()(f"part {value}")
            return {"text": value}

        result = protect(graph_of(node), broker).invoke(
            {"text": value}, print_mode=mode
        )

        printed = capsys.readouterr().out
        assert f"[{mode}]" in printed
        assert "[REDACTED:db/password]" in printed
        assert value not in printed
        assert {"text": "[REDACTED:db/password]"} == result

    def test_debug_prints_no_value(self, broker, value, capsys):
        """`debug=True` prints what the state holds: markers."""
        guarded = protect(graph_of(lambda _: {"text": value}), broker)

        guarded.invoke({"text": value}, debug=True)

        printed = capsys.readouterr().out
        assert "[REDACTED:db/password]" in printed
        assert value not in printed


def pickled(saver: InMemorySaver) -> bytes:
    """All that the saver in memory holds, as bytes."""
    held = (dict(saver.storage), dict(saver.writes), dict(saver.blobs))
    return repr(held).encode()
