"""Guarded node caches."""

from __future__ import annotations

import pickle
from typing import TypedDict

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.state import guard_cache, is_guarded


class State(TypedDict, total=False):
    value: str


def _graph(cache, canary, ran):
    def work(state):
        ran.append(1)
        return {"value": canary}

    builder = StateGraph(State)
    builder.add_node("work", work, cache_policy=CachePolicy())
    builder.add_edge(START, "work")
    return builder.compile(cache=cache)


class TestCache:
    """`guard_cache`."""

    def test_node_result(self, redactor, canary, leaks):
        """A cached result is stored with a marker, and is served from the cache."""
        inner, ran = InMemoryCache(), []
        graph = _graph(guard_cache(inner, redactor), canary, ran)

        graph.invoke({"value": "x"})
        second = graph.invoke({"value": "x"})

        assert [1] == ran
        assert {"value": "[REDACTED:vault/canary]"} == second
        assert [] == leaks(pickle.dumps(inner._cache))

    async def test_async(self, redactor, canary, leaks):
        """The async way is guarded too."""
        inner, ran = InMemoryCache(), []
        graph = _graph(guard_cache(inner, redactor), canary, ran)

        await graph.ainvoke({"value": "x"})
        await graph.ainvoke({"value": "x"})

        assert [1] == ran
        assert [] == leaks(pickle.dumps(inner._cache))

    def test_planted_leak(self, canary, leaks):
        """Without the guard the value is in the cache."""
        inner = InMemoryCache()

        _graph(inner, canary, []).invoke({"value": "x"})

        assert leaks(pickle.dumps(inner._cache))

    def test_key(self, redactor, canary):
        """A value in a cache key is refused."""
        cache = guard_cache(InMemoryCache(), redactor)

        with pytest.raises(RawSecretFound, match="cache key"):
            cache.set({(("ns",), canary): ("x", None)})

    def test_is_what_it_was(self, redactor):
        """It is a cache of the given class; the given one is untouched."""
        inner = InMemoryCache()
        cache = guard_cache(inner, redactor)

        assert isinstance(cache, InMemoryCache)
        assert is_guarded(cache)
        assert not is_guarded(inner)
        assert cache is guard_cache(cache, redactor)
        assert type(inner) is InMemoryCache
