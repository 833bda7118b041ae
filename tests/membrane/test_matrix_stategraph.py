"""Leaks of a `StateGraph`: each source, each way to run it, every sink."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from itertools import pairwise
from operator import add
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.config import get_store, get_stream_writer
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, RetryPolicy, Send, interrupt
from pydantic import BaseModel, SecretStr
from typing_extensions import TypedDict

from langchain_tyrum.membrane import protect

WAYS = ["stream", "stream_v2", "invoke", "events_v3"]
AWAYS = ["astream", "ainvoke", "aevents_v1", "aevents_v2", "aevents_v3", "alog"]
#: Ways that go through the code of another one.
ALIKE = {"stream_v2", "invoke", "ainvoke", "aevents_v1"}
GITHUB = "ghp_" + "Zx9" * 12


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    data: Any
    log: Annotated[list[Any], add]
    done: bool


class Person(BaseModel):
    note: str


@dataclass
class Card:
    note: str


def graph_of(lab, first, *more, seen=None, **options):
    """`first`, then further nodes, then one that keeps what it was given."""
    builder = StateGraph(State)
    nodes = [("first", first), *((f"more{i}", node) for i, node in enumerate(more))]

    def last(state):
        if seen is not None:
            seen.append(state)
        return {"done": True}

    nodes.append(("last", last))
    for name, node in nodes:
        builder.add_node(name, node, **(options if name == "first" else {}))
    builder.add_edge(START, "first")
    for (here, _), (there, _) in pairwise(nodes):
        builder.add_edge(here, there)
    return builder.compile(checkpointer=lab.saver, store=lab.store)


def returns(value, kit):
    return graph_of(kit.lab, lambda _: {"data": value}, seen=kit.seen)


def user_message(v, kit):
    graph = graph_of(kit.lab, lambda _: {}, seen=kit.seen)
    return kit.setup(graph, {"messages": [HumanMessage(f"look at {v} please")]})


def input_value(v, kit):
    return kit.setup(graph_of(kit.lab, lambda _: {}, seen=kit.seen), {"data": v})


def node_result(v, kit):
    return kit.setup(returns(f"it is {v}!", kit), {"data": 1})


def nested(v, kit):
    return kit.setup(returns({"a": [{"b": (v, {"c": v})}]}, kit), {"data": 1})


def dict_key(v, kit):
    return kit.setup(returns({"keys": {v: 1}}, kit), {"data": 1})


def as_bytes(v, kit):
    return kit.setup(returns(b"\x00raw " + v.encode(), kit), {"data": 1})


def as_base64(v, kit):
    coded = base64.b64encode(f"user:{v}".encode()).decode()
    return kit.setup(returns({"header": f"Basic {coded}"}, kit), {"data": 1})


def pydantic_model(v, kit):
    return kit.setup(returns(Person(note=v), kit), {"data": 1})


def data_class(v, kit):
    return kit.setup(returns(Card(note=v), kit), {"data": 1})


def secret_str(v, kit):
    return kit.setup(returns(SecretStr(v), kit), {"data": 1})


def artifact(v, kit):
    from langchain_core.messages import ToolMessage

    message = ToolMessage("ok", tool_call_id="c1", artifact={"raw": v})
    graph = graph_of(kit.lab, lambda _: {"messages": [message]}, seen=kit.seen)
    return kit.setup(graph, {"data": 1})


def exception(v, kit):
    def first(state):
        raise ValueError(f"bad login with {v}")

    graph = graph_of(kit.lab, first)
    return kit.setup(graph, {"data": 1}, raises=ValueError)


def chained_exception(v, kit):
    def first(state):
        try:
            raise KeyError(v)
        except KeyError as error:
            error.add_note(f"note {v}")
            raise RuntimeError(f"outer {v}") from error

    graph = graph_of(kit.lab, first)
    return kit.setup(graph, {"data": 1}, raises=RuntimeError)


def retried_exception(v, kit):
    tries = []

    def first(state):
        tries.append(1)
        if len(tries) < 2:
            raise ConnectionError(f"no route with {v}")
        return {"data": "fine"}

    policy = RetryPolicy(initial_interval=0.001, jitter=False)
    graph = graph_of(kit.lab, first, seen=kit.seen, retry_policy=policy)
    return kit.setup(graph, {"data": 1}, alive=lambda: len(tries) == 2)


def handled_exception(v, kit):
    def first(state):
        raise ValueError(f"bad login with {v}")

    def rescue(state):
        kit.seen.append(state)
        return {"data": "rescued"}

    graph = graph_of(kit.lab, first, seen=kit.seen, error_handler=rescue)
    return kit.setup(graph, {"data": 1})


def interrupt_payload(v, kit):
    def first(state):
        return {"data": interrupt({"question": f"use {v}?"})}

    graph = graph_of(kit.lab, first, seen=kit.seen)
    return kit.setup(graph, {"data": 1}, then=[Command(resume="yes")])


def resume_value(v, kit):
    def first(state):
        return {"data": interrupt("what is it?")}

    graph = graph_of(kit.lab, first, seen=kit.seen)
    return kit.setup(graph, {"data": 1}, then=[Command(resume={"got": v})])


def command_update(v, kit):
    def first(state):
        return Command(update={"data": v}, goto="last")

    graph = graph_of(kit.lab, first, seen=kit.seen)
    return kit.setup(graph, {"data": 1})


def command_send(v, kit):
    def first(state):
        return Command(goto=Send("more0", {"data": {"token": v}}))

    graph = graph_of(kit.lab, first, lambda s: {"log": [s["data"]]}, seen=kit.seen)
    return kit.setup(graph, {"data": 1})


def command_input(v, kit):
    graph = graph_of(kit.lab, lambda _: {}, seen=kit.seen)
    return kit.setup(graph, Command(update={"data": v}, goto="first"))


def metadata(v, kit):
    graph = returns("x", kit)
    return kit.setup(graph, {"data": 1}, config={"metadata": {"token": v, "m": [v]}})


def tags(v, kit):
    return kit.setup(returns("x", kit), {"data": 1}, config={"tags": [f"t-{v}"]})


def run_name(v, kit):
    return kit.setup(returns("x", kit), {"data": 1}, config={"run_name": f"run {v}"})


def configurable(v, kit):
    got = []

    def first(state, config):
        got.append(config["configurable"]["user_token"])
        return {"data": "used"}

    from langchain_core.runnables import RunnableConfig

    first.__annotations__["config"] = RunnableConfig
    graph = graph_of(kit.lab, first, seen=kit.seen)
    config = {"configurable": {"user_token": v}}
    return kit.setup(graph, {"data": 1}, config=config, alive=lambda: set(got) == {v})


def node_metadata(v, kit):
    graph = graph_of(
        kit.lab, lambda _: {"data": 1}, seen=kit.seen, metadata={"owner": v}
    )
    return kit.setup(graph, {"data": 1})


def store_item(v, kit):
    def first(state):
        get_store().put(("users",), "u1", {"password": v, v: "key"})
        return {"data": "stored"}

    return kit.setup(graph_of(kit.lab, first, seen=kit.seen), {"data": 1})


def custom_stream(v, kit):
    def first(state):
        get_stream_writer()({"progress": f"logging in with {v}"})
        return {"data": "sent"}

    return kit.setup(graph_of(kit.lab, first, seen=kit.seen), {"data": 1})


def model_answer(v, kit):
    kit.model = kit.scripted(AIMessage(f"the password is {v}, keep it"))

    def first(state):
        return {"messages": [kit.model.invoke("what is it?")]}

    graph = graph_of(kit.lab, first, seen=kit.seen)
    return kit.setup(graph, {"data": 1}, model=kit.model)


def sub_graph(v, kit):
    inner = StateGraph(State)
    inner.add_node("find", lambda _: {"data": {"found": v}})
    inner.add_node("use", lambda s: kit.seen.append(s) or {"log": [s["data"]]})
    inner.add_edge(START, "find")
    inner.add_edge("find", "use")
    graph = graph_of(kit.lab, inner.compile(), seen=kit.seen)
    return kit.setup(graph, {"data": 1})


def closure_sub_graph(v, kit):
    inner = StateGraph(State)
    inner.add_node("find", lambda _: {"data": {"found": v}})
    inner.add_node("use", lambda s: kit.seen.append(s) or {"log": [s["data"]]})
    inner.add_edge(START, "find")
    inner.add_edge("find", "use")
    called = {"graph": inner.compile()}

    def first(state):
        return {"log": called["graph"].invoke({"data": f"in {v}"})["log"]}

    graph = graph_of(kit.lab, first, seen=kit.seen)
    return kit.setup(graph, {"data": 1})


SOURCES = [
    user_message,
    input_value,
    node_result,
    nested,
    dict_key,
    as_bytes,
    as_base64,
    pydantic_model,
    data_class,
    secret_str,
    artifact,
    exception,
    chained_exception,
    retried_exception,
    handled_exception,
    interrupt_payload,
    resume_value,
    command_update,
    command_send,
    command_input,
    metadata,
    tags,
    run_name,
    configurable,
    node_metadata,
    store_item,
    custom_stream,
    model_answer,
    sub_graph,
    closure_sub_graph,
]
#: Where a shape cannot be told, since it is not written out as text.
ENCODED = {as_base64}
#: Where a run may show no marker: a handle takes its place, or nobody listens.
UNMARKED = {user_message, custom_stream}


@dataclass
class Kit:
    lab: Any
    setup: Any
    scripted: Any
    seen: list[Any]
    model: Any = None


#: Run in all ways.
BROAD = {node_result, exception, interrupt_payload, model_answer, metadata, sub_graph}


@pytest.fixture
def kit(lab, setup_of, scripted):
    return Kit(lab, setup_of, scripted, [])


def cases(ways):
    """Every source in the ways that differ most; some in all ways."""
    return [
        pytest.param(source, way, id=f"{source.__name__}-{way}")
        for source in SOURCES
        for way in ways
        if way not in ALIKE or source in BROAD
    ]


def assert_clean(source, evidence, setup, kit, value, tell):
    """No sink shows the value, and the run did what it should."""
    assert [] == evidence.leaks(value)
    if setup.raises:
        assert isinstance(evidence.error, setup.raises), evidence.error
    else:
        assert evidence.error is None, evidence.error
        assert kit.seen
    assert value not in tell(kit.seen)
    assert setup.alive is None or setup.alive()
    assert "t1" in evidence.sinks["wire"]
    assert "on_chain_start" in evidence.sinks["handler"]
    if source not in UNMARKED:
        assert evidence.marked
    if kit.model:
        assert kit.model.got


class TestProtected:
    @pytest.mark.parametrize(("source", "way"), cases(WAYS))
    def test_a_registered_value_leaks_nowhere(
        self, source, way, kit, drive, known, teller
    ):
        """A value without a shape, known to the broker, is in no sink."""
        broker, value = known
        with kit.lab.sync():
            setup = source(value, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = drive(kit.lab, setup, way)
        assert_clean(source, evidence, setup, kit, value, teller)

    @pytest.mark.parametrize(("source", "way"), cases(AWAYS))
    async def test_a_registered_value_leaks_nowhere_async(
        self, source, way, kit, adrive, known, teller
    ):
        """The same holds for the async ways to run a graph."""
        broker, value = known
        async with kit.lab.asynchronous():
            setup = source(value, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = await adrive(kit.lab, setup, way)
        assert_clean(source, evidence, setup, kit, value, teller)

    @pytest.mark.parametrize(
        "source", [s for s in SOURCES if s not in ENCODED], ids=lambda s: s.__name__
    )
    def test_a_known_shape_leaks_nowhere(self, source, kit, drive, known, teller):
        """A credential that nobody registered is told by its shape."""
        with kit.lab.sync():
            setup = source(GITHUB, kit)
            setup.graph = protect(setup.graph, known[0])
            evidence = drive(kit.lab, setup, "stream")
        assert_clean(source, evidence, setup, kit, GITHUB, teller)


class TestUnprotected:
    @pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.__name__)
    def test_each_source_leaks_without_the_membrane(self, source, kit, drive, canary):
        """The reader finds the value when nothing guards the graph."""
        value = canary()
        with kit.lab.sync():
            setup = source(value, kit)
            evidence = drive(kit.lab, setup, "stream")
        assert evidence.leaks(value)
