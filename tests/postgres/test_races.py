"""Several processes at the same moment, on PostgreSQL and on SQLite."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import create_engine, func, select, text

from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import LedgerError, SecretRevoked
from langchain_tyrum.ledger import engines, schema
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider, table

ROUNDS = 6
CALL = CallIdentity(thread_id="th", user="ada")


@pytest.fixture
def broker(store):
    return store.open()


class Later(threading.Thread):
    """What another thread does meanwhile, and what came of it."""

    def __init__(self, work) -> None:
        super().__init__(daemon=True)
        self._work, self._done, self._came = work, threading.Event(), []
        self.start()

    def run(self):
        try:
            self._came.append(self._work())
        except BaseException as error:
            self._came.append(error)
        self._done.set()

    def wait(self, seconds):
        return self._done.wait(seconds)

    def result(self):
        assert self._done.wait(30)
        if isinstance(self._came[0], BaseException):
            raise self._came[0]
        return self._came[0]


@pytest.fixture
def later():
    return Later


def value_of(broker, name):
    with broker.lease(name, tool_id="t", call=CALL) as value:
        return value.reveal()


def answers(results, kind="ok"):
    return [result[kind] for result in results if kind in result]


def audited(broker, name, action):
    """The versions that the ledger has for one action, oldest first."""
    rows = broker.audit.tail(10_000)
    mine = [row for row in rows if (row["name"], row["action"]) == (name, action)]
    return [row["version"] for row in mine if row["outcome"] in ("ok", "resolved")]


class TestPut:
    def test_of_several_values_one_wins(self, store, broker, crew):
        """One process stores its value; the others are told that another is there."""
        crew.open(store)
        for turn in range(ROUNDS):
            name, values = f"race/{turn}", [f"value-{turn}-of-{n}-x" for n in range(4)]

            results = crew.each(
                *[{"do": "put", "name": name, "value": value} for value in values]
            )

            assert 1 == len(answers(results))
            assert ["SecretExists"] * 3 == answers(results, "error")
            winner = next(n for n, result in enumerate(results) if "ok" in result)
            assert values[winner] == value_of(broker, name)
            assert [1] == audited(broker, name, "put")
        # Losers leave nothing behind.
        (provider,) = broker._core.providers.values()
        assert ROUNDS == len(provider.names())

    def test_the_same_value_has_one_handle(self, store, broker, crew):
        """Processes that store the same value all get the one handle."""
        crew.open(store)
        for turn in range(ROUNDS):
            order = {"do": "put", "name": f"same/{turn}", "value": f"same-{turn}-x9"}

            handles = answers(crew.all(order))

            assert (4, 1) == (len(handles), len(set(handles)))
            assert [1] == audited(broker, f"same/{turn}", "put")

    def test_one_name_in_two_environments(self, store, broker, crew):
        """Values of different environments do not compete."""
        crew.open(store)
        orders = [
            {
                "do": "put",
                "name": "db/pw",
                "value": f"value-in-{place}",
                "environment": place,
            }
            for place in ("dev", "staging", "prod", "test")
        ]

        results = crew.each(*orders)

        assert 4 == len(set(answers(results)))


class TestRotate:
    def test_revoked_stays_revoked(self, store, broker, crew):
        """However a rotation meets a revocation, the secret ends up revoked."""
        crew.open(store)
        for turn in range(ROUNDS):
            name = f"revoked/{turn}"
            broker.put(name, f"first-value-{turn}")

            results = crew.each(
                {"do": "rotate", "name": name, "value": f"second-value-{turn}"},
                {"do": "revoke", "name": name},
                {"do": "rotate", "name": name, "value": f"third-value-{turn}"},
                {"do": "lease", "name": name},
            )

            assert "ok" in results[1]
            assert {"SecretRevoked"} >= set(answers(results, "error"))
            assert "revoked" == broker.describe(name).status
            with pytest.raises(SecretRevoked):
                value_of(broker, name)
            versions = audited(broker, name, "rotate")
            assert len(set(versions)) == len(versions)
            broker.reauthorize(name)
            current = broker.describe(name).version
            # A rotation that a later one overtook answers with the later one's version.
            written = {(1, f"first-value-{turn}")}
            for result, word in ((results[0], "second"), (results[2], "third")):
                if "ok" in result:
                    written.add((result["ok"], f"{word}-value-{turn}"))
            assert (current, value_of(broker, name)) in written

    def test_no_version_is_shared(self, store, broker, crew):
        """Rotations at once get versions of their own; the highest one leases."""
        crew.open(store)
        broker.put("turning", "value-number-0")
        for turn in range(ROUNDS):
            values = [f"value-{turn}-of-{n}-x" for n in range(4)]

            crew.each(
                *[{"do": "rotate", "name": "turning", "value": one} for one in values]
            )

            last = broker.describe("turning").version
            assert 1 + 4 * (turn + 1) == last
            (provider,) = broker._core.providers.values()
            (ref,) = provider.names()
            assert provider.get(ref, version=last) == value_of(broker, "turning")
            stored = {provider.get(ref, version=last - n) for n in range(4)}
            assert set(values) == stored
        versions = audited(broker, "turning", "rotate")
        assert sorted(set(versions)) == versions

    def test_a_lease_yields_the_version_it_checked(self, store, broker, crew):
        """A lease that meets a rotation has the value of the version in its row."""
        crew.open(store)
        broker.put("turning", "value-number-1")
        for turn in range(ROUNDS):
            orders = [{"do": "lease", "name": "turning", "times": 2}] * 3
            new = {
                "do": "rotate",
                "name": "turning",
                "value": f"value-number-{turn + 2}",
            }
            before = len(audited(broker, "turning", "lease"))

            results = crew.each(new, *orders)

            assert {"ok": turn + 2} == results[0]
            leased = audited(broker, "turning", "lease")[before:]
            assert 6 == len(leased)
            values = [value for each in answers(results[1:]) for value in each]
            assert {turn + 1, turn + 2} >= set(leased)
            assert sorted(leased) == sorted(int(v.rsplit("-", 1)[1]) for v in values)

    def test_reauthorizing_against_revoking(self, store, broker, crew):
        """Whichever comes last decides, and nothing is left in between."""
        crew.open(store)
        for turn in range(ROUNDS):
            name = f"lifted/{turn}"
            broker.put(name, f"first-value-{turn}")
            broker.revoke(name)

            results = crew.each(
                {"do": "reauthorize", "name": name, "value": f"clean-value-{turn}"},
                {"do": "revoke", "name": name},
            )

            assert 2 == len(answers(results))
            rows = [row for row in broker.audit.tail(20) if row["name"] == name]
            last = rows[-1]["action"]
            status = broker.describe(name).status
            assert ("active" if last == "reauthorize" else "revoked") == status
            if status == "active":
                assert f"clean-value-{turn}" == value_of(broker, name)


class TestGrants:
    @pytest.fixture
    def gated(self, store, crew):
        crew.open(store, allow=[], require_approval=["*"])
        broker = store.open(SecretPolicy(require_approval=["*"]))
        broker.put("k/1", "gated-value-77")
        return broker

    def grant(self, broker, **options):
        return broker.grant(tool_id="t", scopes=["k/1"], call=CALL, **options)

    def test_once_has_one_winner(self, gated, crew):
        """Of four processes on one `once` grant exactly one gets the value."""
        for turn in range(ROUNDS):
            digest = f"{turn:064}"
            grant = self.grant(gated, mode="once", digest=digest)

            results = crew.all({"do": "lease", "name": "k/1", "digest": digest})

            assert [["gated-value-77"]] == answers(results)
            assert ["ApprovalRequired"] * 3 == answers(results, "error")
            used = next(g for g in gated.grants() if g.grant_id == grant.grant_id)
            assert 1 == used.uses

    def test_three_uses_have_three_winners(self, gated, crew):
        """A grant of three uses serves three of four processes."""
        for _ in range(ROUNDS):
            self.grant(gated, mode="session", max_uses=3)

            results = crew.all({"do": "lease", "name": "k/1"})

            assert [["gated-value-77"]] * 3 == answers(results)
            assert ["ApprovalRequired"] == answers(results, "error")


class TestOpening:
    def test_a_fresh_database(self, store, crew):
        """Processes that open a new database at once make its tables once."""
        results = crew.open(store)

        assert 4 == len(answers(results)), results
        assert 1 == len(set(answers(results)))
        states = store.run("SELECT schema FROM catalog_state")
        heads = store.run("SELECT ledger_id FROM ledger_head")
        assert (1, 1) == (len(states), len(heads))

    def test_fresh_tables_of_values(self, store, crew):
        """Processes that store the first value at once make the table once."""
        crew.open(store)
        for turn in range(3):
            if turn:
                store.run("DROP TABLE tyrum_values")
                crew.open(store)

            results = crew.all({"do": "store", "name": "x", "value": f"value-{turn}"})

            assert [None] * 4 == answers(results), results
            rows = store.run("SELECT version FROM tyrum_values ORDER BY version")
            assert [1, 2, 3, 4] == [row[0] for row in rows]

    def test_an_older_catalog(self, store, crew, fill_schema_1):
        """Processes that open an older catalog at once migrate it once."""
        engine = store.engine()
        fill_schema_1(engine)

        results = crew.open(store, 3)

        assert (3, 1) == (len(answers(results)), len(set(answers(results)))), results
        assert [(schema.SCHEMA,)] == store.run("SELECT schema FROM catalog_state")
        broker = store.open()
        assert broker.audit.verify().ok
        assert 2 == broker.describe("github/token").version

    def test_a_writer_at_work_is_waited_for(self, store, later, fill_schema_1):
        """A migration waits for its turn before it touches a table: none blocks."""
        import alembic.operations  # noqa: F401 - slow, and the migration needs it

        fill_schema_1(store.engine())
        engine = engines.writing_engine(engines.make_engine(store.url))
        with engine.begin() as connection:
            engines.lock_for_writing(connection)
            opened = later(lambda: store.open().audit.ledger_id)
            assert not opened.wait(0.5)
            connection.execute(text("UPDATE secrets SET scope = scope"))
        engine.dispose()

        assert opened.result().startswith("l_")
        assert [(schema.SCHEMA,)] == store.run("SELECT schema FROM catalog_state")

    def test_a_slow_maker_of_tables_is_waited_for(self, store, later):
        """Tables that another process is just making are used, not made again."""
        from langchain_tyrum.ledger import database

        engine = engines.writing_engine(engines.make_engine(store.url))
        with engine.begin() as connection:
            engines.lock_for_setup(connection)
            database._set_up(connection)
            opened = later(lambda: store.open().audit.ledger_id)
            assert not opened.wait(0.3)
        engine.dispose()

        assert opened.result().startswith("l_")
        assert [(schema.SCHEMA,)] == store.run("SELECT schema FROM catalog_state")

    def test_a_slow_maker_of_the_table_of_values(self, store, later):
        """So is the table of values."""
        engine = store.engine()
        options = table.transaction_options(engine, write=True)
        provider = DatabaseProvider(store.url, key=bytes(32))
        with engine.execution_options(**options).begin() as connection:
            if store.kind == "sqlite":
                table.lock_for_writing(connection)
            table.make_table(connection)
            stored = later(lambda: provider.put("x", "value-number-1"))
            assert not stored.wait(0.3)

        assert stored.result() is None
        assert "value-number-1" == provider.get("x")
        provider.close()

    def test_a_writer_of_values_is_waited_for(self, store, later):
        """A value is sealed only when no other writer is at work."""
        provider = DatabaseProvider(store.url, key=bytes(32))
        provider.put("x", "value-number-1")
        engine = store.engine()
        options = table.transaction_options(engine, write=True)
        with engine.execution_options(**options).begin() as connection:
            table.lock_for_writing(connection)
            stored = later(lambda: provider.put("x", "value-number-2"))
            assert not stored.wait(0.15)

        assert stored.result() is None
        assert "value-number-2" == provider.get("x", version=2)
        provider.close()


class TestLedger:
    def test_one_chain(self, store, broker, crew):
        """Processes that write at once keep one unbroken chain, and lose no row."""
        crew.open(store)
        crew.all({"do": "note", "times": 25})

        report = broker.audit.verify()

        assert (True, 100) == (report.ok, report.rows)


class TestRequests:
    def test_one_question(self, store, broker, crew):
        """Processes that ask the same at once get one request."""
        crew.open(store)
        for turn in range(ROUNDS):
            asked = answers(crew.all({"do": "ask", "calls": [f"c{turn}"]}))

            assert 4 == len(asked)
            assert 1 == len({request_id for request_id, _ in asked})
            assert [False] * 3 + [True] == sorted(created for _, created in asked)
        assert ROUNDS == len(broker.requests.waiting())


def _deferred(engine, dialect):
    """SQLAlchemy's documented recipe, whose `BEGIN` takes no lock."""
    from sqlalchemy import event

    if dialect == "sqlite":
        event.listen(
            engine,
            "connect",
            lambda connection, _: setattr(connection, "isolation_level", None),
        )
        event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))
    return engine


class TestSerialWriters:
    """A check and the write that rests on it, on engines that others made."""

    @pytest.fixture(
        params=["url", "stock", "null pool", "deferred", "serializable", "autocommit"]
    )
    def database(self, request, store):
        from sqlalchemy.pool import NullPool

        options = {
            "null pool": {"poolclass": NullPool},
            "serializable": {"isolation_level": "SERIALIZABLE"},
            "autocommit": {"isolation_level": "AUTOCOMMIT"},
        }
        if request.param == "url":
            return store.url
        engine = store.engine(**options.get(request.param, {}))
        return _deferred(engine, store.kind) if request.param == "deferred" else engine

    def test_the_second_waits_for_the_first(self, store, database):
        """A writer looks only when the one before it is done, and sees what it did."""
        first, second = store.open(database=database), store.open(database=database)
        looked, seen = threading.Event(), []
        rows = select(func.count()).select_from(schema.ledger)

        def write():
            with second.catalog.transaction() as connection:
                looked.set()
                seen.append(connection.execute(rows).scalar())

        with first._core.journal() as journal:
            before = journal.connection.execute(rows).scalar()
            writer = threading.Thread(target=write)
            writer.start()
            assert not looked.wait(0.15)
            journal.log("note", "ok")
        writer.join(20)

        assert [before + 1] == seen

    def test_read_check_write(self, database, store):
        """Threads that count up by reading and writing lose no step."""
        brokers = [store.open(database=database) for _ in range(2)]
        state = schema.catalog_state
        before = brokers[0].catalog.changes()

        def count_up(broker):
            for _ in range(10):
                with broker.catalog.transaction() as connection:
                    now = connection.execute(select(state.c.changes)).scalar()
                    connection.execute(state.update().values(changes=now + 1))

        threads = [threading.Thread(target=count_up, args=(b,)) for b in brokers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert before + 20 == brokers[0].catalog.changes()

    def test_all_is_done_alike(self, store, database):
        """Values are stored, rotated, leased and purged on any engine."""
        broker = store.open(database=database)
        broker.put("k/1", "value-number-1")
        broker.rotate("k/1", "value-number-2")

        assert "value-number-2" == value_of(broker, "k/1")
        assert 1 == broker.purge("k/1")
        assert broker.audit.verify().ok

    def test_the_wait_ends(self, postgres, monkeypatch, later):
        """A writer that hangs does not hang the others for ever."""
        broker = postgres.open()
        monkeypatch.setattr(engines, "BUSY_TIMEOUT_MS", 200)
        stuck = create_engine(postgres.url)
        with stuck.begin() as connection:
            connection.execute(select(schema.catalog_state).with_for_update())
            waiting = later(lambda: broker.record("note", "ok"))
            assert waiting.wait(15)
            with pytest.raises(LedgerError, match="LockNotAvailable"):
                waiting.result()
        stuck.dispose()

        broker.record("note", "ok")
