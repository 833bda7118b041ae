"""What a SQLite file keeps beside the rows that are read one by one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.state.scanning.examine import Examiner
    from langchain_tyrum.state.scanning.tables import Database

_WINDOW = 1 << 20
_OVERLAP = 1 << 16
_SUFFIXES = ("", "-wal", "-journal")
_COLUMNS = (
    "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c "
    "WHERE t.type = 'table' ORDER BY t.name, c.cid"
)


def sweep(database: Database) -> bool:
    """Write the file anew without free pages, and empty the log, if nobody reads it."""
    database.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    database.ask("VACUUM")
    (busy, *_), *_ = database.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    return not busy


def scan_leftovers(database: Database, examiner: Examiner, *, swept: bool) -> None:
    """Look for registered values in tables of others, and in the file's bytes.

    What is known to be left in rows stands in the bytes of the file too. They tell
    of free pages only when nothing is left in rows, or when a repair could not sweep.

    Args:
        database: The SQLite database.
        examiner: Notes what is found: once a table, and once a file.
        swept: Whether the file has no free pages now.
    """
    _scan_foreign(database, examiner)
    if examiner.report().ok or (examiner.repair and not swept):
        for name in database.ask("SELECT file FROM pragma_database_list"):
            _scan_file(str(name[0] or ""), examiner)


def _scan_foreign(database: Database, examiner: Examiner) -> None:
    for table, columns in _foreign(database):
        wanted = ", ".join(map(_quoted, columns))
        statement = f"SELECT {wanted} FROM {_quoted(table)}"  # noqa: S608 - quoted
        try:
            with closing(database.each(statement)) as rows:
                found = any(_is_raw(cell, examiner) for row in rows for cell in row)
        except sqlite3.Error:  # a virtual table, whose module is not here
            continue
        if found:
            examiner.left(table)


def _foreign(database: Database) -> Iterator[tuple[str, list[str]]]:
    """Yield tables, and their columns that are not read row by row."""
    read = {table.name: table.columns for table in database.tables()}
    others: dict[str, list[str]] = {}
    for table, column in database.ask(_COLUMNS):
        if column not in read.get(table, ()):
            others.setdefault(table, []).append(column)
    yield from others.items()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _is_raw(cell: object, examiner: Examiner) -> bool:
    if cell is None:
        return False
    data = cell if isinstance(cell, bytes) else str(cell).encode()
    return examiner.holds(data)


def _scan_file(name: str, examiner: Examiner) -> None:
    for suffix in _SUFFIXES:
        path = Path(f"{name}{suffix}")
        if name and path.is_file() and _holds(path, examiner):
            examiner.left(f"free pages of *{suffix}" if suffix else "free pages")


def _holds(path: Path, examiner: Examiner) -> bool:
    before = b""
    with path.open("rb") as file:
        while data := file.read(_WINDOW):
            if examiner.holds(before + data):
                return True
            before = data[-_OVERLAP:]
    return False
