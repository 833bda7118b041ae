"""Guarded stores."""

from __future__ import annotations

from typing import TypedDict

import pytest
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore
from langgraph.store.sqlite.aio import AsyncSqliteStore

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import guard_store, is_guarded

MARK = "[REDACTED:vault/canary]"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


class TestValues:
    """What is put."""

    def test_sqlite(self, path, redactor, canary, leaks, sqlite_bytes):
        """No byte of the database holds a value; markers can be read back."""
        with SqliteStore.from_conn_string(str(path)) as inner:
            inner.setup()
            store = guard_store(inner, redactor)

            store.put(("users", "1"), "note", {canary: [canary, {"deep": canary}]})

            item = store.get(("users", "1"), "note")
            assert {MARK: [MARK, {"deep": MARK}]} == item.value
            assert [] == leaks(sqlite_bytes(path))

    async def test_async_sqlite(self, path, redactor, canary, leaks, sqlite_bytes):
        """The async store is guarded too, and its own methods can be reached."""
        async with AsyncSqliteStore.from_conn_string(str(path)) as inner:
            store = guard_store(inner, redactor)
            await store.setup()

            await store.aput(("users",), "note", {"text": canary})

            (found,) = await store.asearch(("users",))
            assert {"text": MARK} == found.value
            assert [] == leaks(sqlite_bytes(path))

    def test_planted_leak(self, path, canary, leaks, sqlite_bytes):
        """Without the guard the value is on disk, and the reader finds it."""
        with SqliteStore.from_conn_string(str(path)) as store:
            store.setup()
            store.put(("users",), "note", {"text": canary})

            assert leaks(sqlite_bytes(path))

    def test_inside_a_graph(self, redactor, canary):
        """A node that asks for the store gets the guarded one."""
        inner = InMemoryStore()
        builder = StateGraph(TypedDict("state", {"n": int}))
        builder.add_node(
            "work", lambda state: get_store().put(("a",), "k", {"v": canary})
        )
        builder.add_edge(START, "work")

        builder.compile(store=guard_store(inner, redactor)).invoke({"n": 1})

        assert {"v": MARK} == inner.get(("a",), "k").value

    def test_embedding_model_sees_no_value(self, redactor, canary):
        """Neither stored text nor a query reaches the embedding model raw."""
        seen = []

        def embed(texts):
            seen.extend(texts)
            return [[1.0, 0.0] for _ in texts]

        store = guard_store(InMemoryStore(index={"dims": 2, "embed": embed}), redactor)
        store.put(("a",), "k", {"text": canary})
        found = store.search(
            ("a",), query=f"where is {canary}", filter={"text": canary}
        )

        assert 1 == len(found)
        assert 2 == len(seen)
        assert canary not in repr(seen)

    def test_given_value_is_not_edited(self, redactor, canary):
        """The caller's dict keeps its value."""
        value = {"text": canary}

        guard_store(InMemoryStore(), redactor).put(("a",), "k", value)

        assert {"text": canary} == value


class TestIdentifiers:
    """Namespaces and keys."""

    @pytest.mark.parametrize(
        "work",
        [
            lambda s, v: s.put((v,), "k", {"a": 1}),
            lambda s, v: s.put(("a", f"user {v}"), "k", {"a": 1}),
            lambda s, v: s.put(("a",), v, {"a": 1}),
            lambda s, v: s.get(("a",), v),
            lambda s, v: s.search((v,)),
            lambda s, v: s.list_namespaces(prefix=(v,)),
        ],
    )
    def test_refused(self, work, redactor, canary):
        """A value in a namespace or key is refused and not echoed."""
        inner = InMemoryStore()

        with pytest.raises(RawSecretFound) as refused:
            work(guard_store(inner, redactor), canary)

        assert canary not in str(refused.value)
        assert [] == inner.list_namespaces()

    async def test_refused_async(self, redactor, canary):
        """The async way refuses as well."""
        with pytest.raises(RawSecretFound):
            await guard_store(InMemoryStore(), redactor).aput((canary,), "k", {"a": 1})

    def test_old_item_can_be_deleted(self, redactor, canary):
        """What was stored under a value before the guard came can be removed."""
        inner = InMemoryStore()
        inner.put(("a",), canary, {"a": 1})

        guard_store(inner, redactor).delete(("a",), canary)

        assert [] == inner.search(("a",))


class TestShape:
    """What the guard is to its store."""

    def test_delegates(self, redactor):
        """Listing, deleting, TTL and attributes are those of the inner store."""
        with SqliteStore.from_conn_string(":memory:", ttl={"default_ttl": 5}) as inner:
            store = guard_store(inner, redactor)
            store.setup()
            store.put(("a", "b"), "k", {"v": 1}, ttl=3)

            assert [("a", "b")] == store.list_namespaces()
            assert inner.ttl_config is store.ttl_config
            assert store.supports_ttl is True
            assert 0 == store.sweep_ttl()
            assert inner.conn is store.conn
            assert [None] == store.batch([PutOp(("a", "b"), "k", None)])
            assert store.get(("a", "b"), "k") is None

    def test_twice_is_once(self, redactor):
        """Guarding again with the same redactor returns the same object."""
        store = guard_store(InMemoryStore(), redactor)

        assert is_guarded(store)
        assert store is guard_store(store, redactor)

    def test_two_redactors(self, redactor, canary):
        """A store that two brokers guard hides the values of both."""
        second = Redactor()
        second.register("second", "brass owl 77 harbour")
        inner = InMemoryStore()
        store = guard_store(guard_store(inner, redactor), second)

        store.put(("a",), "k", {"v": [canary, "brass owl 77 harbour"]})

        stored = inner.get(("a",), "k").value
        assert {"v": [MARK, "[REDACTED:second]"]} == stored

    def test_failing_redactor(self, redactor, canary, monkeypatch):
        """A guard that fails inside stores nothing."""

        def broken(obj):
            raise RuntimeError(str(obj))

        inner = InMemoryStore()
        store = guard_store(inner, redactor)
        monkeypatch.setattr(redactor, "redact", broken)

        with pytest.raises(RawSecretFound) as refused:
            store.put(("a",), "k", {"v": canary})

        assert canary not in str(refused.value)
        assert inner.get(("a",), "k") is None
