"""Errors reach handlers and callers without locals that hold a value."""

from __future__ import annotations

import asyncio
import operator
import traceback
from typing import Annotated, TypedDict

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph

from langchain_tyrum import SecretBroker, SecretPolicy, protect
from langchain_tyrum.errors import LedgerError
from langchain_tyrum.redaction.frames import without_locals

RAW = "kq7-frames-9912345"


class State(TypedDict):
    log: Annotated[list, operator.add]


@pytest.fixture
def broker():
    with SecretBroker.in_memory(
        {"api/key": RAW}, policy=SecretPolicy(allow=["*"])
    ) as broker:
        yield broker


def held(error):
    """The names of locals, by function, whose text holds the value."""
    found, step = set(), error.__traceback__
    while step:
        for name, value in step.tb_frame.f_locals.items():
            if isinstance(value, str | bytes | list | tuple | dict) and RAW in repr(
                value
            ):
                found.add((step.tb_frame.f_code.co_name, name))
        step = step.tb_next
    return found


def failing(state):
    secret = str(RAW)
    del state
    return len(secret) / 0


def quiet(state):
    harmless = "what a debugger wants to see"
    del state
    return len(harmless) / 0


def names(error):
    found, step = [], error.__traceback__
    while step:
        found.append(step.tb_frame.f_code.co_name)
        step = step.tb_next
    return found


def local(error, function, name):
    step = error.__traceback__
    while step:
        if step.tb_frame.f_code.co_name == function:
            return step.tb_frame.f_locals.get(name)
        step = step.tb_next
    raise LookupError(function)


def compiled(node):
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


class Listener(BaseCallbackHandler):
    """Looks at the locals of each error while it is on its way."""

    def __init__(self):
        self.errors = []
        self.held = set()

    def on_chain_error(self, error, **kwargs):
        self.errors.append(error)
        self.held |= held(error)


class TestCaller:
    @pytest.mark.parametrize("way", ["invoke", "stream", "batch"])
    def test_gets_no_values(self, broker, way):
        """A clean error loses the locals that hold a value; its lines stay."""
        graph = protect(compiled(failing), broker)
        given = {"log": [RAW]}
        run = {
            "invoke": lambda: graph.invoke(given),
            "stream": lambda: list(graph.stream(given)),
            "batch": lambda: graph.batch([given]),
        }[way]

        with pytest.raises(ZeroDivisionError) as caught:
            run()

        ours = {each for each in held(caught.value) if each[0] != "test_gets_no_values"}
        assert {("<lambda>", "given")} >= ours
        assert "failing" in names(caught.value)

    async def test_gets_no_values_async(self, broker):
        """The same holds for async runs."""
        graph = protect(compiled(failing), broker)

        with pytest.raises(ZeroDivisionError) as caught:
            await graph.ainvoke({"log": [RAW]})

        assert set() == held(caught.value)
        assert "failing" in names(caught.value)

    def test_keeps_harmless_locals(self, broker):
        """Frames that hold no value stay as they are, for debuggers."""
        graph = protect(compiled(quiet), broker)

        with pytest.raises(ZeroDivisionError) as caught:
            graph.invoke({"log": []})

        assert "what a debugger wants to see" == local(
            caught.value, "quiet", "harmless"
        )


class TestHandler:
    def test_gets_no_values(self, broker):
        """A handler that looks at locals while the run still fails finds none."""
        listener = Listener()
        graph = protect(compiled(failing), broker)

        with pytest.raises(ZeroDivisionError):
            graph.invoke(
                {"log": []},
                {"callbacks": [listener], "configurable": {"token": RAW}},
            )

        assert {ZeroDivisionError} == set(map(type, listener.errors))
        assert set() == listener.held


class TestErrors:
    @pytest.mark.parametrize("link", ["cause", "context", "member"])
    def test_of_errors_behind_it(self, broker, link):
        """Causes, contexts and members of groups are gone through too."""

        def inner():
            secret = str(RAW)
            raise ValueError(len(secret))

        with pytest.raises(ValueError, match="18") as behind:
            inner()
        error = RuntimeError("outer")
        if link == "cause":
            error.__cause__ = behind.value
        elif link == "context":
            error.__context__ = behind.value
        else:
            error = ExceptionGroup("outer", [behind.value])
        assert {("inner", "secret")} == held(behind.value)

        assert error is without_locals(error, broker.redactor)

        assert (set(), True) == (held(behind.value), "inner" in names(behind.value))

    def test_of_running_frames(self, broker):
        """A frame that runs keeps its locals; the error keeps file, line and name."""
        secret = str(RAW)
        try:
            _ = len(secret) / 0
        except ZeroDivisionError as error:
            before, raw = traceback.extract_tb(error.__traceback__), held(error)
            without_locals(error, broker.redactor)
            after, left = traceback.extract_tb(error.__traceback__), held(error)

        assert (True, set()) == (bool(raw), left)
        assert [(step.filename, step.lineno, step.name) for step in before] == [
            (step.filename, step.lineno, step.name) for step in after
        ]
        assert RAW == secret

    async def test_of_suspended_frames(self, broker):
        """A generator that caught the error and waits goes on as if nothing was."""
        caught = []

        def generator():
            secret = str(RAW)
            try:
                _ = len(secret) / 0
            except ZeroDivisionError as error:
                caught.append(error)
            yield 1
            yield secret

        running = generator()
        assert 1 == next(running)
        assert held(caught[0])

        without_locals(caught[0], broker.redactor)

        assert (set(), RAW) == (held(caught[0]), next(running))

    def test_too_much_to_look_at(self, broker):
        """A frame with more than can be looked at is emptied unseen."""

        def crowded():
            many = [str(number) for number in range(30_000)]
            raise ValueError(len(many))

        with pytest.raises(ValueError, match="30000") as caught:
            crowded()

        without_locals(caught.value, broker.redactor)

        assert local(caught.value, "crowded", "many") is None


def spilling(state):
    get_stream_writer()({"log": RAW})
    return len(state["log"]) / 0


def spilled(state):
    get_stream_writer()({"log": RAW})
    return {"log": ["ok"]}


async def taken(parts):
    return [part async for part in parts]


class TestStreams:
    """What a node streamed raw is in no frame of an error that comes after it."""

    @staticmethod
    def graph(broker, node):
        return protect(
            StateGraph(State).add_node("work", node).add_edge(START, "work").compile(),
            broker,
        )

    @pytest.mark.filterwarnings("ignore:astream_log is deprecated")
    @pytest.mark.parametrize("way", ["stream", "astream", "v2", "log"])
    def test_of_a_node(self, broker, way):
        """An error of the node that streamed it, in every way to stream."""
        graph, given = self.graph(broker, spilling), {"log": []}
        ways = {
            "stream": lambda: list(graph.stream(given, stream_mode=["custom"])),
            "astream": lambda: asyncio.run(
                taken(graph.astream(given, stream_mode=["custom"]))
            ),
            "v2": lambda: asyncio.run(taken(graph.astream_events(given, version="v2"))),
            "log": lambda: asyncio.run(taken(graph.astream_log(given))),
        }
        with pytest.raises(ZeroDivisionError) as caught:
            ways[way]()

        assert set() == held(caught.value)

    @pytest.mark.parametrize("way", ["stream", "astream"])
    def test_of_the_ledger(self, broker, way):
        """An error of the ledger, which was to be told of it."""
        graph, given = self.graph(broker, spilled), {"log": []}
        broker.arm()
        broker.close()
        with pytest.raises(LedgerError) as caught:
            if way == "stream":
                list(graph.stream(given, stream_mode=["custom"]))
            else:
                asyncio.run(taken(graph.astream(given, stream_mode=["custom"])))

        assert set() == held(caught.value)
