"""A protected graph inside one that nobody protects: what it borrows is guarded."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import tool
from langgraph.config import get_store, get_stream_writer
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from langchain_tyrum.membrane import protect

MODES = ["values", "updates", "custom", "tasks", "debug"]


class State(TypedDict, total=False):
    text: str


@pytest.fixture
def write(value):
    """What a node writes past its state: to the store, and to the stream."""

    def write():
        get_stream_writer()({"said": value})
        get_store().put(("notes",), "k", {"kept": value})
        return {"text": f"raw {value}"}

    return write


@pytest.fixture
def awrite(value):
    async def awrite():
        get_stream_writer()({"said": value})
        await get_store().aput(("notes",), "k", {"kept": value})
        return {"text": f"raw {value}"}

    return awrite


def graph(node, **options):
    builder = StateGraph(State)
    builder.add_node("n", node)
    builder.add_edge(START, "n")
    return builder.compile(**options)


def as_node(inner, _):
    return inner


def as_closure(inner, _):
    def call(state: Any) -> Any:
        return inner.invoke(state)

    return call


def as_stream(inner, _):
    return lambda state: list(inner.stream(state))[-1]["n"]


def in_custom_stream(inner, _):
    """It streams by itself as well."""
    return lambda state: list(inner.stream(state, stream_mode=["custom", "values"]))[
        -1
    ][1]


def as_batch(inner, _):
    return lambda state: inner.batch([state])[0]


def as_tool(inner, _):
    @tool
    def look() -> str:
        """Look."""
        return inner.invoke({"text": "x"})["text"]

    return lambda _: {"text": look.invoke({})}


def as_functional(inner, _):
    @entrypoint()
    def work(state: Any) -> Any:
        return inner.invoke(state)

    def call(state: Any) -> Any:
        return work.invoke(state)

    return call


WAYS = [
    as_node,
    as_closure,
    as_stream,
    in_custom_stream,
    as_batch,
    as_tool,
    as_functional,
]


class TestBorrowed:
    @pytest.mark.parametrize("subgraphs", [True, False])
    @pytest.mark.parametrize("way", WAYS)
    def test_store_and_stream_of_the_graph_around_it_are_guarded(
        self, broker, value, write, way, subgraphs
    ):
        """What its nodes put into the outer store and stream holds markers."""
        store = InMemoryStore()
        inner = protect(graph(lambda _: write()), broker)
        outer = graph(way(inner, value), store=store)

        parts = list(
            outer.stream({"text": "in"}, stream_mode=MODES, subgraphs=subgraphs)
        )

        assert value not in str(parts)
        assert "raw [REDACTED:db/password]" in str(parts)
        kept = store.get(("notes",), "k").value["kept"]
        assert value not in kept
        assert "[REDACTED" in kept

    @pytest.mark.parametrize("way", [as_node, as_closure])
    def test_its_custom_parts_arrive(self, broker, value, write, way):
        """The outer stream shows what the inner graph said, with a marker."""
        inner = protect(graph(lambda _: write()), broker)
        outer = graph(way(inner, value), store=InMemoryStore())

        parts = list(outer.stream({"text": "in"}, stream_mode="custom", subgraphs=True))

        assert [{"said": "[REDACTED:db/password]"}] == [part for _, part in parts]

    @pytest.mark.parametrize("closure", [True, False])
    async def test_async_too(self, broker, value, awrite, closure):
        """The same holds for a graph that runs async."""

        async def node(_: Any) -> Any:
            return await awrite()

        store = InMemoryStore()
        inner = protect(graph(node), broker)

        async def call(state: State) -> Any:
            return await inner.ainvoke(state)

        outer = graph(call if closure else inner, store=store)

        parts = [
            part
            async for part in outer.astream(
                {"text": "in"}, stream_mode=MODES, subgraphs=True
            )
        ]

        assert value not in str(parts)
        assert "[REDACTED:db/password]" in str(
            [part for _, mode, part in parts if mode == "custom"]
        )
        assert value not in store.get(("notes",), "k").value["kept"]

    def test_the_graph_around_keeps_its_own(self, broker, value, write):
        """A node beside the protected graph writes to store and stream as ever."""
        store = InMemoryStore()
        inner = protect(graph(lambda _: write()), broker)

        def beside(state: State) -> Any:
            inner.invoke(state)
            get_stream_writer()("plain")
            get_store().put(("mine",), "k", {"kept": "plain"})
            return {}

        parts = list(
            graph(beside, store=store).stream({"text": "in"}, stream_mode="custom")
        )

        assert "plain" == parts[-1]
        assert {"kept": "plain"} == store.get(("mine",), "k").value
