"""The ledger: complete, value-free, and honest about what was done to it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger import reading
from langchain_tyrum.policy import SecretPolicy


@pytest.fixture
def store(tmp_path):
    return tmp_path / "tyrum.db"


@pytest.fixture
def opened(store):
    """A maker of brokers over one database file."""
    brokers = []

    def make(**options) -> SecretBroker:
        options.setdefault("policy", SecretPolicy(allow=["*"]))
        broker = SecretBroker.local(store, **options)
        brokers.append(broker)
        return broker

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def used(opened, canary):
    """A broker whose ledger has a dozen rows."""
    broker = opened()
    for name in ("one", "two", "three"):
        broker.put(name, canary())
        with broker.lease(name, tool_id="t"):
            pass
        broker.rotate(name, canary())
    return broker


def tamper(store, *statements) -> None:
    connection = sqlite3.connect(store)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


COLUMNS = (
    "occurred_at, action, outcome, handle_id, version, name, scope, tool_id,"
    " tool_call_id, thread_id, run_id, tenant, user, environment, policy_sha256, error"
)


def insert_row(seq, like, *, prev="prev_hash", own="hash") -> str:
    """The statement that copies a row to another number."""
    return (
        f"INSERT INTO ledger SELECT {seq}, {COLUMNS}, {prev}, {own}"
        f" FROM ledger WHERE seq={like}"
    )


def kinds(broker, expected=None) -> set[str]:
    return {problem.kind for problem in broker.audit.verify(expected).problems}


CELLS = (
    "UPDATE ledger SET error=x'00ff' WHERE seq=5",
    "UPDATE ledger SET error=CAST(x'ff41' AS text) WHERE seq=5",
    "UPDATE ledger SET hash=x'00ff' WHERE seq=12",
    "UPDATE ledger SET hash=CAST(x'ff41' AS text) WHERE seq=12",
    "UPDATE ledger SET hash=CAST(x'00' AS text) WHERE seq=12",
    "UPDATE ledger SET version=9e999 WHERE seq=5",
    "UPDATE ledger SET version=zeroblob(10) WHERE seq=5",
    "UPDATE ledger SET occurred_at=x'41' WHERE seq=5",
)


class TestForeignCells:
    """SQLite takes anything into any cell."""

    @pytest.mark.parametrize("statement", CELLS)
    def test_it_is_an_edit(self, used, store, tmp_path, statement):
        """What no row is written with is reported, and rows can still be read."""
        tamper(store, statement)
        report = used.audit.verify()
        found = [(problem.kind, problem.seq) for problem in report.problems]

        assert ("edited", int(statement.split("=")[-1])) in found
        for row in used.audit.tail(99):
            json.dumps(row).encode()
            "".join(map(str, row.values())).encode()
        assert 12 == used.audit.export(tmp_path / "rows.jsonl")

    def test_a_head_that_is_no_number(self, used, store):
        """Nothing is appended to a head that was altered, and it is reported."""
        tamper(store, "UPDATE ledger_head SET seq=x'41'")

        with pytest.raises(LedgerError, match="head of the ledger"):
            used.record("note", "ok")
        assert "head_mismatch" in kinds(used)

    def test_a_second_head(self, used, store):
        """A further row of the head's table is reported."""
        tamper(store, "INSERT INTO ledger_head VALUES ('l_zzz', 1, 'x', 'y')")

        assert "head_mismatch" in kinds(used)

    @pytest.mark.parametrize("label", ["'junk'", "x'ff'", "'seal'"])
    def test_a_key_that_is_nobodys(self, used, opened, store, label):
        """A further row among the lasting keys is reported."""
        tamper(store, f"INSERT INTO data_keys VALUES ({label}, 7, 0, 'k', x'00', 'x')")

        assert {"key_lost"} == kinds(used) == kinds(opened())


BACK = "UPDATE ledger_head SET seq=old.seq, hash=old.hash"
TRIGGERS = {
    "ignored": (
        "BEFORE INSERT ON ledger BEGIN SELECT RAISE(IGNORE); END",
        "BEFORE UPDATE ON ledger_head BEGIN SELECT RAISE(IGNORE); END",
    ),
    "the row alone is ignored": (
        "BEFORE INSERT ON ledger BEGIN SELECT RAISE(IGNORE); END",
    ),
    "the head alone is ignored": (
        "BEFORE UPDATE ON ledger_head BEGIN SELECT RAISE(IGNORE); END",
    ),
    "taken back": (
        "AFTER INSERT ON ledger BEGIN DELETE FROM ledger WHERE seq=new.seq; END",
        f"AFTER UPDATE ON ledger_head BEGIN {BACK}; END",
    ),
}


class TestTriggers:
    @pytest.mark.parametrize("name", TRIGGERS)
    def test_no_row_no_lease(self, used, store, name):
        """A database that swallows the row of a lease gets no value read."""
        for number, trigger in enumerate(TRIGGERS[name]):
            tamper(store, f"CREATE TRIGGER t{number} {trigger}")

        with (
            pytest.raises(LedgerError, match="triggers"),
            used.lease("one", tool_id="t"),
        ):
            pytest.fail("it was leased")
        assert 12 == used.audit.head().seq
        assert used.audit.verify().ok


class TestLongTexts:
    def test_they_are_cut(self, used):
        """A client's endless thread id fills no ledger, and is still told apart."""
        for end in ("a", "b"):
            call = CallIdentity(thread_id="t" * 1_000_000 + end, run_id="r" * 1_024)
            with used.lease("one", tool_id="t", call=call):
                pass
        rows = [row for row in used.audit.tail(4) if row["action"] == "lease"]

        assert {"r" * 1_024} == {row["run_id"] for row in rows}
        assert all(row["thread_id"].startswith("t" * 256 + "…") for row in rows)
        assert 2 == len({row["thread_id"] for row in rows})
        assert all(len(row["thread_id"]) < 400 for row in rows)
        assert used.audit.verify().ok


class TestTamper:
    def test_an_honest_ledger_verifies(self, used):
        """Nothing is found where nothing was done."""
        report = used.audit.verify()

        assert (True, 12, ()) == (report.ok, report.rows, report.problems)

    def test_edit(self, used, store):
        """A changed field shows at its row."""
        tamper(store, "UPDATE ledger SET outcome='failed' WHERE seq=5")

        report = used.audit.verify()

        assert [("edited", 5)] == [(p.kind, p.seq) for p in report.problems]

    def test_metadata_change(self, used, store):
        """A changed time, user or environment shows as an edit."""
        for change in ("occurred_at='2020'", "user='eve'", "environment='x'"):
            tamper(store, f"UPDATE ledger SET {change} WHERE seq=5")
            assert "edited" in kinds(used)

    def test_deletion(self, used, store):
        """A row taken out of the middle leaves a gap that shows."""
        tamper(store, "DELETE FROM ledger WHERE seq=5")

        assert {"missing", "broken_chain"} <= kinds(used)

    def test_deletion_with_renumbering(self, used, store):
        """Closing the gap shows at every row that was moved."""
        tamper(
            store,
            "DELETE FROM ledger WHERE seq=5",
            "UPDATE ledger SET seq=seq-100 WHERE seq>5",
            "UPDATE ledger SET seq=seq+99 WHERE seq<0",
        )

        assert {"out_of_order", "broken_chain", "head_mismatch", "truncated"} == kinds(
            used
        )

    def test_reorder(self, used, store):
        """Two rows that changed places show."""
        tamper(
            store,
            "UPDATE ledger SET seq=-1 WHERE seq=4",
            "UPDATE ledger SET seq=4 WHERE seq=5",
            "UPDATE ledger SET seq=5 WHERE seq=-1",
        )

        report = used.audit.verify()
        moved = [p.seq for p in report.problems if p.kind == "out_of_order"]
        assert [4, 5] == moved
        assert {"out_of_order", "broken_chain"} == kinds(used)

    def test_insertion(self, used, store):
        """A row nobody wrote shows, at the end and in the middle."""
        tamper(
            store,
            insert_row(13, 12, prev="hash", own=f"'{'ab' * 32}'"),
            f"UPDATE ledger_head SET seq=13, hash='{'ab' * 32}'",
        )
        assert {"edited"} == kinds(used)

        tamper(
            store,
            "DELETE FROM ledger WHERE seq=13",
            "UPDATE ledger SET seq=seq+100 WHERE seq>5",
            "UPDATE ledger SET seq=seq-99 WHERE seq>100",
            insert_row(6, 5, prev="hash", own=f"'{'ab' * 32}'"),
        )
        assert {"edited", "out_of_order"} <= kinds(used)

    @pytest.mark.parametrize("columns", ["", "tenant='other'", "user='eve'"])
    def test_replay_in_another_place(self, columns, used, store):
        """A row of this ledger that is copied shows as a copy, whoever it now names."""
        tamper(store, insert_row(13, 5))
        if columns:
            tamper(store, f"UPDATE ledger SET {columns} WHERE seq=13")

        report = used.audit.verify()

        assert ("replayed", 13) in [(p.kind, p.seq) for p in report.problems]

    def test_replay_over_another_row(self, used, store):
        """A row that was overwritten by a copy of another one shows as a copy."""
        tamper(store, "DELETE FROM ledger WHERE seq=9", insert_row(9, 3))

        assert {"replayed", "broken_chain"} == kinds(used)

    def test_another_tenant(self, used, store):
        """A row that is given to another tenant shows as an edit."""
        tamper(store, "UPDATE ledger SET tenant='other' WHERE seq=5")

        assert {"edited"} == kinds(used)

    def test_the_head_row_changed(self, used, store):
        """A head that was set back shows, and one of another ledger too."""
        tamper(store, "UPDATE ledger_head SET seq=11")
        assert {"head_mismatch"} == kinds(used)

        tamper(store, "UPDATE ledger_head SET seq=12, ledger_id='l_another'")
        assert {"other_ledger"} == kinds(used)
        with pytest.raises(LedgerError, match="another ledger's"):
            used.record("note", "ok")

    def test_the_head_row_deleted(self, used, opened, store):
        """Without its head the ledger takes no row, and no other one is begun."""
        tamper(store, "DELETE FROM ledger_head")

        assert {"head_mismatch"} == kinds(used)
        with pytest.raises(LedgerError, match="head of the ledger is missing"):
            with used.lease("one", tool_id="t"):
                pass
        with pytest.raises(LedgerError, match="has lost its head"):
            opened()

    def test_truncation_to_nothing(self, used, store):
        """A ledger without any row is not taken for a new one."""
        tamper(store, "DELETE FROM ledger")
        assert {"head_mismatch", "truncated"} == kinds(used)

        tamper(store, "UPDATE ledger_head SET seq=0, hash='x'")
        assert {"head_mismatch", "truncated"} == kinds(used)

    def test_everything_deleted(self, used, opened, store):
        """A ledger that was begun anew does not cover the head of the old one."""
        tamper(store, "DELETE FROM ledger", "DELETE FROM ledger_head")
        again = opened()
        again.record("note", "ok")

        assert {"other_ledger"} == kinds(again)

    def test_many_problems_are_counted(self, used, store):
        """Beyond a thousand, problems are counted only."""
        for _ in range(1100):
            used.record("note", "ok")
        tamper(store, "UPDATE ledger SET outcome='failed' WHERE seq > 12")

        problems = used.audit.verify().problems

        assert (1001, "more", "100 further problems") == (
            len(problems),
            problems[-1].kind,
            problems[-1].detail,
        )

    def test_truncation(self, used, store):
        """Rows cut off the end show against the head kept beside the key file."""
        tamper(
            store,
            "DELETE FROM ledger WHERE seq>8",
            "UPDATE ledger_head SET seq=8, hash=(SELECT hash FROM ledger WHERE seq=8)",
        )

        assert {"truncated"} == kinds(used)

    def test_rollback(self, used, opened, store, canary, tmp_path):
        """An older copy of the database that went on differently shows."""
        early = used.audit.head()
        copy = tmp_path / "early"
        copy.mkdir()
        used.close()
        for path in store.parent.glob("tyrum.db*"):
            shutil.copy(path, copy / path.name)
        later = opened()
        later.put("four", canary())
        head = later.audit.head()
        later.close()
        for path in store.parent.glob("tyrum.db*"):
            path.unlink()
        for path in copy.iterdir():
            shutil.copy(path, store.parent / path.name)
        rolled_back = opened()
        rolled_back.put("five", canary())
        rolled_back.put("six", canary())

        assert set() == kinds(rolled_back, early)
        assert {"rolled_back"} == kinds(rolled_back, head)
        for _ in range(10):
            rolled_back.record("note", "ok")
        assert {"rolled_back"} == kinds(rolled_back)

    def test_an_older_copy(self, used, opened, store, canary, tmp_path):
        """An older copy of the database that did nothing yet shows as cut off."""
        copy = tmp_path / "copy.db"
        used.close()
        shutil.copy(store, copy)
        with opened() as later:
            later.put("four", canary())
        store.with_name("tyrum.db-wal").unlink(missing_ok=True)
        shutil.copy(copy, store)

        assert {"truncated"} == kinds(opened())

    def test_fork(self, used, store, opened, canary, tmp_path):
        """Two histories from one row show as soon as one head meets the other."""
        twin = tmp_path / "twin" / "tyrum.db"
        twin.parent.mkdir()
        used.close()
        for path in store.parent.glob("tyrum.db*"):
            shutil.copy(path, twin.parent / path.name)
        shutil.copytree(store.with_suffix(".keys"), twin.with_suffix(".keys"))
        here = opened()
        there = SecretBroker.local(twin)
        here.put("left", canary())
        there.put("right", canary())

        assert {"rolled_back"} == kinds(here, there.audit.head())
        there.close()

    def test_replay_from_another_ledger(self, used, store, tmp_path, canary):
        """Rows of another ledger under the same key do not pass here."""
        key_file = store.with_suffix(".keys") / "master.key"
        other_store = tmp_path / "other" / "tyrum.db"
        keys = other_store.with_suffix(".keys")
        keys.mkdir(parents=True, mode=0o700)
        shutil.copy(key_file, keys / "master.key")
        other = SecretBroker.local(other_store)
        for name in ("one", "two", "three", "four"):
            for _ in range(3):
                other.put(name, canary(), replace=True)
        other.close()
        tamper(
            store,
            f"ATTACH DATABASE '{other_store}' AS o",
            "DELETE FROM ledger",
            "INSERT INTO ledger SELECT * FROM o.ledger",
        )

        report = used.audit.verify()
        assert {"edited", "other_ledger", "broken_chain", "head_mismatch"} <= {
            problem.kind for problem in report.problems
        }
        assert 12 == report.rows

    def test_replay_of_one_row_from_another_ledger(self, used, store, tmp_path, canary):
        """A single row of another ledger under the same key does not pass either."""
        key_file = store.with_suffix(".keys") / "master.key"
        other_store = tmp_path / "other" / "tyrum.db"
        keys = other_store.with_suffix(".keys")
        keys.mkdir(parents=True, mode=0o700)
        shutil.copy(key_file, keys / "master.key")
        with SecretBroker.local(other_store) as other:
            for name in ("one", "two", "three", "four", "five"):
                other.put(name, canary())
        tamper(
            store,
            f"ATTACH DATABASE '{other_store}' AS o",
            "DELETE FROM ledger WHERE seq=5",
            "INSERT INTO ledger SELECT * FROM o.ledger WHERE seq=5",
        )

        assert {"edited", "broken_chain"} == kinds(used)

    def test_another_ledgers_head(self, used):
        """A head that belongs to another ledger is told apart."""
        other = SecretBroker.in_memory()

        assert {"other_ledger"} == kinds(used, other.audit.head())


class TestBooks:
    def test_rows_hold_no_value(self, used, store, canary):
        """The database file with its WAL holds no value that was ever stored."""
        raw = canary()
        used.put("seven", raw)
        with used.lease("seven", tool_id="t") as value:
            assert raw == value.reveal()

        files = list(store.parent.rglob("*"))
        data = b"".join(path.read_bytes() for path in files if path.is_file())

        assert (False, True) == (raw.encode() in data, b"seven" in data)

    def test_export(self, used, tmp_path):
        """An export has every row as a line of JSON."""
        count = used.audit.export(tmp_path / "audit.jsonl")

        lines = (tmp_path / "audit.jsonl").read_text().splitlines()
        assert (12, 12) == (count, len(lines))
        assert used.audit.head().hash == json.loads(lines[-1])["hash"]

    def test_an_export_is_yours_alone(self, used, tmp_path):
        """An export is a new file of mode 0600, also in the place of another one."""
        path = tmp_path / "audit.jsonl"
        path.write_text("older")
        path.chmod(0o644)
        used.audit.export(path)

        assert 0o600 == path.stat().st_mode & 0o777
        assert [path] == list(tmp_path.glob("*audit*"))

    def test_an_export_that_fails(self, used, tmp_path, monkeypatch):
        """An export that fails half-way leaves the older file, and no draft."""
        path = tmp_path / "audit.jsonl"
        path.write_text("older")

        def broken(connection, *, tenant):
            yield {"seq": 1}
            raise LedgerError("gone")

        monkeypatch.setattr(reading, "stream_rows", broken)
        with pytest.raises(LedgerError, match="gone"):
            used.audit.export(path)

        assert "older" == path.read_text()
        assert [path] == list(tmp_path.glob("*audit*"))

    def test_one_tenant(self, used, tmp_path, canary):
        """Tail and export can be narrowed to the rows of one tenant."""
        used.put("theirs", canary(), tenant="other")
        used.put("mine", canary())
        rows = used.audit.tail(5, tenant="other")

        assert [("theirs", "other")] == [(row["name"], row["tenant"]) for row in rows]
        assert 1 == used.audit.export(tmp_path / "a.jsonl", tenant="other")
        (line,) = (tmp_path / "a.jsonl").read_text().splitlines()
        assert "theirs" == json.loads(line)["name"]
        assert [] == used.audit.tail(5, tenant="nobody")

    def test_reading_waits_for_nobody(self, used, store):
        """Tail, head, export and verification need no lock that writers hold."""
        writer = sqlite3.connect(store, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        try:
            assert 12 == used.audit.head().seq == len(used.audit.tail(100))
            assert 12 == used.audit.export(store.parent / "a.jsonl")
            assert used.audit.verify().ok
        finally:
            writer.execute("ROLLBACK")
            writer.close()

    def test_leases_go_on_during_a_verification(self, used):
        """A verification reads one snapshot; what is leased meanwhile is not in it."""
        for _ in range(1000):
            used.record("note", "ok")

        def lease(_count):
            for name in ("one", "two"):
                with used.lease(name, tool_id="t"):
                    pass

        first, second = used.audit.verify(progress=lease), used.audit.verify()

        assert (1012, 1016) == (first.rows, second.rows)
        assert first.ok
        assert second.ok

    def test_progress(self, used):
        """A long verification tells how far it is."""
        for _ in range(1000):
            used.record("note", "ok")
        seen = []

        assert used.audit.verify(progress=seen.append).ok
        assert [1000] == seen

    def test_sinks(self, canary, caplog):
        """Sinks get each row; one that fails holds up nobody and leaks nothing."""
        rows = []

        def broken(row):
            raise RuntimeError("sink text")

        broker = SecretBroker(
            providers=[SecretBroker.in_memory()._core.provider("memory")],
            catalog="sqlite://",
            audit_sinks=[broken, rows.append],
        )
        broker.put("one", canary())

        assert ["put"] == [row["action"] for row in rows]
        assert (True, False) == ("sink failed" in caplog.text, "text" in caplog.text)

    def test_no_audit_no_secret(self, used, store, canary):
        """A ledger that cannot be written means that nothing is leased."""
        tamper(store, "ALTER TABLE ledger RENAME TO elsewhere")

        with pytest.raises(LedgerError, match="nothing was changed"):
            with used.lease("one", tool_id="t"):
                pass

    @pytest.mark.parametrize(
        "pragma", ["query_only=ON", "max_page_count=1"], ids=["read-only", "full"]
    )
    def test_no_room_for_a_row(self, pragma, used, store, canary):
        """Where nothing can be written, nothing is leased, and all stays as it was."""
        before = used.audit.head()

        def refuse(connection, _record):
            connection.execute(f"PRAGMA {pragma}").close()

        engine = used.catalog.engine
        event.listen(engine, "connect", refuse)
        engine.dispose()
        with pytest.raises(LedgerError, match="nothing was changed"):
            for _ in range(500):  # until the last page is full
                with used.lease("one", tool_id="t"):
                    assert "max_page" in pragma
        event.remove(engine, "connect", refuse)
        engine.dispose()

        assert "query_only" not in pragma or before == used.audit.head()
        assert used.audit.verify().ok
        with used.lease("one", tool_id="t"):
            pass

    def test_parallel_leases_keep_one_head(self, used, store):
        """Threads that lease at once all succeed, and the newest head is kept."""

        def lease():
            for _ in range(15):
                with used.lease("one", tool_id="t"):
                    pass

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(lease) for _ in range(4)]:
                done.result()

        kept = json.loads((store.with_suffix(".keys") / "ledger.head").read_text())
        assert (132, True) == (kept["seq"], used.audit.verify().ok)

    def test_an_unreadable_head_is_named(self, used, store):
        """A damaged head file is an error with the mend, not a clean report."""
        (store.with_suffix(".keys") / "ledger.head").write_text("{")

        with pytest.raises(LedgerError, match=r"ledger\.head"):
            used.audit.verify()

    def test_several_processes_share_one_chain(self, used, store):
        """Processes that write at once keep one unbroken chain."""
        code = (
            "import sys\n"
            "from langchain_tyrum.broker import SecretBroker\n"
            "broker = SecretBroker.local(sys.argv[1])\n"
            "for _ in range(40): broker.record('note', 'ok')\n"
        )
        running = [
            subprocess.Popen([sys.executable, "-c", code, str(store)]) for _ in "ab"
        ]
        for _ in range(40):
            used.record("note", "ok")

        assert [0, 0] == [process.wait() for process in running]
        report = used.audit.verify()
        assert (True, 132) == (report.ok, report.rows)
