"""A guarded cache closes nothing that it borrowed, and reads markers."""

from __future__ import annotations

import gc
from typing import TypedDict

from langgraph.cache.memory import InMemoryCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

from langchain_tyrum.membrane import protect
from langchain_tyrum.state import guard_cache


class State(TypedDict, total=False):
    value: str
    seen: str


def _graph(cache, node, then=None):
    builder = StateGraph(State)
    builder.add_node("work", node, cache_policy=CachePolicy())
    builder.add_node("next", then or (lambda _: {}))
    builder.add_edge(START, "work")
    builder.add_edge("work", "next")
    return builder.compile(cache=cache)


class Awaited(InMemoryCache):
    """Reads by itself when it is awaited, as a cache on the network does."""

    async def aget(self, keys):
        return InMemoryCache.get(self, keys)


class TestClosing:
    """A cache of LangGraph's closes its file when the collector takes it."""

    def test_the_given_one_outlives_the_guarded_one(self, memory_broker, tmp_path):
        """What was guarded for one run, or one twin, can be used afterwards."""
        inner = SqliteCache(path=str(tmp_path / "cache.db"))
        guard_cache(inner, memory_broker().redactor)
        gc.collect()

        inner.set({(("ns",), "k"): ("x", None)})

        assert {(("ns",), "k"): "x"} == inner.get([(("ns",), "k")])

    def test_the_guarded_one_outlives_the_given_one(self, memory_broker, tmp_path):
        """`protect(compile(cache=SqliteCache(...)))`: nobody else keeps the cache."""
        ran = []
        cache = SqliteCache(path=str(tmp_path / "cache.db"))
        graph = protect(_graph(cache, lambda _: ran.append(1) or {}), memory_broker())
        del cache
        gc.collect()

        for _ in range(2):
            graph.invoke({"value": "x"})

        assert [1] == ran


class TestRowsFromBeforeTheGuard:
    def test_the_next_node_reads_markers(self, memory_broker, canary):
        """A cached result stands for a node's result, and is guarded as one."""
        seen, cache = [], InMemoryCache()
        broker = memory_broker({"db/password": canary})

        def work(_):
            return {"value": f"is {canary}"}

        def note(state):
            seen.append(state["value"])

        graph = _graph(cache, work, note)
        graph.invoke({"value": "x"})

        protect(graph, broker).invoke({"value": "x"})

        assert [f"is {canary}", "is [REDACTED:db/password]"] == seen

    async def test_async_too(self, memory_broker, canary):
        """The same holds for a run that is awaited."""
        seen, cache = [], Awaited()
        broker = memory_broker({"db/password": canary})

        async def work(_):
            return {"value": f"is {canary}"}

        async def note(state):
            seen.append(state["value"])

        graph = _graph(cache, work, note)
        await graph.ainvoke({"value": "x"})

        await protect(graph, broker).ainvoke({"value": "x"})

        assert [f"is {canary}", "is [REDACTED:db/password]"] == seen
