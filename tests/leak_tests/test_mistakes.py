"""What a matrix refuses, and what it says when a run proves less than it seems to."""

from __future__ import annotations

import logging
import threading

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from typing_extensions import TypedDict

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.membrane import protect
from langchain_tyrum.testing import (
    LeakMatrix,
    LeaksFound,
    aassert_no_leaks,
    assert_no_leaks,
)
from langchain_tyrum.testing.leaks.recorders import listening
from langchain_tyrum.testing.leaks.wire import TraceWire

INPUT = {"messages": [("user", "hello")]}


class Notes(TypedDict, total=False):
    """A state without messages."""

    notes: str


def notes_graph(**options):
    builder = StateGraph(Notes)
    builder.add_node("write", lambda _: {"notes": "done"})
    builder.add_edge(START, "write")
    return builder.compile(**options)


def messages_graph():
    builder = StateGraph(MessagesState)
    builder.add_node("say", lambda _: {"messages": [("ai", "hello")]})
    builder.add_edge(START, "say")
    return builder.compile()


class TestInputsThatAreDropped:
    @pytest.mark.parametrize("kind", ["value", "github-pat"])
    @pytest.mark.parametrize("saved", [False, True])
    def test_an_unknown_channel_is_not_ok(self, guard, kind, saved):
        """An input that the graph drops proves nothing, and the key is named."""
        graph = notes_graph(checkpointer=InMemorySaver() if saved else None)

        report = LeakMatrix(
            protect(graph, guard),
            guard,
            inputs=[{"messages": ["x"]}],
            kinds=[kind],
            ways=["stream", "astream_events v2"],
        ).run()

        assert not report.ok
        assert ["stream", "astream_events v2"] == [*report.dead]
        assert "the graph takes no 'messages', it takes ['notes']" in str(report)

    def test_an_input_that_is_overwritten_is_ok(self, guard):
        """A node that was given the input is proof enough."""
        graph = protect(notes_graph(), guard)

        report = LeakMatrix(
            graph, guard, inputs=[{"notes": "x"}], kinds=["value"], ways=["invoke"]
        ).run()

        assert report.ok, str(report)


class TestInALoop:
    async def test_run_is_refused_before_anything_runs(self, guard):
        """No way has run, no coroutine is left over, and the mend is named."""
        ran = []
        graph = protect(messages_graph(), guard)
        matrix = LeakMatrix(graph, guard, inputs=[lambda _: ran.append(1) or INPUT])

        with pytest.raises(ConfigError, match=r"await LeakMatrix\(…\)\.arun\(\)"):
            matrix.run()
        with pytest.raises(ConfigError, match="event loop"):
            assert_no_leaks(graph, guard, inputs=[INPUT])

        assert [] == ran

    async def test_sync_ways_alone_run_in_a_loop(self, guard):
        """They need no loop of their own."""
        graph = protect(messages_graph(), guard)

        report = assert_no_leaks(
            graph, guard, inputs=[INPUT], kinds=["value"], ways=["invoke"]
        )

        assert ["invoke"] == [trial.way for trial in report.trials]

    async def test_the_async_twin_asserts(self, guard):
        """It runs the async ways, lists the others, and fails on a leak."""
        some = {"inputs": [INPUT], "kinds": ["value"], "ways": ["invoke", "ainvoke"]}

        report = await aassert_no_leaks(protect(messages_graph(), guard), guard, **some)

        assert ["ainvoke"] == [trial.way for trial in report.trials]
        assert ["invoke"] == [*report.skipped]
        with pytest.raises(LeaksFound):
            await aassert_no_leaks(messages_graph(), guard, **some)


class TestOneForAList:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"inputs": INPUT}, r"inputs is a list: write inputs=\[\{…\}\]"),
            ({"inputs": "hello"}, "inputs is a list"),
            ({"inputs": lambda _: INPUT}, "inputs is a list"),
            ({"updates": INPUT}, "updates is a list"),
            ({"ways": "invoke"}, r'ways is a list: write ways=\["…"\]'),
            ({"kinds": "value"}, "kinds is a list"),
            ({"plant": "input"}, "plant is a list"),
        ],
    )
    def test_it_is_refused(self, guard, options, message):
        """One thing is not taken apart into its keys or letters."""
        with pytest.raises(ConfigError, match=message):
            LeakMatrix(messages_graph(), guard, **{"inputs": [INPUT], **options})


class TestUnprotected:
    def test_the_first_line_asks_for_protect(self, guard):
        """The cause comes first, and ten leaks are enough to see them."""
        some = {"inputs": [INPUT], "ways": ["stream"]}
        with pytest.raises(LeaksFound) as caught:
            assert_no_leaks(messages_graph(), guard, **some)

        lines = str(caught.value).splitlines()
        assert "is this graph protected? protect(graph, broker)" in lines[0]
        assert 10 == sum(line.startswith("leak: ") for line in lines)


class Kept(logging.Handler):
    """A user's handler."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append(record.getMessage())


class TestQuiet:
    @pytest.fixture
    def users(self):
        """A handler at the root, which the user set to INFO."""
        root, handler = logging.getLogger(), Kept()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        yield handler
        root.removeHandler(handler)
        root.setLevel(level)

    def test_the_users_handlers_hear_what_they_heard_before(self, users):
        """The reader hears DEBUG; the user's handler keeps to the user's level."""
        log, chatty = logging.getLogger("kit.quiet"), logging.getLogger("kit.chatty")
        chatty.setLevel(logging.DEBUG)
        with listening() as output:
            log.debug("quiet one")
            log.info("said one")
            chatty.debug("chatty one")
        log.debug("after one")

        assert ["said one", "chatty one"] == users.kept
        assert [] == users.filters
        assert b"quiet one" in output.sinks()["logs"]

    def test_the_endpoint_draws_no_advice(self, users):
        """That compression is off is on purpose, and is not told the user."""
        before = {*threading.enumerate()}
        with TraceWire() as wire:
            wire.client()
            logging.getLogger("langsmith.client").warning("another matter")
        for thread in {*threading.enumerate()} - before:
            thread.join(10)

        assert "another matter" in users.kept
        assert [] == [said for said in users.kept if "compression" in said]
