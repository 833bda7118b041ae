"""`scan_checkpoints`: raw values in what was stored before there was a guard."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.state import guard_checkpointer, guard_store, scan_checkpoints
from langchain_tyrum.state.scanning import tables


class State(MessagesState, total=False):
    note: str
    files: dict[str, Any]


class Reversing(CipherProtocol):
    def encrypt(self, plaintext):
        return "rev", plaintext[::-1]

    def decrypt(self, ciphername, ciphertext):
        assert "rev" == ciphername
        return ciphertext[::-1]


@pytest.fixture
def fill(canary, shaped):
    """Run an unguarded graph that stores raw values in all ways."""

    def run(saver, thread="t1"):
        def work(state):
            call = {"name": "f", "args": {"key": canary}, "id": "c1"}
            return {
                "messages": [
                    AIMessage("calls", tool_calls=[call], id="a1"),
                    ToolMessage(f"with {shaped}", tool_call_id="c1", id="m1"),
                ],
                "note": f"say {canary}",
                "files": {"a": {"deep": [canary.encode()]}},
            }

        builder = StateGraph(State)
        builder.add_node("work", work)
        builder.add_edge(START, "work")
        graph = builder.compile(checkpointer=saver)
        config = {
            "configurable": {"thread_id": thread, "api_key": canary},
            "metadata": {"user": "u"},
        }
        graph.invoke({"messages": [HumanMessage(f"my {canary}", id="h1")]}, config)
        return graph, config

    return run


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def saver(path):
    with SqliteSaver.from_conn_string(str(path)) as made:
        yield made


MARK = "[REDACTED:vault/canary]"


class TestSqlite:
    """A SQLite file, given in each way."""

    @pytest.mark.parametrize("given", ["saver", "path", "url"])
    def test_found_and_repaired(
        self, given, saver, path, fill, redactor, canary, shaped, leaks, sqlite_bytes
    ):
        """Values are found, replaced, and gone from the file; the thread goes on."""
        graph, config = fill(saver)
        assert leaks(sqlite_bytes(path), canary, shaped)
        target = {"saver": saver, "path": path, "url": f"sqlite:///{path}"}[given]

        before = scan_checkpoints(target, redactor)
        assert (False, 0) == (before.ok, before.repaired)
        assert {"checkpoints", "writes"} == {found.table for found in before}
        assert {"registered", "github-pat"} == {found.rule for found in before}
        report = scan_checkpoints(target, redactor, repair=True)
        again = scan_checkpoints(target, redactor, repair=True)

        assert (True, before.found) == (report.ok, report.repaired)
        assert (True, 0, report.rows) == (again.ok, again.found, again.rows)
        assert [] == leaks(sqlite_bytes(path), canary, shaped)
        state = graph.get_state(config)
        assert f"say {MARK}" == state.values["note"]
        assert {"a": {"deep": [MARK.encode()]}} == state.values["files"]
        human, ai, result = state.values["messages"]
        assert (f"my {MARK}", MARK) == (human.content, ai.tool_calls[0]["args"]["key"])
        assert ("c1", "with [REDACTED:github-pat]") == (
            result.tool_call_id,
            result.content,
        )
        assert MARK == state.metadata["api_key"]
        after = graph.invoke({"messages": [HumanMessage("go on", id="h2")]}, config)
        assert 4 == len(after["messages"])

    def test_places(self, saver, fill, redactor, canary):
        """A finding names table, thread, checkpoint, channel and path; no value."""
        _, config = fill(saver)
        last = saver.get_tuple(config).config["configurable"]["checkpoint_id"]

        found = list(scan_checkpoints(saver, redactor))

        assert canary not in repr(found)
        places = {(each.checkpoint == last, each.channel, each.path) for each in found}
        assert (True, "", "channel_values.messages[0].content") in places
        assert (True, "", "channel_values.note") in places
        assert (False, "note", "") in places
        assert {"t1"} == {each.thread for each in found}
        assert {"vault/canary", "github-pat"} == {each.name for each in found}

    def test_deleted_threads(self, saver, path, fill, redactor, leaks, sqlite_bytes):
        """What a deleted thread left in the file is found, and swept away."""
        saver.setup()
        saver.conn.execute("PRAGMA secure_delete = OFF")
        fill(saver)
        saver.delete_thread("t1")
        assert leaks(sqlite_bytes(path))

        found = list(scan_checkpoints(path, redactor))
        report = scan_checkpoints(path, redactor, repair=True)

        assert {"free pages", "free pages of *-wal"} >= {each.table for each in found}
        assert found
        assert (True, 0) == (report.ok, report.rows)
        assert [] == leaks(sqlite_bytes(path))

    def test_keys_are_reported_only(self, saver, fill, redactor, canary):
        """A value in a thread id is reported with a marker, and stays."""
        fill(saver, thread=f"of {canary}")

        report = scan_checkpoints(saver, redactor, repair=True)

        assert not report.ok
        left = [each for each in report if not each.repaired]
        assert {"thread_id"} == {each.channel for each in left}
        assert {f"of {MARK}"} == {each.thread for each in left}
        assert report.found - report.repaired == len(left)

    def test_interrupted(self, saver, path, fill, redactor, leaks, sqlite_bytes):
        """A repair that was broken off has lost nothing and can be run again."""
        graph, config = fill(saver)
        count = scan_checkpoints(path, redactor).found
        steps = []

        def stop(rows):
            steps.append(rows)
            if rows == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            scan_checkpoints(path, redactor, repair=True, progress=stop)
        assert [1, 2, 3, 4] == steps
        assert 3 == len(graph.get_state(config).values["messages"])
        report = scan_checkpoints(path, redactor, repair=True)

        assert report.ok
        assert 0 < report.repaired <= count
        assert [] == leaks(sqlite_bytes(path))

    def test_many_rows(self, saver, fill, redactor, monkeypatch):
        """Rows beyond the first few are read too, each once."""
        fill(saver)
        whole = scan_checkpoints(saver, redactor)

        monkeypatch.setattr(tables, "_ROWS", 2)
        by_two = scan_checkpoints(saver, redactor)

        assert whole.rows > 2
        assert whole == by_two

    def test_read_only_leaves_the_file(self, saver, path, fill, redactor):
        """Without repair nothing is written."""
        fill(saver)
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.read_bytes()

        scan_checkpoints(path, redactor)

        assert before == path.read_bytes()

    async def test_async_saver(self, path, redactor):
        """Of an async saver the file is asked for."""
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            with pytest.raises(ConfigError, match="URL or the path"):
                scan_checkpoints(saver, redactor)


class TestSerializers:
    """What only its own serializer can read."""

    def test_encrypted(self, saver, fill, redactor, canary, leaks):
        """Encrypted values are decrypted, repaired, and encrypted again."""
        saver.serde = EncryptedSerializer(Reversing())
        graph, config = fill(saver)

        report = scan_checkpoints(saver, redactor, repair=True)

        assert report.ok
        assert report.repaired > 5
        assert f"say {MARK}" == graph.get_state(config).values["note"]
        kinds = saver.conn.execute("SELECT DISTINCT type FROM checkpoints").fetchall()
        assert [("msgpack+rev",)] == kinds

    def test_encrypted_without_a_key(self, saver, path, fill, redactor):
        """What cannot be read is reported, and counts as a value."""
        saver.serde = EncryptedSerializer(Reversing())
        fill(saver)

        report = scan_checkpoints(path, redactor, repair=True)
        read = scan_checkpoints(path, redactor, serde=saver.serde)

        assert not report.ok
        assert "unreadable" in {each.rule for each in report}
        assert "unreadable" not in {each.rule for each in read}
        assert not read.ok

    def test_pickled(self, saver, fill, redactor, canary):
        """Pickles are opened by a serializer that may, and never without one."""
        serde = JsonPlusSerializer(pickle_fallback=True)
        saver.setup()
        data = serde.dumps_typed({"odd": complex(1, 2), "raw": canary})[1]
        saver.conn.execute(
            "INSERT INTO writes (thread_id, checkpoint_id, task_id, idx, channel, "
            "type, value) VALUES ('t', '1', 'task', 0, 'x', 'pickle', ?)",
            (data,),
        )
        saver.conn.commit()
        saver.serde = JsonPlusSerializer()

        shut = scan_checkpoints(saver, redactor)
        report = scan_checkpoints(saver, redactor, serde=serde, repair=True)

        assert ["unreadable"] == [each.rule for each in shut]
        assert report.ok
        (stored,) = saver.conn.execute("SELECT type, value FROM writes").fetchall()
        assert {"odd": complex(1, 2), "raw": MARK} == serde.loads_typed(stored)


class TestOtherPlaces:
    def test_memory(self, fill, redactor, memory_bytes, leaks, canary, shaped):
        """A saver in memory is repaired in place."""
        saver = InMemorySaver()
        graph, config = fill(saver)
        assert leaks(memory_bytes(saver), canary, shaped)

        report = scan_checkpoints(saver, redactor, repair=True)

        assert report.ok
        assert report.repaired > 5
        assert [] == leaks(memory_bytes(saver), canary, shaped)
        assert f"say {MARK}" == graph.get_state(config).values["note"]

    def test_guarded_saver_is_clean(self, fill, redactor):
        """What a guard wrote needs no repair."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        fill(saver)

        report = scan_checkpoints(saver, redactor)

        assert (True, 0) == (report.ok, report.found)
        assert report.rows > 5

    def test_any_saver(self, fill, redactor, canary):
        """What another saver lists is reported; it is not rewritten."""
        inner = InMemorySaver()
        fill(inner)

        class Listing(BaseCheckpointSaver):
            def list(self, config, **named):
                return inner.list(config, **named)

        report = scan_checkpoints(Listing(), redactor, repair=True)

        assert (False, 0) == (report.ok, report.repaired)
        assert report.found > 5
        assert canary not in repr(list(report))

    @pytest.mark.parametrize("kind", ["memory", "sqlite", "guarded"])
    def test_store(self, kind, tmp_path, redactor, canary, leaks, sqlite_bytes):
        """Items of a store are repaired; keys that hold a value are reported."""
        path = tmp_path / "store.db"
        with SqliteStore.from_conn_string(str(path)) as sqlite:
            sqlite.setup()
            plain = InMemoryStore() if kind == "memory" else sqlite
            plain.batch(
                PutOp(("notes", "u"), str(n), {"text": f"n {n}"}) for n in range(150)
            )
            plain.put(("notes", "u"), "raw", {"deep": [canary], "n": 1})
            store = guard_store(plain, redactor) if kind == "guarded" else plain

            report = scan_checkpoints(store, redactor, repair=True)
            assert {"deep": [MARK], "n": 1} == plain.get(("notes", "u"), "raw").value
            if kind != "memory":
                assert [] == leaks(sqlite_bytes(path))
            plain.put(("notes", canary), "k", {"n": 1})
            keyed = scan_checkpoints(store, redactor, repair=True)

        assert (True, 1, 151) == (report.ok, report.repaired, report.rows)
        assert (False, 1, 0) == (keyed.ok, keyed.found, keyed.repaired)

    def test_lines(self, tmp_path, redactor, canary, shaped, leaks):
        """A trace export is rewritten line by line; clean lines keep their bytes."""
        path = tmp_path / "runs.jsonl"
        clean = '{"b": 1,   "a": "é"}'
        dirty = [json.dumps({"inputs": {"q": canary}}), f"no json {shaped}", ""]
        path.write_text("\n".join([clean, *dirty, clean]), encoding="utf-8")
        path.chmod(0o640)

        before = scan_checkpoints(path, redactor)
        report = scan_checkpoints(path, redactor, repair=True)

        assert ["line 2", "line 3"] == [each.table for each in before]
        assert "inputs.q" == before.findings[0].path
        assert (True, 2, 4) == (report.ok, report.repaired, report.rows)
        assert [] == leaks(path.read_bytes(), canary, shaped)
        lines = path.read_text(encoding="utf-8").split("\n")
        assert [clean, clean] == [lines[0], lines[-1]]
        assert {"inputs": {"q": MARK}} == json.loads(lines[1])
        assert 0o640 == path.stat().st_mode & 0o777
        assert [path] == list(tmp_path.iterdir())

    def test_lines_interrupted(self, tmp_path, redactor, canary):
        """A repair that is broken off leaves the file, and nothing beside it."""
        path = tmp_path / "runs.jsonl"
        path.write_text(f'"{canary}"\n"more"\n')

        def stop(rows):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            scan_checkpoints(path, redactor, repair=True, progress=stop)

        assert f'"{canary}"\n"more"\n' == path.read_text()
        assert [path] == list(tmp_path.iterdir())


class TestRefused:
    @pytest.mark.parametrize("target", [None, 7, object(), "no/such.db", b"x"])
    def test_no_target(self, target, redactor):
        """What is no place of state is refused, with what may be given."""
        with pytest.raises(ConfigError):
            scan_checkpoints(target, redactor)

    def test_other_file(self, tmp_path, redactor):
        """A file of another kind is not touched."""
        path = tmp_path / "notes.txt"
        path.write_text("x" * 100)

        with pytest.raises(ConfigError, match="neither"):
            scan_checkpoints(path, redactor, repair=True)
        assert "x" * 100 == path.read_text()

    def test_without_a_redactor(self, path):
        """Something that knows no values is no redactor."""
        with pytest.raises(ConfigError):
            scan_checkpoints(path, object())


class TestReport:
    def test_shows_counts(self, saver, fill, redactor, canary):
        """Its repr shows counts only, and it cannot be changed."""
        fill(saver)

        report = scan_checkpoints(saver, redactor)

        assert f"rows={report.rows}, found={report.found}" in repr(report)
        assert "t1" not in repr(report)
        with pytest.raises(AttributeError):
            report.rows = 0

    def test_names_in_a_checkpoint(self, saver, redactor, canary):
        """A value in the name of a channel is reported, and stays."""
        saver.setup()
        stored = empty_checkpoint()
        stored["channel_values"] = {canary: ["x"], "fine": [canary]}
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        saver.put(config, stored, {}, {})

        report = scan_checkpoints(saver, redactor, repair=True)

        assert (False, 1) == (report.ok, report.repaired)
        assert {"fine": [MARK], canary: ["x"]} == saver.get(config)["channel_values"]

    def test_a_database_without_our_tables(self, path, redactor):
        """A database of something else is clean, and none of its rows is read."""
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE other (a)")
        connection.close()

        assert (True, 0) == (
            (report := scan_checkpoints(path, redactor)).ok,
            report.rows,
        )
