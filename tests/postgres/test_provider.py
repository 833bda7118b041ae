"""The `database` provider on PostgreSQL."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine

from langchain_tyrum.errors import KeyMismatch, ProviderError
from langchain_tyrum.ledger.engines import make_engine
from langchain_tyrum.providers import DatabaseProvider
from langchain_tyrum.testing import ProviderContract

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
CANARY = "canary7f3a9c51e2d8"


class TestContract(ProviderContract):
    @pytest.fixture(autouse=True)
    def _database(self, postgres):
        self.url = postgres.url
        self.made = []
        yield
        for provider in self.made:
            provider.close()

    def make_provider(self):
        self.made.append(DatabaseProvider(self.url, key=KEY))
        return self.made[-1]


class TestAtRest:
    def test_no_value_in_any_table(self, postgres, server):
        """No table holds a value, neither as text nor in bytes."""
        provider = DatabaseProvider(postgres.url, key=KEY)
        provider.put("name-in-clear", CANARY)
        provider.put("bytes", CANARY.encode())

        data = server.dump(postgres.name)

        assert b"name-in-clear" in data
        assert CANARY.encode() not in data
        assert CANARY.encode().hex().encode() not in data
        assert CANARY == provider.get("name-in-clear")
        provider.close()

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE tyrum_values SET ref = 'b' WHERE ref = 'a'",
            "UPDATE tyrum_values SET version = 9 WHERE ref = 'a'",
            "UPDATE tyrum_values SET sealed = 'x' WHERE ref = 'a'",
            "UPDATE tyrum_values SET nonce = 'x' WHERE ref = 'a'",
        ],
    )
    def test_a_changed_row_does_not_open(self, postgres, change):
        """A row that was moved or altered is an error, never a wrong value."""
        provider = DatabaseProvider(postgres.url, key=KEY)
        provider.put("a", CANARY)
        postgres.run(change)

        for name in provider.names():
            with pytest.raises(ProviderError, match="altered, or moved"):
                provider.get(name)
        provider.close()

    def test_a_wrong_key(self, postgres):
        """Another key opens nothing and writes nothing beside what it cannot open."""
        provider = DatabaseProvider(postgres.url, key=KEY)
        provider.put("a", CANARY)
        wrong = DatabaseProvider(postgres.url, key=OTHER)

        with pytest.raises(KeyMismatch):
            wrong.get("a")
        with pytest.raises(KeyMismatch):
            wrong.put("b", CANARY)
        assert (["a"], True) == (provider.names(), provider.has_rows())
        provider.close()
        wrong.close()


class TestConcurrency:
    @pytest.mark.parametrize("opened", [str, make_engine, create_engine])
    def test_versions_are_not_shared(self, postgres, opened):
        """Writers at the same time get versions of their own; no value is lost."""
        databases = [opened(postgres.url) for _ in range(3)]
        providers = [DatabaseProvider(one, key=KEY) for one in databases]

        def write(start):
            for number in range(10):
                providers[start].put("shared", f"value-{start}-{number}")

        threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        stored = {providers[0].get("shared", version=n) for n in range(1, 31)}
        assert {f"value-{s}-{n}" for s in range(3) for n in range(10)} == stored
        for database, provider in zip(databases, providers, strict=True):
            provider.close()
            getattr(database, "dispose", lambda: None)()

    def test_a_version_that_is_taken_is_drawn_anew(self, postgres, monkeypatch):
        """A write that finds its version taken takes the next, and overwrites none."""
        provider = DatabaseProvider(postgres.url, key=KEY)
        provider.put("a", "first-value")
        draw, stale = DatabaseProvider._next, [1, 1]
        monkeypatch.setattr(
            DatabaseProvider,
            "_next",
            lambda *args: stale.pop() if stale else draw(*args),
        )
        provider.put("a", "second-value")

        assert stale == []
        assert "first-value" == provider.get("a", version=1)
        assert "second-value" == provider.get("a", version=2)
        provider.close()

    def test_a_write_waits_for_a_rotation_of_the_key(self, postgres):
        """A write that meets a rotation of the key leaves no row under the old one."""
        provider = DatabaseProvider(postgres.url, key=KEY)
        for number in range(30):
            provider.put("a", f"value-{number}")
        late, failed = DatabaseProvider(postgres.url, key=KEY), []

        def write():
            try:
                while True:
                    late.put("b", "late-value")
            except KeyMismatch as error:
                failed.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        provider.rewrap(OTHER)
        writer.join()

        assert 1 == len(failed)
        assert 1 == len(postgres.run("SELECT DISTINCT key_id FROM tyrum_values"))
        assert all(provider.get(name) for name in provider.names())
        provider.close()
        late.close()

    def test_readers_wait_for_nobody(self, store):
        """A value can be read while another process writes."""
        provider = DatabaseProvider(store.url, key=KEY)
        provider.put("a", CANARY)
        engine = make_engine(store.url)

        from langchain_tyrum.providers import table

        with engine.begin() as connection:
            table.lock_for_writing(connection)
            assert CANARY == provider.get("a")
            assert ["a"] == provider.names()
        provider.close()
        engine.dispose()
