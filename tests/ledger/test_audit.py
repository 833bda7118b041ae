"""The ledger: complete, value-free, and honest about what was done to it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import LedgerError
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


def kinds(broker, expected=None) -> set[str]:
    return {problem.kind for problem in broker.audit.verify(expected).problems}


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
        """Closing the gap breaks hashes instead."""
        tamper(
            store,
            "DELETE FROM ledger WHERE seq=5",
            "UPDATE ledger SET seq=seq-1 WHERE seq=6",
        )

        assert "edited" in kinds(used)

    def test_reorder(self, used, store):
        """Two rows that changed places show."""
        tamper(
            store,
            "UPDATE ledger SET seq=-1 WHERE seq=4",
            "UPDATE ledger SET seq=4 WHERE seq=5",
            "UPDATE ledger SET seq=5 WHERE seq=-1",
        )

        assert {"edited", "broken_chain"} <= kinds(used)

    def test_insertion(self, used, store):
        """A row nobody wrote shows."""
        tamper(
            store,
            "INSERT INTO ledger SELECT 13, occurred_at, action, outcome, handle_id,"
            " version, name, scope, tool_id, tool_call_id, thread_id, run_id, tenant,"
            " user, environment, policy_sha256, error, hash, hash FROM ledger"
            " WHERE seq=12",
        )

        assert {"edited", "head_mismatch"} <= kinds(used)

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

        assert "edited" in kinds(used)

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
