"""Where rows go besides the database: files, logs, anything that can be called."""

from __future__ import annotations

import contextlib
import json
import logging
import multiprocessing
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError, LedgerError
from langchain_tyrum.ledger import JsonlSink, LoggingSink
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider

VALUE = "quiet-otter-7713-lamp-rail"
ROW = {"seq": 1, "action": "put", "name": "a\nb\u2028", "error": None}


def opened(*sinks):
    return SecretBroker(
        providers=[MemoryProvider()],
        catalog="sqlite://",
        policy=SecretPolicy(allow=["*"]),
        audit_sinks=sinks,
    )


def use(broker):
    """Put, lease, fail and revoke: rows of several kinds."""
    broker.put("k", VALUE)
    with broker.lease("k", tool_id="t") as value:
        assert VALUE == value.reveal()
    broker.revoke("k", reason=f"seen in {VALUE}")


def append(path, name, count):
    """Append many rows from a process of its own."""
    sink = JsonlSink(path)
    for number in range(count):
        sink({"name": name, "number": number, "filling": "x" * 900})


class TestWhen:
    def test_only_what_others_can_read_is_told(self, tmp_path):
        """A sink is called when its row is committed, and for none that is undone."""
        told, path = [], tmp_path / "t.db"

        def look(row):
            with contextlib.closing(sqlite3.connect(path)) as there:
                (last,) = there.execute("SELECT max(seq) FROM ledger").fetchone()
            told.append((row["seq"], last))

        broker = SecretBroker(
            providers=[MemoryProvider()],
            catalog=f"sqlite:///{path}",
            key=bytes(32),
            audit_sinks=[look],
        )
        with broker:
            broker.record("note", "ok")
            with pytest.raises(KeyError), broker._core.journal() as journal:
                journal.log("note", "undone")
                raise KeyError
            broker.record("note", "ok")

        assert [(1, 1), (2, 2)] == told


class TestJsonl:
    def test_one_line_per_row(self, tmp_path):
        """The file holds what the ledger holds, row by row, and no value."""
        path = tmp_path / "audit.jsonl"
        with opened(JsonlSink(path)) as broker:
            use(broker)

            assert broker.audit.tail(99) == [
                json.loads(line) for line in path.read_text().splitlines()
            ]
        assert VALUE not in path.read_text()
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    def test_no_field_forges_a_line(self, tmp_path):
        """Whatever a field holds, a row is one line of ASCII."""
        path = tmp_path / "audit.jsonl"
        JsonlSink(path, fsync=True)(ROW)

        assert path.read_bytes().isascii()
        assert [ROW] == [json.loads(line) for line in path.read_text().splitlines()]

    def test_it_appends(self, tmp_path):
        """What was there stays, also when the sink is made again."""
        path = tmp_path / "audit.jsonl"
        for number in range(3):
            JsonlSink(path)({"number": number})

        assert 3 == len(path.read_text().splitlines())

    def test_several_processes_append(self, tmp_path):
        """Rows of processes that write at once stand whole, none lost."""
        path = tmp_path / "audit.jsonl"
        context = multiprocessing.get_context("spawn")
        workers = [
            context.Process(target=append, args=(path, name, 300)) for name in "abc"
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)

        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert {name: list(range(300)) for name in "abc"} == {
            name: [row["number"] for row in rows if row["name"] == name]
            for name in "abc"
        }

    def test_it_may_be_rotated(self, tmp_path):
        """A file that was moved away is begun anew, for you alone."""
        path = tmp_path / "audit.jsonl"
        sink = JsonlSink(path)
        sink(ROW)
        path.rename(tmp_path / "audit.1")
        sink(ROW)

        assert 1 == len(path.read_text().splitlines())
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)

    @pytest.mark.parametrize("what", ["link", "dangling", "folder", "fifo", "open"])
    def test_what_is_no_file_of_yours_is_refused(self, tmp_path, what):
        """A link, a folder, a pipe or a file that others read is no place for rows."""
        path, other = tmp_path / "audit.jsonl", tmp_path / "other"
        if what == "link":
            other.touch(0o600)
            path.symlink_to(other)
        elif what == "dangling":
            path.symlink_to(other)
        elif what == "folder":
            path.mkdir()
        elif what == "fifo":
            os.mkfifo(path, 0o600)
        else:
            path.touch()
            path.chmod(0o644)

        with pytest.raises(ConfigError, match=r"audit rows cannot be .*chmod 600"):
            JsonlSink(path)
        assert not other.exists() or not other.read_bytes()

    @pytest.mark.parametrize("fsync", [True, False])
    def test_each_row_is_on_the_disk_where_that_is_asked_for(
        self, tmp_path, monkeypatch, fsync
    ):
        """The row is whole in the file when the disk is told, once for each row."""
        path, found = tmp_path / "audit.jsonl", []
        sink = JsonlSink(path, fsync=fsync)
        monkeypatch.setattr(os, "fsync", lambda file: found.append(os.fstat(file)))
        sink(ROW)

        assert [path.stat().st_size] * fsync == [each.st_size for each in found]

    def test_a_refused_file_stays_open_nowhere(self, tmp_path):
        """What is tried again and again must not use up the files of the process."""
        path = tmp_path / "audit.jsonl"
        path.touch(0o644)
        with Path(os.devnull).open() as file:
            free = file.fileno()
        for _ in range(3):
            with pytest.raises(ConfigError):
                JsonlSink(path)

        with Path(os.devnull).open() as file:
            assert free == file.fileno()

    def test_somebody_elses_file_is_refused(self, tmp_path, monkeypatch):
        """Who owns the file could read, cut or replace the rows."""
        path = tmp_path / "audit.jsonl"
        path.touch(0o600)
        sink, me = JsonlSink(path), os.geteuid()
        monkeypatch.setattr(os, "geteuid", lambda: me + 1)

        with pytest.raises(ConfigError, match="it is not yours"):
            JsonlSink(path)
        with pytest.raises(ConfigError, match="it is not yours"):
            sink(ROW)
        assert "" == path.read_text()

    def test_readers_may_be_let_in(self, tmp_path):
        """A log shipper's group reads it where the sink says so."""
        path = tmp_path / "audit.jsonl"
        path.touch()
        path.chmod(0o640)
        JsonlSink(path, mode=0o640)(ROW)

        assert 1 == len(path.read_text().splitlines())

    def test_a_missing_folder_is_said_at_once(self, tmp_path):
        """A misspelt path shows where the broker is opened, not at the first row."""
        with pytest.raises(ConfigError, match="No such file"):
            JsonlSink(tmp_path / "nowhere" / "audit.jsonl")

    def test_a_full_disk_is_an_error(self, tmp_path, monkeypatch):
        """A row that was written in part is not passed over in silence."""
        sink = JsonlSink(tmp_path / "audit.jsonl")
        monkeypatch.setattr(os, "write", lambda *_: 3)

        with pytest.raises(LedgerError, match="is the disk full"):
            sink(ROW)

    def test_prints_its_place(self, tmp_path):
        """It tells where it writes, and nothing else."""
        path = tmp_path / "audit.jsonl"

        assert f"JsonlSink({str(path)!r})" == repr(JsonlSink(path))


class TestLogging:
    def test_a_record_per_row(self, caplog):
        """Each row is one record: readable as text, whole as an attribute."""
        with (
            caplog.at_level(logging.INFO, "langchain_tyrum.audit"),
            opened(LoggingSink()) as broker,
        ):
            use(broker)
            rows = broker.audit.tail(99)

        assert rows == [record.tyrum_audit for record in caplog.records]
        assert ["tyrum.audit "] * len(rows) == [r.message[:12] for r in caplog.records]
        assert json.loads(caplog.records[0].message[12:])["action"] == "put"
        assert VALUE not in caplog.text

    def test_logger_and_level(self, caplog):
        """Both are the caller's choice."""
        with caplog.at_level(logging.DEBUG):
            LoggingSink("mine", logging.WARNING)(ROW)
            LoggingSink(logging.getLogger("ours"), logging.DEBUG)(ROW)

        assert [("mine", "WARNING"), ("ours", "DEBUG")] == [
            (record.name, record.levelname) for record in caplog.records
        ]
        assert "\n" not in caplog.records[0].message

    def test_prints_its_logger(self):
        """It tells where it logs."""
        assert "LoggingSink('langchain_tyrum.audit', level=20)" == repr(LoggingSink())


class TestFailing:
    @pytest.mark.parametrize(
        "error",
        [
            RuntimeError(VALUE),
            TimeoutError(VALUE),
            RecursionError(),
            OSError(),
            SystemExit(VALUE),
        ],
    )
    def test_one_that_fails_blocks_nobody(self, caplog, error):
        """The call goes on, the others get every row, and no text of it is logged."""

        def failing(row):
            raise error

        before, after = [], []
        with opened(before.append, failing, after.append) as broker:
            use(broker)
            rows = broker.audit.tail(99)

            assert broker.audit.verify().ok
        assert rows == before == after
        assert "an audit sink failed" in caplog.text
        assert VALUE not in caplog.text
        assert {None} == {record.exc_info for record in caplog.records}

    def test_an_interrupt_gives_the_grant_back(self):
        """Who stops the program while a sink runs has used no grant."""
        stops = [KeyboardInterrupt()]

        def stopping(row):
            if row["action"] == "lease_intent" and stops:
                raise stops.pop()

        with opened(stopping) as broker:
            broker.put("k", VALUE)
            with (
                pytest.raises(KeyboardInterrupt),
                broker.lease("k", tool_id="t"),
            ):
                pytest.fail("it was leased")

            assert ("lease", "failed") == tuple(
                broker.audit.tail(1)[0][name] for name in ("action", "outcome")
            )
            assert [] == broker.unfinished(older_than_seconds=0)

    def test_one_that_changes_its_row_changes_nobodys(self):
        """Each sink gets a row of its own."""
        seen = []
        with opened(lambda row: row.clear(), seen.append) as broker:
            use(broker)

            assert broker.audit.tail(99) == seen
            assert broker.audit.verify().ok

    def test_nothing_is_told_before_it_is_committed(self):
        """A sink can read the row it is told of from the ledger."""
        found = []
        with opened(lambda row: found.append(broker.audit.tail(1)[0])) as broker:
            broker.put("k", VALUE)

            assert broker.audit.tail(1) == found[-1:]

    @pytest.mark.parametrize("way", ["local", "in_memory", "from_config"])
    def test_every_way_to_open_takes_them(self, tmp_path, way, monkeypatch):
        """Each constructor hands its rows to the sinks."""
        monkeypatch.delenv("TYRUM_ENVIRONMENT", raising=False)
        (tmp_path / "tyrum.toml").write_text("")
        given = [] if way == "in_memory" else [tmp_path]
        seen = []

        with getattr(SecretBroker, way)(*given, audit_sinks=[seen.append]) as broker:
            broker.put("k", VALUE)

        assert "put" in [row["action"] for row in seen]

    def test_an_async_one_is_refused(self):
        """A coroutine would never be awaited, so its rows would be lost."""

        class Sink:
            async def __call__(self, row): ...

        async def sink(row): ...

        for wrong in (Sink(), sink):
            with pytest.raises(ConfigError, match="async"):
                SecretBroker(providers=[], catalog="sqlite://", audit_sinks=[wrong])
