"""What grows piece by piece: a tool's output, a broken answer, logs and interrupts."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from langchain.tools import ToolRuntime  # noqa: TC002 - langchain reads it
from langchain_core.messages import AIMessage, HumanMessage, ToolCall
from langchain_core.tools import tool
from langchain_core.tracers.log_stream import RunLog
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.prebuilt import ToolCallTransformer, ToolNode
from langgraph.types import Interrupt, interrupt
from typing_extensions import TypedDict

from langchain_tyrum.membrane import protect
from langchain_tyrum.membrane.deltas import ToolDeltas
from langchain_tyrum.membrane.events import clean_log
from langchain_tyrum.membrane.membrane import Membrane
from langchain_tyrum.membrane.streams import StreamGuard

MARKER = "[REDACTED:db/password]"


class State(TypedDict, total=False):
    text: str
    other: Any


@pytest.fixture
def run(broker):
    """The guard of a run of the broker's."""
    return Membrane(broker, "redact").enter({})


def tools_graph(*tools):
    """A graph of one node, which runs tools."""
    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode(list(tools), handle_tool_errors=False))
    builder.add_edge(START, "tools")
    return builder.compile()


def calls(*names):
    """An input that calls tools by name."""
    asked = [
        ToolCall(name=name, args={}, id=f"call_{name}", type="tool_call")
        for name in names
    ]
    return {"messages": [AIMessage("", tool_calls=asked)]}


def emitting(text, *, error=None):
    """A tool that shows its output letter by letter, then ends or fails; async too."""

    @tool
    def show(runtime: ToolRuntime) -> str:
        """Show something."""
        for letter in text:
            runtime.emit_output_delta(letter)
        if error is not None:
            raise error
        return "shown"

    async def ashow(runtime: ToolRuntime) -> str:
        return show.func(runtime)

    show.coroutine = ashow
    return show


async def shown(graph, way):
    """The events of the tools that a graph runs, before it ends or fails."""
    events, given = [], calls("show")
    try:
        if way == "stream":
            events.extend(graph.stream(given, stream_mode="tools"))
        elif way == "astream":
            parts = graph.astream(given, stream_mode="tools")
            async for event in parts:
                events.append(event)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # v3 is in beta, and says so once
                told = graph.stream_events(
                    given, version="v3", transformers=[ToolCallTransformer]
                )
            for event in told:
                if event["method"] == "tools":
                    events.append(event["params"]["data"])
    except ConnectionError:
        events.append({"event": "raised"})
    return events


def text_before(events, end):
    """The deltas that come before an event, put together; none may come after."""
    names = [event["event"] for event in events]
    at = names.index(end)
    assert "tool-output-delta" not in names[at:]
    return "".join(
        event["delta"] for event in events[:at] if event["event"] == "tool-output-delta"
    )


class TestToolOutput:
    @pytest.mark.parametrize("way", ["stream", "astream", "stream_events"])
    async def test_it_is_the_redaction_of_the_whole(self, broker, value, way):
        """However a tool cuts its output, clients get markers and every letter."""
        graph = tools_graph(emitting(f"see {value}, then {value[:7]}"))

        events = await shown(protect(graph, broker), way)

        assert f"see {MARKER}, then {value[:7]}" == text_before(events, "tool-finished")
        assert value not in str(events)
        assert 20 < sum(event["event"] == "tool-output-delta" for event in events)

    @pytest.mark.parametrize("way", ["stream", "astream"])
    async def test_the_tail_is_shown_when_the_tool_fails(self, broker, value, way):
        """What was held back comes out before the error is told."""
        tool = emitting(f"see {value[:9]}", error=ConnectionError(f"no {value}"))

        events = await shown(protect(tools_graph(tool), broker), way)

        assert f"see {value[:9]}" == text_before(events, "tool-error")
        assert f"no {MARKER}" in str(events)
        assert value not in str(events)
        assert {"event": "raised"} == events[-1]

    @pytest.mark.parametrize("way", ["stream", "astream"])
    async def test_without_the_guard_they_are_raw(self, value, way):
        """The tool does show the value: the test above can fail."""
        events = await shown(tools_graph(emitting(f"see {value}")), way)

        assert f"see {value}" == text_before(events, "tool-finished")

    def test_two_calls_at_once_do_not_mix(self, run, value):
        """Each call's text is held back by itself, whoever speaks in between."""
        deltas, texts = ToolDeltas(run.view), {"a": "", "b": ""}

        def feed(call, **event):
            for part in deltas.feed((), {"tool_call_id": call, **event}):
                texts[part["tool_call_id"]] += part.get("delta", "")

        for one, other in zip(f"{value} ", f"it was {value}", strict=False):
            feed("a", event="tool-output-delta", delta=one)
            feed("b", event="tool-output-delta", delta=other)
        feed("a", event="tool-finished", output="ok")
        held = texts["b"]
        feed("b", event="tool-error", message="broken")

        assert f"{MARKER} " == texts["a"]
        assert "it was " == held
        assert f"it was {value[:12]}" == texts["b"]

    def test_what_is_no_text_is_redacted_whole(self, run, value):
        """A delta may be any JSON, which is redacted as it comes."""
        event = {"event": "tool-output-delta", "tool_call_id": "a"}

        (part,) = ToolDeltas(run.view).feed((), {**event, "delta": {"row": [value]}})

        assert {**event, "delta": {"row": [MARKER]}} == part

    def test_the_tail_is_shown_when_the_tool_asks_somebody(self, broker, value):
        """What may begin a value is shown before the run waits for an answer."""

        @tool
        def show(runtime: ToolRuntime) -> str:
            """Show something, then ask."""
            for letter in f"see {value} and {value[:9]}":
                runtime.emit_output_delta(letter)
            return interrupt("ok?")

        builder = StateGraph(MessagesState)
        builder.add_node("tools", ToolNode([show]))
        builder.add_edge(START, "tools")
        graph = protect(builder.compile(checkpointer=InMemorySaver()), broker)
        config = {"configurable": {"thread_id": "1"}}

        events = list(graph.stream(calls("show"), config, stream_mode="tools"))

        deltas = [event.get("delta", "") for event in events]
        assert f"see {MARKER} and {value[:9]}" == "".join(deltas)

    def test_what_stands_beside_a_delta_is_redacted_too(self, run, value):
        """The id of a call is no place for a value either."""
        deltas = ToolDeltas(run.view)
        event = {"event": "tool-output-delta", "tool_call_id": value, "delta": "x"}

        told = [*deltas.feed((), event), *(each for _, each in deltas.rest())]

        assert value not in str(told)
        assert "x" == "".join(each["delta"] for each in told)


class TestBrokenAnswers:
    @pytest.mark.parametrize("version", ["v1", "v2"])
    async def test_text_is_shown_when_the_provider_breaks_off_async(
        self, broker, value, scripted, version
    ):
        """What was held back comes out of `astream` when no last chunk ever comes."""

        class Broken(type(scripted("x"))):
            def _stream(self, messages, stop=None, run_manager=None, **kwargs):
                yield from super()._stream(messages, stop, run_manager, **kwargs)
                raise ConnectionError("cut")

        model = Broken(answers=[AIMessage(f"say {value[:9]}")])

        async def ask(state):
            return {"messages": [await model.ainvoke(state["messages"])]}

        builder = StateGraph(MessagesState)
        builder.add_node("m", ask)
        builder.add_edge(START, "m")
        guarded = protect(builder.compile(), broker)
        text = ""

        with pytest.raises(ConnectionError, match="cut"):
            async for part in guarded.astream(
                {"messages": [HumanMessage("hi")]},
                stream_mode="messages",
                version=version,
            ):
                text += (part["data"] if version == "v2" else part)[0].text

        assert f"say {value[:9]}" == text


class TestLogs:
    @pytest.mark.parametrize("diff", [True, False])
    async def test_a_run_log_shows_markers(self, broker, value, diff):
        """Patches, and the whole log that grows with `diff=False`, hold none."""
        builder = StateGraph(State)
        builder.add_node("n", lambda _: {"text": value, "other": [value]})
        builder.add_edge(START, "n")
        guarded = protect(builder.compile(), broker)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # LangChain would rather see `astream`
            log = guarded.astream_log({"text": value}, diff=diff)
            parts = [part async for part in log]

        assert {not diff} == {isinstance(part, RunLog) for part in parts}
        told = f"{parts}{[getattr(part, 'state', '') for part in parts]}"
        assert MARKER in told
        assert value not in told

    def test_the_state_of_a_log_is_redacted_too(self, run, value):
        """Its patches and its state are two texts, and both are looked through."""
        step = {"op": "add", "path": "/final_output", "value": f"is {value}"}
        log = RunLog(step, state={"final_output": {"deep": [f"is {value}"]}})

        clean = clean_log(log, run)

        assert isinstance(clean, RunLog)
        assert {"final_output": {"deep": [f"is {MARKER}"]}} == clean.state
        assert f"is {MARKER}" == clean.ops[0]["value"]
        assert f"is {value}" == log.state["final_output"]["deep"][0]


class TestInterrupts:
    def test_what_a_part_of_v2_carries_beside_its_data_is_redacted(self, run, value):
        """A `values` part names the questions that wait: they hold markers."""
        guard = StreamGuard(
            run, stream_mode="values", print_mode=(), subgraphs=False, version="v2"
        )
        asked = (Interrupt(value={"show": f"is it {value}?"}, id="i1"),)
        part = {"type": "values", "ns": (), "data": {"n": 1}, "interrupts": asked}

        (clean,) = guard.parts(part)

        (asking,) = clean.pop("interrupts")
        assert Interrupt(value={"show": f"is it {MARKER}?"}, id="i1") == asking
        assert {"type": "values", "ns": (), "data": {"n": 1}} == clean
