"""What a SQLite file keeps of rows that were changed or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_tyrum.state.scanning.examine import Examiner
    from langchain_tyrum.state.scanning.tables import Database

_WINDOW = 1 << 20
_OVERLAP = 1 << 16
_SUFFIXES = ("", "-wal", "-journal")


def sweep(database: Database) -> None:
    """Write the file anew without free pages, and empty the log."""
    database.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    database.ask("VACUUM")
    database.ask("PRAGMA wal_checkpoint(TRUNCATE)")


def scan_file(name: str, examiner: Examiner) -> None:
    """Look for registered values in the bytes of a database, its log and journal.

    Args:
        name: The file; "" for a database in memory.
        examiner: Notes what is found: once a file.
    """
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
