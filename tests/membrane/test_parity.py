"""A protected graph does what the plain one does, but for the values."""

from __future__ import annotations

import io
import re
from operator import add
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langgraph.channels.untracked_value import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from langchain_tyrum.membrane import protect


class State(TypedDict, total=False):
    text: str
    log: Annotated[list[Any], add]


def nested_graph(**options):
    inner = StateGraph(State)
    inner.add_node("deep", lambda s: {"log": ["deep"]})
    inner.add_edge(START, "deep")
    outer = StateGraph(State)
    outer.add_node("first", lambda s: {"text": "t", "log": ["first"]})
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "first")
    outer.add_edge("first", "inner")
    return outer.compile(**options)


def steady(part: Any) -> str:
    """A part without the ids and times that differ from run to run."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", str(part))
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.+]+", "TIME", text)


MODES = [
    None,
    "values",
    "updates",
    "tasks",
    "debug",
    "checkpoints",
    ["values"],
    ["values", "updates", "custom"],
]


class TestStreams:
    @pytest.mark.parametrize("subgraphs", [False, True])
    @pytest.mark.parametrize("version", ["v1", "v2"])
    @pytest.mark.parametrize("mode", MODES, ids=str)
    def test_parts_have_the_same_shape_and_order(
        self, memory_broker, mode, version, subgraphs
    ):
        """Each stream mode and version gives what the plain graph gives."""
        config = {"configurable": {"thread_id": "t"}}
        options = {"stream_mode": mode, "version": version, "subgraphs": subgraphs}
        plain = nested_graph(checkpointer=InMemorySaver())
        guarded = protect(nested_graph(checkpointer=InMemorySaver()), memory_broker())

        expected = [steady(p) for p in plain.stream({"text": "x"}, config, **options)]
        actual = [steady(p) for p in guarded.stream({"text": "x"}, config, **options)]

        assert expected == actual

    @pytest.mark.parametrize("version", ["v1", "v2"])
    async def test_async_parts_have_the_same_shape(self, memory_broker, version):
        """The async streams too."""
        options = {"stream_mode": ["values", "updates"], "version": version}
        plain, guarded = nested_graph(), protect(nested_graph(), memory_broker())

        expected = [steady(p) async for p in plain.astream({"text": "x"}, **options)]
        actual = [steady(p) async for p in guarded.astream({"text": "x"}, **options)]

        assert expected == actual

    def test_chunks_add_up_to_the_message(self, memory_broker, scripted):
        """Message chunks keep ids and tool calls, and their sum is the message."""
        calls = [
            {"name": "f", "args": {"a": [1, 2], "b": "xyz" * 9}, "id": "c1"},
            {"name": "g", "args": {"c": {"d": None}}, "id": "c2"},
        ]
        answer = AIMessage("some words, then calls", tool_calls=calls)
        model = scripted(answer)
        builder = StateGraph(MessagesState)
        builder.add_node("m", lambda s: {"messages": [model.invoke(s["messages"])]})
        builder.add_edge(START, "m")
        guarded = protect(builder.compile(), memory_broker({"k": "value-of-k-123"}))

        parts = list(
            guarded.stream({"messages": [HumanMessage("q")]}, stream_mode="messages")
        )

        chunks = [chunk for chunk, _ in parts]
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
        assert {"m"} == {meta["langgraph_node"] for _, meta in parts}
        assert answer.text == whole.text
        assert [c["args"] for c in calls] == [c["args"] for c in whole.tool_calls]
        assert ["c1", "c2"] == [c["id"] for c in whole.tool_calls]
        assert 1 == len({chunk.id for chunk in chunks if chunk.chunk_position is None})

    def test_a_stream_can_be_left_early(self, memory_broker):
        """Closing the stream closes the run beneath it."""
        stream = protect(nested_graph(), memory_broker()).stream({"text": "x"})

        next(stream)
        stream.close()

        assert [] == list(stream)

    async def test_events_come_in_the_same_order(self, memory_broker):
        """v2 events bear the same names in the same order."""
        plain, guarded = nested_graph(), protect(nested_graph(), memory_broker())

        expected = [
            (e["event"], e["name"])
            async for e in plain.astream_events({"text": "x"}, version="v2")
        ]
        actual = [
            (e["event"], e["name"])
            async for e in guarded.astream_events({"text": "x"}, version="v2")
        ]

        assert expected == actual


class TestControl:
    def test_interrupts_and_resumes_work(self, memory_broker):
        """A person's answer reaches the node that asked."""
        builder = StateGraph(State)
        builder.add_node("ask", lambda s: {"text": interrupt({"q": s["text"]})})
        builder.add_edge(START, "ask")
        guarded = protect(
            builder.compile(checkpointer=InMemorySaver()), memory_broker()
        )
        config = {"configurable": {"thread_id": "t"}}

        asked = guarded.invoke({"text": "really?"}, config)
        pending = guarded.get_state(config).tasks[0].interrupts[0]
        done = guarded.invoke(Command(resume={pending.id: "yes"}), config)

        assert {"q": "really?"} == asked["__interrupt__"][0].value
        assert "yes" == done["text"]

    def test_sends_and_parent_commands_work(self, memory_broker):
        """Fan-out by `Send` and a sub-graph's command to its parent arrive."""
        inner = StateGraph(State)
        inner.add_node(
            "up",
            lambda s: Command(graph=Command.PARENT, update={"log": ["up"]}, goto="end"),
        )
        inner.add_edge(START, "up")
        outer = StateGraph(State)
        outer.add_node(
            "fan",
            lambda s: Command(
                goto=[Send("leaf", {"text": t}) for t in "abc"] + ["inner"]
            ),
            destinations=("leaf", "inner"),
        )
        outer.add_node("leaf", lambda s: {"log": [s["text"]]})
        outer.add_node("inner", inner.compile())
        outer.add_node("end", lambda s: {"log": ["end"]})
        outer.add_edge(START, "fan")
        guarded = protect(outer.compile(), memory_broker())

        result = guarded.invoke({"text": "x"})

        assert ["a", "b", "c", "end", "up"] == sorted(result["log"])

    def test_an_exception_keeps_its_class(self, memory_broker, canary):
        """Callers that catch a class catch it still; its text is redacted."""

        class LoginFailed(Exception):
            pass

        value = canary()

        def node(state):
            raise LoginFailed(f"no: {value}", 7)

        builder = StateGraph(State)
        builder.add_node("n", node)
        builder.add_edge(START, "n")
        guarded = protect(builder.compile(), memory_broker({"k": value}))

        with pytest.raises(LoginFailed) as caught:
            guarded.invoke({"text": "x"})

        assert ("no: [REDACTED:k]", 7) == caught.value.args
        assert caught.value.__context__ is None

    def test_a_clean_exception_is_the_node_s_own(self, memory_broker):
        """Without a value in it, the same exception object comes out."""
        error = ValueError("plain")

        def node(state):
            raise error

        builder = StateGraph(State)
        builder.add_node("n", node)
        builder.add_edge(START, "n")

        with pytest.raises(ValueError, match="plain") as caught:
            protect(builder.compile(), memory_broker()).invoke({"text": "x"})

        assert error is caught.value


class TestLiveObjects:
    def test_what_nobody_can_look_into_passes_between_nodes(self, memory_broker):
        """A client or open file in the state stays the very object."""
        live, got = io.BytesIO(b"x"), []

        class Live(TypedDict, total=False):
            text: str
            live: Annotated[Any, UntrackedValue]

        builder = StateGraph(Live)
        builder.add_node("make", lambda s: {"live": live})
        builder.add_node("use", lambda s: got.append(s["live"]) or {"text": "used"})
        builder.add_edge(START, "make")
        builder.add_edge("make", "use")
        guarded = protect(builder.compile(), memory_broker())

        assert "used" == guarded.invoke({"text": "x"})["text"]
        assert got[0] is live


class TestDurability:
    @pytest.mark.parametrize("durability", ["sync", "async", "exit"])
    def test_each_durability_stores_the_same(self, memory_broker, durability):
        """The state at the end does not depend on the guard or the durability."""
        config = {"configurable": {"thread_id": "t"}}
        plain = nested_graph(checkpointer=InMemorySaver())
        guarded = protect(nested_graph(checkpointer=InMemorySaver()), memory_broker())

        plain.invoke({"text": "x"}, config, durability=durability)
        guarded.invoke({"text": "x"}, config, durability=durability)

        assert plain.get_state(config).values == guarded.get_state(config).values
        assert len(list(plain.get_state_history(config))) == len(
            list(guarded.get_state_history(config))
        )
