"""`LeakMatrix` as users call it: on their own graph, with a report that tells."""

from __future__ import annotations

import sqlite3
from typing import Annotated, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.membrane import protect
from langchain_tyrum.testing import LeakMatrix, LeaksFound, assert_no_leaks
from langchain_tyrum.testing.leaks.canaries import KINDS, Canaries
from langchain_tyrum.testing.leaks.storage import CannotRead, stored

INPUT = {"messages": [("user", "hello")]}
QUICK = {"kinds": ["value", "base64", "github-pat"], "ways": ["stream", "ainvoke"]}


def answer(state):
    return {"messages": [("ai", f"you said {state['messages'][-1].text}")]}


def graph_of(node=answer, **options):
    builder = StateGraph(MessagesState)
    builder.add_node("answer", node)
    builder.add_edge(START, "answer")
    return builder.compile(**options)


@pytest.fixture
def values():
    """The values of every canary that a test plants."""
    made: list[Any] = []
    plant = Canaries.plant

    def noted(self, path="canary"):
        text = plant(self, path)
        made.extend(self)
        return text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Canaries, "plant", noted)
        yield made


class TestUnprotected:
    def test_the_report_names_what_leaked_and_shows_no_value(self, guard, values):
        """It names surface, canary and encoding; the value is in none of its texts."""
        report = LeakMatrix(graph_of(), guard, inputs=[INPUT], **QUICK).run()

        assert not report.ok
        assert {} == report.dead
        assert {"stream: values", "LangSmith wire", "result"} <= {
            leak.surface for leak in report.leaks
        }
        assert {"raw", "base64"} == {leak.encoding for leak in report.leaks}
        assert "input/messages/value" in str(report)
        with pytest.raises(LeaksFound) as caught:
            report.raise_for_leaks()
        shown = f"{report}{report!r}{caught.value}{report.leaks}{report.trials}"
        assert values
        assert [] == [c.name for c in values if c.value in shown or c.text in shown]

    def test_asserting_fails(self, guard):
        """In a test of the user's own it is an assertion that fails."""
        with pytest.raises(AssertionError, match="leak matrix"):
            assert_no_leaks(graph_of(), guard, inputs=[INPUT], **QUICK)


class TestProtected:
    def test_every_way_is_clean(self, guard):
        """A protected graph leaks nowhere: each way, sync and async, alive."""

        def make(checkpointer, store):
            return protect(graph_of(checkpointer=checkpointer, store=store), guard)

        report = assert_no_leaks(make, guard, inputs=[INPUT], kinds=["value", "jwt"])

        assert 12 == len(report.trials)
        assert {"checkpointer", "store", "state", "history"} <= {*report.surfaces}
        assert report.trials[0].surfaces["checkpointer"] > 1000
        assert {} == report.skipped

    async def test_in_a_running_loop(self, guard):
        """Async tests await the async ways."""
        graph = protect(graph_of(checkpointer=InMemorySaver()), guard)

        report = await LeakMatrix(graph, guard, inputs=[INPUT], **QUICK).arun()

        assert report.ok, str(report)
        assert ["ainvoke"] == [trial.way for trial in report.trials]

    def test_a_sync_saver_leaves_the_async_ways(self, guard, tmp_path):
        """What a saver cannot serve is listed as skipped, not passed as clean."""
        connection = sqlite3.connect(tmp_path / "x.db", check_same_thread=False)
        graph = protect(graph_of(checkpointer=SqliteSaver(connection)), guard)

        report = LeakMatrix(graph, guard, inputs=[INPUT], **QUICK).run()

        assert report.ok, str(report)
        assert ["ainvoke"] == [*report.skipped]
        assert "ainvoke" in str(report)
        connection.close()

    def test_functions_plant_where_they_like(self, guard):
        """Resumes and updates are planted by functions of the user's."""

        def ask(_: MessagesState) -> dict[str, Any]:
            return {"messages": [("ai", interrupt("what is it?"))]}

        graph = protect(graph_of(ask, checkpointer=InMemorySaver()), guard)

        report = assert_no_leaks(
            graph,
            guard,
            inputs=[INPUT, lambda plant: Command(resume=plant("input/resume"))],
            updates=[lambda plant: {"messages": [("user", plant("input/update"))]}],
            **QUICK,
        )

        assert report.ok

    def test_the_canaries_are_taken_back(self, guard, values):
        """Afterwards the redactor knows none of them."""
        graph = protect(graph_of(), guard)
        assert_no_leaks(graph, guard, inputs=[INPUT], **QUICK)

        texts = [canary.text for canary in values if canary.registered]
        assert texts
        assert texts == [guard.redactor.redact_text(text) for text in texts]


class TestAlive:
    def test_a_run_that_fails_is_not_ok(self, guard):
        """A graph that always raises leaks nothing, and proves nothing."""

        def fail(_: MessagesState) -> dict[str, Any]:
            raise RuntimeError("down")

        graph = protect(graph_of(fail), guard)
        report = LeakMatrix(graph, guard, inputs=[INPUT], plant=[], **QUICK).run()

        assert () == report.leaks
        assert not report.ok
        assert ("it raised RuntimeError",) == report.dead["stream"]
        expected = LeakMatrix(
            graph, guard, inputs=[INPUT], plant=[], raises=RuntimeError, **QUICK
        )
        assert expected.run().ok

    def test_an_input_that_nobody_saw_is_not_ok(self, guard):
        """A canary that is dropped on the way proves nothing about the way."""
        report = LeakMatrix(
            protect(graph_of(), guard),
            guard,
            inputs=[lambda plant: INPUT if plant("input/lost") else None],
            **QUICK,
        ).run()

        assert () == report.leaks
        assert "'input/lost'" in report.dead["stream"][0]

    def test_a_store_that_cannot_be_read_is_not_ok(self, guard):
        """An unread surface is no clean one; a reader of the user's mends it."""
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        saver = SqliteSaver(connection)
        graph = protect(graph_of(checkpointer=saver), guard)

        report = LeakMatrix(graph, guard, inputs=[INPUT], **QUICK).run()
        mended = LeakMatrix(
            graph,
            guard,
            inputs=[INPUT],
            sinks={"checkpointer": lambda: list(connection.iterdump())},
            **QUICK,
        ).run()

        assert "cannot be read back" in str(report)
        assert not report.ok
        assert mended.ok, str(mended)
        connection.close()


class TestSecrets:
    def test_the_graphs_own_values_are_looked_for(self, guard):
        """What a graph brings along by itself is found, and named."""

        def say(_: MessagesState) -> dict[str, Any]:
            return {"messages": [("ai", "my own value-93-lantern")]}

        report = LeakMatrix(
            protect(graph_of(say), guard),
            guard,
            inputs=[INPUT],
            secrets={"db/password": "value-93-lantern"},
            **QUICK,
        ).run()

        assert {"db/password"} == {leak.canary for leak in report.leaks}


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"ways": ["strem"]}, "strem"),
            ({"kinds": ["secret"]}, "secret"),
            ({"plant": ["inputs"]}, "inputs"),
            ({"inputs": []}, "at least one input"),
        ],
    )
    def test_unknown_names_are_refused(self, guard, options, word):
        """A misspelled option would test less than it says."""
        with pytest.raises(ConfigError, match=word):
            LeakMatrix(graph_of(), guard, **{"inputs": [INPUT], **options})

    def test_another_broker_is_refused(self, guard):
        """Canaries that the graph's own broker never hears of would all leak."""
        with SecretBroker.in_memory() as other:
            graph = protect(graph_of(), other)
            with pytest.raises(ConfigError, match="another broker"):
                LeakMatrix(graph, guard, inputs=[INPUT])

    def test_a_factory_makes_graphs(self, guard):
        """What a factory returns must be compiled."""
        matrix = LeakMatrix(lambda: StateGraph(MessagesState), guard, inputs=[INPUT])

        with pytest.raises(ConfigError, match="compiled"):
            matrix.run()


class TestReaders:
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_each_kind_is_found_where_it_is_planted(self, kind, guard):
        """The reader finds every kind in what was planted, raw and as JSON."""
        canaries = Canaries(guard.redactor, kinds=[kind.name])
        text = canaries.plant("reader")

        assert {f"reader/{kind.name}"} == {n for n, _ in canaries.find(text.encode())}
        canaries.forget()

    def test_an_unknown_store_cannot_be_read(self):
        """What the reader does not know it does not call clean."""
        with pytest.raises(CannotRead):
            stored(Annotated)
