"""The tables of LangGraph's SQL savers and stores, read and written row by row."""

from __future__ import annotations

from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_tyrum.state.scanning.texts import look_at_json

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from contextlib import AbstractContextManager

    from langchain_tyrum.state.scanning.examine import Examiner
    from langchain_tyrum.state.scanning.report import ScanFinding

#: Rows hold whole states, so only a few are in memory at once.
_ROWS = 16


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: Its name.
        keys: What keys its rows.
        names: More columns that cannot be rewritten.
        typed: The columns with what a serializer wrote: its kind, its bytes.
        texts: The columns of JSON.
    """

    name: str
    keys: tuple[str, ...]
    names: tuple[str, ...] = ()
    typed: tuple[str, str] | None = None
    texts: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All that is read."""
        return (*self.keys, *self.names, *(self.typed or ()), *self.texts)

    def only(self, present: set[str]) -> Table:
        """Return the table with the columns that an older schema has."""
        names = tuple(name for name in self.names if name in present)
        return Table(self.name, self.keys, names, self.typed, self.texts)


_CHECKPOINT = ("thread_id", "checkpoint_ns", "checkpoint_id")
_STORE = Table("store", ("prefix", "key"), texts=("value",))
SQLITE = (
    Table(
        "checkpoints",
        _CHECKPOINT,
        ("parent_checkpoint_id",),
        ("type", "checkpoint"),
        ("metadata",),
    ),
    Table(
        "writes",
        (*_CHECKPOINT, "task_id", "idx"),
        ("task_path", "channel"),
        ("type", "value"),
    ),
    _STORE,
)
POSTGRES = (
    Table(
        "checkpoints",
        _CHECKPOINT,
        ("parent_checkpoint_id",),
        texts=("checkpoint", "metadata"),
    ),
    Table(
        "checkpoint_blobs",
        ("thread_id", "checkpoint_ns", "channel", "version"),
        typed=("type", "blob"),
    ),
    Table(
        "checkpoint_writes",
        (*_CHECKPOINT, "task_id", "idx"),
        ("task_path", "channel"),
        ("type", "blob"),
    ),
    _STORE,
)


@dataclass(frozen=True)
class Dialect:
    """How a database is asked.

    Attributes:
        mark: What stands for a parameter.
        text: Around a JSON column that is read.
        json: Around a parameter that becomes JSON.
        tables: What may be there.
        columns: Asks for the columns of a table.
    """

    mark: str
    text: str
    json: str
    tables: tuple[Table, ...]
    columns: str

    def marked(self, key: Any) -> str:
        """Return the mark of a key: what SQLite has as text may be none."""
        return f"CAST({self.mark} AS TEXT)" if isinstance(key, bytes) else self.mark


SQLITE_DIALECT = Dialect(
    "?", "{}", "{}", SQLITE, "SELECT name FROM pragma_table_info(?)"
)
POSTGRES_DIALECT = Dialect(
    "%s",
    "{}::text",
    "{}::jsonb",
    POSTGRES,
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) "
    "AND attnum > 0 AND NOT attisdropped",
)


class Database:
    """A connection, and how it is asked.

    Args:
        connect: Opens a block with a DB-API connection.
        dialect: How it is asked.
    """

    def __init__(
        self, connect: Callable[[], AbstractContextManager[Any]], dialect: Dialect
    ) -> None:
        self._connect = connect
        self.dialect = dialect

    def ask(self, statement: str, given: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement."""
        with self._connect() as connection, closing(connection.cursor()) as cursor:
            cursor.execute(statement, given)
            rows = cursor.fetchall()
            connection.commit()
        return [tuple(row.values()) if isinstance(row, dict) else row for row in rows]

    def each(self, statement: str) -> Generator[tuple[Any, ...]]:
        """Yield the rows of a statement, whose table may be large."""
        with self._connect() as connection, closing(connection.cursor()) as cursor:
            cursor.execute(statement)
            while rows := cursor.fetchmany(_ROWS):
                yield from rows

    def tell(self, statements: list[tuple[str, tuple[Any, ...]]]) -> None:
        """Run statements in one transaction."""
        with self._connect() as connection, closing(connection.cursor()) as cursor:
            for statement, given in statements:
                cursor.execute(statement, given)
            connection.commit()

    def tables(self) -> list[Table]:
        """Return the tables that are there."""
        found = []
        for table in self.dialect.tables:
            present = {row[0] for row in self.ask(self.dialect.columns, (table.name,))}
            if {*table.keys, *(table.typed or ()), *table.texts} <= present:
                found.append(table.only(present))
        return found

    def rows(self, table: Table) -> Iterator[list[dict[str, Any]]]:
        """Yield rows, a few at a time, in the order of their keys."""
        dialect = self.dialect
        after: tuple[Any, ...] = ()
        read = [
            dialect.text.format(column) if column in table.texts else column
            for column in table.columns
        ]
        keys = ", ".join(table.keys)
        start = f"SELECT {', '.join(read)} FROM {table.name}"  # noqa: S608 - no input
        while True:
            marks = ", ".join(dialect.marked(key) for key in after)
            beyond = f" WHERE ({keys}) > ({marks})" if after else ""
            ask = f"{start}{beyond} ORDER BY {keys} LIMIT {_ROWS}"
            found = self.ask(ask, after)
            rows = [dict(zip(table.columns, row, strict=True)) for row in found]
            if rows:
                yield rows
            if len(rows) < _ROWS:
                return
            after = tuple(rows[-1][key] for key in table.keys)

    def update(
        self, table: Table, row: dict[str, Any], changed: dict[str, Any]
    ) -> tuple[str, tuple[Any, ...]]:
        """Return the statement that puts other values into a row."""
        mark, text = self.dialect.mark, self.dialect.json
        sets = ", ".join(
            f"{column} = {text.format(mark) if column in table.texts else mark}"
            for column in changed
        )
        same = " AND ".join(
            f"{key} = {self.dialect.marked(row[key])}" for key in table.keys
        )
        given = (*changed.values(), *(row[key] for key in table.keys))
        return f"UPDATE {table.name} SET {sets} WHERE {same}", given  # noqa: S608


def scan_database(database: Database, examiner: Examiner) -> None:
    """Look into all tables, and write rows anew where the examiner says so."""
    for table in database.tables():
        for rows in database.rows(table):
            updates = []
            for row in rows:
                examiner.row()
                changed = _examine(table, row, examiner)
                if changed:
                    updates.append(database.update(table, row, changed))
            if updates:
                database.tell(updates)


def _examine(table: Table, row: dict[str, Any], examiner: Examiner) -> dict[str, Any]:
    """Return what is to be written into a row."""
    names = {name: row[name] for name in (*table.keys, *table.names)}
    place = examiner.place(
        table.name,
        thread=row.get("thread_id", row.get("prefix")),
        checkpoint=row.get("checkpoint_id", row.get("key")),
        channel=row.get("channel"),
    )
    examiner.keys(place, names)
    changed: dict[str, Any] = {}
    if table.typed is not None:
        kind, data = (row[column] for column in table.typed)
        whole = table.typed[1] == "checkpoint"
        new = examiner.typed(place, kind, _bytes(data), whole=whole)
        if new is not None:
            changed |= dict(zip(table.typed, new, strict=True))
    for column in table.texts:
        text = _json(row[column], place, examiner, column)
        if text is not None:
            changed[column] = text
    return changed


def _json(
    stored: Any, place: ScanFinding, examiner: Examiner, column: str
) -> str | bytes | None:
    if stored is None:
        return None
    new = look_at_json(examiner, place, _bytes(stored), whole=column == "checkpoint")
    if new is None or isinstance(stored, bytes):
        return new
    return new.decode("utf-8", "surrogatepass")


def _bytes(stored: Any) -> bytes:
    """Return the bytes of a cell: SQLite keeps anything in any column."""
    if stored is None or isinstance(stored, bytes | bytearray | memoryview):
        return bytes(stored or b"")
    return str(stored).encode("utf-8", "surrogatepass")


@contextmanager
def held_sqlite(connection: Any, lock: Any = None) -> Iterator[Any]:
    """Use a SQLite connection, also for text that is not in UTF-8: it comes as bytes.

    Else one such cell would end a scan, with its text in the error.
    """
    with held(connection, lock):
        before, connection.text_factory = connection.text_factory, _text
        try:
            yield connection
        finally:
            connection.text_factory = before


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


@contextmanager
def held(connection: Any, lock: Any = None) -> Iterator[Any]:
    """Use a connection that somebody else opened and closes."""
    with lock or nullcontext():
        yield connection
