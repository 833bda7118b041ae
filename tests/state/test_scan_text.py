"""`scan_checkpoints`: stored JSON that parsers do not show, broken rows, leftovers."""

from __future__ import annotations

import json
import sqlite3

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.store.sqlite import SqliteStore

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import scan_checkpoints

MARK = "[REDACTED:vault/canary]"


@pytest.fixture
def lines(tmp_path):
    """Write lines of JSON."""

    def write(*given):
        path = tmp_path / "runs.jsonl"
        path.write_bytes(b"\n".join(each.encode() for each in given) + b"\n")
        return path

    return write


@pytest.fixture
def database(tmp_path):
    """Write a file with two checkpoints, and run statements on it."""
    path = tmp_path / "state.db"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        for thread in ("a", "b"):
            config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
            saver.put(config, empty_checkpoint(), {}, {})

    def run(*statements):
        connection = sqlite3.connect(path)
        with connection:
            for statement, *given in statements:
                connection.execute(statement, given)
        connection.close()
        return path

    return run


@pytest.fixture
def metadata():
    """Read a column of the first thread."""

    def read(path):
        connection = sqlite3.connect(path)
        asked = "SELECT CAST(metadata AS BLOB) FROM checkpoints ORDER BY thread_id"
        (found, *_) = connection.execute(asked).fetchone()
        connection.close()
        return found

    return read


SET = "UPDATE checkpoints SET metadata = ? WHERE thread_id = 'a'"
MAIN = SET.replace("metadata", "checkpoint")
KEY = SET.replace("metadata", "thread_id")
WRITE = (
    "INSERT INTO writes (thread_id, checkpoint_id, task_id, idx, channel, type, value) "
    "VALUES ('t', '1', 'task', 0, 'x', 'json', ?)"
)
TWICE = ['{{"a": "{}", "a": "x"}}', '[{{"n": {{"a": ["{}"], "a": 1}}}}]']


class TestEqualKeys:
    """Of two equal keys a parser keeps the last; the first one is looked at too."""

    @pytest.mark.parametrize("form", TWICE)
    @pytest.mark.parametrize("which", ["canary", "shaped"])
    def test_lines(self, form, which, lines, redactor, request):
        """A value under the first of two equal keys is found and replaced."""
        value = request.getfixturevalue(which)
        path = lines('{"fine": 1}', form.format(value))

        found = scan_checkpoints(path, redactor)
        repaired = scan_checkpoints(path, redactor, repair=True)

        assert [("line 2", False)] == [(each.table, each.repaired) for each in found]
        assert (True, 1) == (repaired.ok, repaired.repaired)
        assert value.encode() not in path.read_bytes()
        assert json.loads(form.format("")) == json.loads(
            path.read_text().splitlines()[1]
        )
        assert 0 == scan_checkpoints(path, redactor).found

    def test_both_raw(self, lines, redactor, canary, shaped):
        """Values under both keys are found, and replaced."""
        path = lines(f'{{"a": "{shaped}", "a": "{canary}"}}')

        report = scan_checkpoints(path, redactor, repair=True)

        assert (True, 2) == (report.ok, report.repaired)
        assert {"a": MARK} == json.loads(path.read_text())
        assert shaped not in path.read_text()

    @pytest.mark.parametrize("form", TWICE)
    @pytest.mark.parametrize("kind", [str, str.encode])
    def test_metadata(self, form, kind, database, redactor, canary, sqlite_bytes):
        """So is one in the metadata of a checkpoint, as text or as bytes."""
        path = database((SET, kind(form.format(canary))))

        found = list(scan_checkpoints(path, redactor))
        report = scan_checkpoints(path, redactor, repair=True)

        assert [("checkpoints", "a")] == [(each.table, each.thread) for each in found]
        assert (True, 1) == (report.ok, report.repaired)
        assert canary.encode() not in sqlite_bytes(path)

    def test_store(self, tmp_path, redactor, shaped, sqlite_bytes):
        """So is one in an item of a store."""
        path = tmp_path / "store.db"
        with SqliteStore.from_conn_string(str(path)) as store:
            store.setup()
            store.put(("n",), "k", {"a": 1})
            text = TWICE[0].format(shaped)
            store.conn.execute("UPDATE store SET value = ?", (text,))
            store.conn.commit()

            report = scan_checkpoints(store, redactor, repair=True)

            assert (True, 1) == (report.ok, report.repaired)
            assert {"a": "x"} == store.get(("n",), "k").value
            assert shaped.encode() not in sqlite_bytes(path)

    def test_json_of_a_serializer(self, database, redactor, canary, sqlite_bytes):
        """So is one in what a serializer wrote as JSON."""
        data = TWICE[0].format(canary).encode()
        path = database(
            (
                WRITE,
                data,
            )
        )

        report = scan_checkpoints(path, redactor, repair=True)

        assert (True, ["writes"]) == (report.ok, [each.table for each in report])
        assert canary.encode() not in sqlite_bytes(path)

    def test_clean(self, lines, redactor):
        """Equal keys without values are fine, and their line keeps its bytes."""
        path = lines(TWICE[0].format("y"))
        before = path.read_bytes()

        report = scan_checkpoints(path, redactor, repair=True)

        assert (True, 0) == (report.ok, report.found)
        assert before == path.read_bytes()


class TestBroken:
    """A row that cannot be read ends no scan."""

    @pytest.mark.parametrize("bad", ["{{bad {}", "[1, {}"])
    def test_metadata(self, bad, database, metadata, redactor, canary):
        """Broken JSON is unreadable; a repair writes it as text; others are read."""
        fine = json.dumps({"k": canary})
        path = database(
            (SET, bad.format(canary).encode()), (SET.replace("'a'", "'b'"), fine)
        )

        found = list(scan_checkpoints(path, redactor))
        report = scan_checkpoints(path, redactor, repair=True)

        assert ["unreadable", "registered"] == [each.rule for each in found]
        assert (True, 2, 2) == (report.ok, report.repaired, report.rows)
        assert bad.format(MARK).encode() == metadata(path)
        assert scan_checkpoints(path, redactor).ok

    @pytest.mark.parametrize("kind", ["bytes", "text"])
    def test_no_unicode(self, kind, database, metadata, redactor, canary):
        """Bytes that are no text, also in a column of text, are looked at."""
        data = b"\xff\xfe " + canary.encode()
        text = SET if kind == "bytes" else SET.replace("?", "CAST(? AS TEXT)")
        path = database((text, data))

        found = list(scan_checkpoints(path, redactor))
        report = scan_checkpoints(path, redactor, repair=True)

        assert ["unreadable"] == [each.rule for each in found]
        assert report.ok
        assert canary.encode() not in metadata(path)

    def test_keys_that_are_no_unicode(self, database, metadata, redactor, canary):
        """A row whose key is no text is written anew, and those after it are read."""
        clean = json.dumps({"k": canary}).encode()
        path = database(
            (SET, clean),
            (
                KEY.replace("?", "CAST(? AS TEXT)"),
                b"A\xff",
            ),
        )

        report = scan_checkpoints(path, redactor, repair=True)

        assert (True, 1, 2) == (report.ok, report.repaired, report.rows)
        assert {"k": MARK} == json.loads(metadata(path))

    def test_too_deep(self, lines, redactor, canary):
        """What is nested too deep is unreadable; values in it are replaced."""
        deep = "[" * 100_000
        path = lines(deep, f'{deep}"{canary}"', f'{{"k": "{canary}"}}')

        report = scan_checkpoints(path, redactor, repair=True)

        told = [(each.table, each.rule, each.repaired) for each in report]
        assert [
            ("line 1", "unreadable", False),
            ("line 2", "unreadable", False),
            ("line 2", "registered", True),
            ("line 3", "registered", True),
        ] == told
        assert canary.encode() not in path.read_bytes()
        assert 3 == report.rows

    def test_escaped(self, lines, redactor, canary):
        """In broken JSON escapes hide no value."""
        hidden = "".join(f"\\u{ord(char):04x}" for char in canary)
        path = lines(f'{{"k": "{hidden}"')

        assert 1 == scan_checkpoints(path, redactor).found
        assert scan_checkpoints(path, redactor, repair=True).ok
        assert f'{{"k": "{MARK}"\n' == path.read_text()

    def test_odd_cells(self, database, redactor, canary):
        """SQLite keeps anything in any column: a scan looks at it, and goes on."""
        path = database(
            (SET, 7),
            (MAIN, f"text {canary}"),
            (SET.replace("'a'", "'b'"), json.dumps({"k": canary})),
        )

        report = scan_checkpoints(path, redactor, repair=True)

        assert [("a", False), ("b", True)] == [
            (each.thread, each.repaired) for each in report
        ]

    def test_shapes_are_refused(self, lines, shaped):
        """A redactor that refuses shapes rewrites none, and ends no scan."""
        path = lines(f'{{"k": "{shaped}"}}', f"no json {shaped}")

        report = scan_checkpoints(path, Redactor(shapes="refuse"), repair=True)

        assert (2, 0) == (report.found, report.repaired)


class TestLeftovers:
    """What is left in rows hides nothing that is left elsewhere."""

    def test_tables_of_others(self, database, redactor, canary):
        """A table of somebody else is named, beside a key that cannot be rewritten."""
        path = database(
            (KEY, canary),
            ("CREATE TABLE notes (n, said)",),
            ("INSERT INTO notes VALUES (1, ?)", f"it is {canary}"),
        )

        for repair in (False, True):
            report = scan_checkpoints(path, redactor, repair=repair)

            assert (2, 0, 2) == (report.found, report.repaired, report.rows)
            assert {"checkpoints", "notes"} == {each.table for each in report}

    def test_more_columns(self, database, redactor, canary):
        """A column that somebody added to a table is looked at too."""
        path = database(
            ("ALTER TABLE checkpoints ADD COLUMN said",),
            ("UPDATE checkpoints SET said = ? WHERE thread_id = 'b'", canary),
        )

        report = scan_checkpoints(path, redactor, repair=True)

        assert ["checkpoints"] == [each.table for each in report]

    def test_not_swept(self, database, redactor, canary):
        """While somebody reads, the file is not swept: free pages are told of."""
        path = database(
            ("PRAGMA secure_delete = OFF",),
            (KEY, canary),
        )
        reader = sqlite3.connect(path)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM checkpoints").fetchone()

        hasty = SqliteSaver(sqlite3.connect(path, timeout=0))
        report = scan_checkpoints(hasty, redactor, repair=True)
        reader.close()
        hasty.conn.close()

        assert "checkpoints" in {each.table for each in report}
        assert "free pages" in {each.table for each in report}
