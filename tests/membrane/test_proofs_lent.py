"""Stores and caches that come at run time: by config, or from an unguarded parent."""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import Any

import pytest
from langgraph.cache.sqlite import SqliteCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore
from langgraph.types import CachePolicy
from typing_extensions import TypedDict

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.membrane import protect

MARKER = "[REDACTED:db/password]"


class State(TypedDict, total=False):
    text: str
    other: Any


class FileCache(SqliteCache):
    """A cache in a file, which the fixture closes and not the collector."""

    def __del__(self):
        pass


@pytest.fixture
def store(tmp_path):
    """A store whose file can be read back."""
    connection = sqlite3.connect(
        tmp_path / "store.db", check_same_thread=False, isolation_level=None
    )
    store = SqliteStore(connection)
    store.setup()
    yield store
    connection.close()


@pytest.fixture
def cache(tmp_path):
    """A cache whose file can be read back."""
    cache = FileCache(path=str(tmp_path / "cache.db"))
    yield cache
    cache._conn.close()


@pytest.fixture
def on_disk(tmp_path):
    """All bytes of a database: its journal may hold what it does not hold yet."""

    def read(name):
        paths = sorted(tmp_path.glob(f"{name}.db*"))
        return b"".join(path.read_bytes() for path in paths).decode("latin-1")

    return read


def graph_of(node, **options):
    builder = StateGraph(State)
    builder.add_node("node", node, **options)
    builder.add_edge(START, "node")
    return builder


@pytest.fixture
async def astore(tmp_path):
    """An async store whose file can be read back."""
    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "store.db")) as store:
        await store.setup()
        yield store


def keeping(value):
    """A node that puts a value into the store that it finds."""

    def keep(_: State) -> State:
        get_store().put(("notes",), "k", {"v": f"is {value}"})
        return {"text": "kept"}

    return graph_of(keep).compile()


def akeeping(value):
    """Its async twin."""

    async def keep(_: State) -> State:
        await get_store().aput(("notes",), "k", {"v": f"is {value}"})
        return {"text": "kept"}

    return graph_of(keep).compile()


def by_config(graph, *, store=None, cache=None):
    """How to run a graph as a server does, sync and async."""
    lent = {"__pregel_runtime": Runtime(store=store), "__pregel_cache": cache}
    config = {"configurable": {key: part for key, part in lent.items() if part}}
    return partial(graph.invoke, config=config), partial(graph.ainvoke, config=config)


def by_a_parent(graph, *, store):
    """How to run a graph as a node of an unguarded one, sync and async."""
    parent = graph_of(graph).compile(store=store)
    return parent.invoke, parent.ainvoke


HOW = pytest.mark.parametrize("lending", [by_config, by_a_parent])


class TestStores:
    @HOW
    def test_a_store_that_is_lent_gets_markers(
        self, broker, value, store, on_disk, lending
    ):
        """Its file holds the marker and not the value."""
        run, _ = lending(protect(keeping(value), broker), store=store)

        result = run({"text": "x"})

        assert {"text": "kept"} == result
        assert {"v": f"is {MARKER}"} == store.get(("notes",), "k").value
        assert MARKER in on_disk("store")
        assert value not in on_disk("store")

    @HOW
    async def test_a_store_that_is_lent_gets_markers_async(
        self, broker, value, astore, on_disk, lending
    ):
        """The same holds for async runs."""
        _, run = lending(protect(akeeping(value), broker), store=astore)

        result = await run({"text": "x"})

        kept = await astore.aget(("notes",), "k")
        assert {"text": "kept"} == result
        assert {"v": f"is {MARKER}"} == kept.value
        assert MARKER in on_disk("store")
        assert value not in on_disk("store")

    @HOW
    def test_a_value_that_keys_an_item_is_refused(
        self, broker, value, store, on_disk, lending
    ):
        """Namespaces and keys cannot be redacted, in a lent store neither."""

        def keep(_: State) -> State:
            get_store().put(("notes", value), "k", {"v": 1})
            return {}

        graph = protect(graph_of(keep).compile(), broker)
        run, _ = lending(graph, store=store)

        with pytest.raises(RawSecretFound):
            run({"text": "x"})
        assert value not in on_disk("store")

    @HOW
    def test_without_the_guard_it_would_be_raw(self, value, store, on_disk, lending):
        """The node does write the value: the tests above can fail."""
        run, _ = lending(keeping(value), store=store)

        run({"text": "x"})

        assert value in on_disk("store")


class TestCaches:
    """LangGraph lends none to its sub-graphs; servers do, by config."""

    @pytest.fixture
    def ran(self):
        return []

    @pytest.fixture
    def caching(self, value, ran):
        """A graph whose node has a result that is kept; ask for it twice."""

        def compute(_: State) -> State:
            ran.append(1)
            return {"other": f"is {value}"}

        return graph_of(compute, cache_policy=CachePolicy()).compile()

    def test_a_cache_that_is_lent_gets_markers(
        self, broker, value, caching, cache, ran, on_disk
    ):
        """Its file holds markers, and the second run is served from it."""
        run, _ = by_config(protect(caching, broker), cache=cache)

        results = [run({"text": "x"}) for _ in range(2)]

        assert [1] == ran
        assert [{"text": "x", "other": f"is {MARKER}"}] * 2 == results
        assert MARKER in on_disk("cache")
        assert value not in on_disk("cache")

    async def test_a_cache_that_is_lent_gets_markers_async(
        self, broker, value, caching, cache, ran, on_disk
    ):
        """The same holds for async runs."""
        _, run = by_config(protect(caching, broker), cache=cache)

        results = [await run({"text": "x"}) for _ in range(2)]

        assert [1] == ran
        assert [f"is {MARKER}"] * 2 == [each["other"] for each in results]
        assert value not in on_disk("cache")

    def test_without_the_guard_it_would_be_raw(self, value, caching, cache, on_disk):
        """The node's result does hold the value: the tests above can fail."""
        run, _ = by_config(caching, cache=cache)

        run({"text": "x"})

        assert value in on_disk("cache")


class TestAllAtOnce:
    @pytest.fixture
    def foreign(self, broker, canary):
        """A value of a user's, which is no secret to the node of another's run."""
        value = canary("pin")
        broker.put("bank/pin", value, owner="ann")
        return value

    async def test_saver_store_and_cache_of_one_config(
        self, broker, value, foreign, astore, cache, on_disk
    ):
        """A server lends all three: known values are marked, others' are sealed."""

        async def keep(_: State) -> State:
            await get_store().aput(("notes",), "k", {"v": [value, foreign]})
            return {"other": [value, foreign]}

        saver = InMemorySaver()
        graph = graph_of(keep, cache_policy=CachePolicy()).compile()
        lent = {
            "thread_id": "t",
            "__pregel_runtime": Runtime(store=astore),
            "__pregel_cache": cache,
            "__pregel_checkpointer": saver,
        }

        result = await protect(graph, broker).ainvoke(
            {"text": value}, {"configurable": lent}
        )

        assert [MARKER, foreign] == result["other"]
        kept = repr((dict(saver.storage), dict(saver.writes), dict(saver.blobs)))
        for text in (kept, on_disk("store"), on_disk("cache")):
            assert (True, True) == (MARKER in text, "[REDACTED:~" in text)
            assert (False, False) == (value in text, foreign in text)
