"""What leaves a run as text later says what it said when it was looked at."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy
from typing_extensions import TypedDict

from langchain_tyrum.membrane import protect


class State(TypedDict, total=False):
    data: Any


class Lying:
    """Says something harmless for so many times, and the value from then on."""

    def __init__(self, value, calm=9):
        self._left = calm
        self._said = lambda: value

    def __repr__(self):
        self._left -= 1
        return "nothing yet" if self._left >= 0 else f"it is {self._said()}"


class LyingError(RuntimeError):
    """An error whose text is computed each time."""

    def __init__(self, value, calm=9):
        super().__init__("failed")
        self._left = calm
        self._said = lambda: value

    def __str__(self):
        self._left -= 1
        return "failed" if self._left >= 0 else f"failed for {self._said()}"


@pytest.fixture
def graph(broker):
    def made(node):
        builder = StateGraph(State)
        builder.add_node("n", node)
        builder.add_edge(START, "n")
        return protect(builder.compile(), broker)

    return made


def asked_often(parts):
    """What a sink may make of parts that it keeps: their text, several times."""
    return [
        text for part in parts for _ in range(9) for text in (str(part), repr(part))
    ]


class TestStreams:
    def test_custom_parts_say_what_was_looked_at(self, graph, value):
        """A part of the custom stream never says the value, however often asked."""

        def node(_: Any) -> Any:
            get_stream_writer()({"obj": Lying(value)})
            return {}

        parts = list(graph(node).stream({}, stream_mode="custom"))

        assert 1 == len(parts)
        assert value not in str(asked_often(parts))
        assert isinstance(parts[0]["obj"], Lying)

    @pytest.mark.parametrize("mode", ["tasks", "debug"])
    def test_what_tasks_and_debug_tell_stays(self, graph, value, mode):
        """Results that are told to observers are frozen; the run goes on with them."""
        parts = list(
            graph(lambda _: {"data": Lying(value)}).stream({}, stream_mode=mode)
        )

        assert any(isinstance(leaf, Lying) for leaf in _leaves(parts))
        assert value not in str(asked_often(parts))

    def test_one_that_lies_at_once_becomes_text(self, graph, value):
        """What says the value while it is looked at is replaced by redacted text."""

        def node(_: Any) -> Any:
            get_stream_writer()({"obj": Lying(value, calm=1)})
            return {}

        parts = list(graph(node).stream({}, stream_mode="custom"))

        assert "[REDACTED:db/password]" in str(parts)
        assert value not in str(asked_often(parts))

    @pytest.mark.filterwarnings("ignore:astream_events version")
    @pytest.mark.parametrize("version", ["v1", "v2"])
    async def test_events_say_what_was_looked_at(self, graph, value, version):
        """So do the events of `astream_events`."""
        run = graph(lambda _: {"data": Lying(value)})
        events = [each async for each in run.astream_events({}, version=version)]

        assert any(isinstance(leaf, Lying) for leaf in _leaves(events))
        assert value not in str(asked_often(events))

    @pytest.mark.filterwarnings("ignore:astream_log is deprecated")
    async def test_log_patches_say_what_was_looked_at(self, graph, value):
        """So do the patches of `astream_log`."""
        run = graph(lambda _: {"data": Lying(value)})
        patches = [each async for each in run.astream_log({})]

        assert patches
        assert value not in str(asked_often(patches))


class TestErrors:
    def test_a_raised_error_says_what_was_looked_at(self, graph, value):
        """The caller catches an error of the same class, which never says the value."""

        def node(_: Any) -> Any:
            raise LyingError(value)

        with pytest.raises(LyingError) as caught:
            graph(node).invoke({})

        assert "failed" == str(caught.value)
        assert value not in str(asked_often([caught.value, caught.value.args]))

    def test_one_that_lies_at_once_says_a_marker(self, graph, value):
        """An error that says the value while it is looked at says a marker."""

        def node(_: Any) -> Any:
            raise LyingError(value, calm=1)

        with pytest.raises(RuntimeError, match="REDACTED:db/password") as caught:
            graph(node).invoke({})

        assert value not in str(asked_often([caught.value]))

    async def test_async_too(self, graph, value):
        """The same holds for an async node."""

        async def node(_: Any) -> Any:
            raise LyingError(value)

        with pytest.raises(LyingError) as caught:
            await graph(node).ainvoke({})

        assert value not in str(asked_often([caught.value]))


class TestInside:
    """What the run goes on with stays live."""

    def test_a_command_to_the_parent_carries_the_object(self, broker):
        """What a sub-graph sends to its parent is the object itself."""
        seen = []

        def send(_: Any) -> Any:
            return Command(
                graph=Command.PARENT, goto="last", update={"data": Lying("x")}
            )

        inner = StateGraph(State)
        inner.add_node("send", send)
        inner.add_edge(START, "send")
        builder = StateGraph(State)
        builder.add_node("inner", inner.compile())
        builder.add_node("last", lambda state: seen.append(state["data"]) or {})
        builder.add_edge(START, "inner")

        protect(builder.compile(), broker).invoke({})

        assert [Lying] == [type(each) for each in seen]

    def test_a_node_is_retried_by_the_class_of_its_error(self, broker):
        """A retry policy sees the error that was raised, not a stand-in."""
        tries = []

        def node(_: Any) -> Any:
            tries.append(1)
            raise LyingError("x")

        builder = StateGraph(State)
        policy = RetryPolicy(
            max_attempts=3,
            initial_interval=0.001,
            retry_on=lambda error: type(error) is LyingError,
        )
        builder.add_node("n", node, retry_policy=policy)
        builder.add_edge(START, "n")

        with pytest.raises(LyingError):
            protect(builder.compile(), broker).invoke({})

        assert 3 == len(tries)


def _leaves(obj):
    if isinstance(obj, dict):
        return [leaf for each in obj.values() for leaf in _leaves(each)]
    if isinstance(obj, list | tuple):
        return [leaf for each in obj for leaf in _leaves(each)]
    return [obj]
