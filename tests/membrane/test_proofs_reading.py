"""What is read and written by the ways of a graph that are called less often."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import StateUpdate, interrupt
from typing_extensions import TypedDict

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.membrane import protect

MARKER = "[REDACTED:db/password]"
THREAD = {"configurable": {"thread_id": "t1"}}
VALUES = {"stream_mode": "values"}


class State(TypedDict, total=False):
    text: str
    other: Any


@pytest.fixture
def saver():
    return InMemorySaver()


def graph_of(node, **options):
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(**options)


def stored_in(saver):
    """All that the saver in memory holds, as text."""
    return repr((dict(saver.storage), dict(saver.writes), dict(saver.blobs)))


class TestRowsFromBeforeTheGuard:
    @pytest.fixture
    def old(self, saver, value):
        """A graph that stored a value raw, by itself and in a question that waits."""

        def ask(_):
            interrupt({"show": f"is it {value}?"})

        graph = graph_of(ask, checkpointer=saver)
        graph.invoke({"text": "x", "other": {"old": value}}, THREAD)
        return graph

    async def test_they_are_redacted_when_read_async(self, broker, value, saver, old):
        """`aget_state` and `aget_state_history` show markers; the rows are raw."""
        guarded = protect(old, broker)

        state = await guarded.aget_state(THREAD)
        history = [each async for each in guarded.aget_state_history(THREAD)]

        assert value in stored_in(saver)
        assert {"old": MARKER} == state.values["other"]
        assert {"show": f"is it {MARKER}?"} == state.interrupts[0].value
        assert value not in repr(state)
        assert 2 == len(history)
        assert value not in repr(history)
        assert [{"old": MARKER}] == [
            each.values["other"] for each in history if each.values
        ]

    def test_they_are_redacted_when_read(self, broker, value, old):
        """`get_state` and `get_state_history` show markers, in questions too."""
        guarded = protect(old, broker)

        state = guarded.get_state(THREAD)
        history = list(guarded.get_state_history(THREAD))

        assert {"show": f"is it {MARKER}?"} == state.interrupts[0].value
        assert MARKER in repr(history)
        assert value not in f"{state}{history}"

    async def test_nodes_read_markers_async(self, broker, value, saver, old):
        """A node of an async run is given markers, and so is the caller."""
        seen = []

        async def note(state):
            seen.append(state)
            return {"text": "y"}

        guarded = protect(graph_of(note, checkpointer=saver), broker)

        result = await guarded.ainvoke({"text": "z"}, THREAD)

        assert [{"text": "z", "other": {"old": MARKER}}] == seen
        assert {"text": "y", "other": {"old": MARKER}} == result


class TestManyUpdates:
    def steps(self, value):
        return [
            [StateUpdate({"text": f"one {value}"}, "node")],
            [StateUpdate({"text": "two", "other": [value]}, "node")],
        ]

    def test_each_step_is_redacted(self, broker, value, saver):
        """`bulk_update_state` writes markers in all steps, and gives a plain config."""
        guarded = protect(graph_of(lambda _: {}, checkpointer=saver), broker)
        steps = self.steps(value)

        written = guarded.bulk_update_state(THREAD, steps)

        past = [each.values for each in guarded.get_state_history(THREAD)]
        assert {"text": "two", "other": [MARKER]} == past[0]
        assert {"text": f"one {MARKER}"} == past[1]
        assert value not in stored_in(saver)
        assert {"thread_id", "checkpoint_ns", "checkpoint_id"} == {
            *written["configurable"]
        }
        assert f"one {value}" == steps[0][0].values["text"]

    async def test_each_step_is_redacted_async(self, broker, value, saver):
        """`abulk_update_state` too."""
        guarded = protect(graph_of(lambda _: {}, checkpointer=saver), broker)

        await guarded.abulk_update_state(THREAD, self.steps(value))

        history = guarded.aget_state_history(THREAD)
        past = [each.values async for each in history]
        assert {"text": "two", "other": [MARKER]} == past[0]
        assert {"text": f"one {MARKER}"} == past[1]
        assert value not in stored_in(saver)

    async def test_they_are_refused(self, broker, value, saver):
        """In mode `refuse` a value in a later step lets no step be written."""
        graph = graph_of(lambda _: {}, checkpointer=saver)
        guarded = protect(graph, broker, mode="refuse")
        steps = [[StateUpdate({"text": "fine"}, "node")], *self.steps(value)]

        with pytest.raises(RawSecretFound):
            guarded.bulk_update_state(THREAD, steps)
        with pytest.raises(RawSecretFound):
            await guarded.abulk_update_state(THREAD, steps)

        assert {} == dict(saver.storage)


class TestOtherWaysToRun:
    """The ways of a runnable that LangGraph leaves to LangChain."""

    @pytest.fixture
    def seen(self):
        return []

    @pytest.fixture
    def guarded(self, broker, value, saver, seen):
        def node(state):
            seen.append(state["text"])
            return {"other": f"is {value}"}

        return protect(graph_of(node, checkpointer=saver), broker)

    async def ran(self, guarded, way, given, handler):
        """What the caller gets of one run of each input, by name of the method."""
        run = getattr(guarded, way)
        configs = [
            {"configurable": {"thread_id": f"t{at}"}, "callbacks": [handler]}
            for at in range(len(given))
        ]
        pairs = zip(given, configs, strict=True)
        if way == "batch_as_completed":
            return [[result] for _, result in sorted(run(given, configs))]
        if way == "abatch_as_completed":
            found = [each async for each in run(given, configs)]
            return [[result] for _, result in sorted(found)]
        if way == "transform":
            return [list(run(iter([each]), config, **VALUES)) for each, config in pairs]

        async def once(each):
            yield each

        return [
            [part async for part in run(once(each), config, **VALUES)]
            for each, config in pairs
        ]

    @pytest.mark.parametrize(
        "way", ["batch_as_completed", "abatch_as_completed", "transform", "atransform"]
    )
    async def test_all_that_comes_and_goes_is_redacted(
        self, guarded, seen, saver, value, recorder, way
    ):
        """Nodes, results, handlers and rows hold markers, of each of several inputs."""
        given = [{"text": f"{name} {value}"} for name in ("a", "b")]

        results = await self.ran(guarded, way, given, recorder)

        texts = [f"{name} {MARKER}" for name in ("a", "b")]
        assert texts == sorted(seen)
        assert [{"text": text, "other": f"is {MARKER}"} for text in texts] == [
            parts[-1] for parts in results
        ]
        assert MARKER in stored_in(saver)
        assert MARKER in recorder.text
        assert value not in f"{results}{stored_in(saver)}{recorder.text}"
        assert f"a {value}" == given[0]["text"]

    @pytest.mark.parametrize("way", ["batch_as_completed", "abatch_as_completed"])
    async def test_errors_that_are_given_back_are_redacted(self, broker, value, way):
        """With `return_exceptions` an error is a result, and keeps its class."""

        def fail(state):
            raise KeyError(f"no {value} for {state['text']}")

        run = getattr(protect(graph_of(fail), broker), way)
        given = [{"text": "a"}, {"text": value}]
        if way == "batch_as_completed":
            found = dict(run(given, return_exceptions=True))
        else:
            parts = run(given, return_exceptions=True)
            found = {at: each async for at, each in parts}

        assert [KeyError, KeyError] == [type(found[at]) for at in (0, 1)]
        assert (f"no {MARKER} for a",) == found[0].args
        assert (f"no {MARKER} for {MARKER}",) == found[1].args
