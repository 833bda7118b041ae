"""`scan_checkpoints`: which raw values stand in durable state that exists already."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import BaseStore

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.state.scanning.examine import Examiner
from langchain_tyrum.state.scanning.leftovers import scan_leftovers, sweep
from langchain_tyrum.state.scanning.places import (
    scan_lines,
    scan_memory,
    scan_saver,
    scan_store,
)
from langchain_tyrum.state.scanning.tables import (
    POSTGRES_DIALECT,
    SQLITE_DIALECT,
    Database,
    held,
    held_sqlite,
    scan_database,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langgraph.checkpoint.serde.base import SerializerProtocol

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.state.scanning.report import ScanReport

_POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://")
_SQLITE = "sqlite:///"
_LINES = (".jsonl", ".ndjson")
_MAGIC = b"SQLite format 3\0"


def scan_checkpoints(
    url_or_saver: Any,
    redactor: Redactor,
    *,
    serde: SerializerProtocol | None = None,
    repair: bool = False,
    progress: Callable[[int], None] | None = None,
) -> ScanReport:
    """Find raw values in checkpoints, stores or trace exports that exist already.

    Registered values in all their forms, and shapes of credentials, in values, pending
    writes, metadata, and in what keys rows: thread ids, namespaces, names. It reads a
    few rows at a time, and one that cannot be read ends no scan: it is reported. In a
    SQLite file registered values are also looked for in tables of others, and in pages
    that no row uses any more, such as those of deleted threads.

    A repair writes rows anew with markers, row by row, so that one that was broken off
    can be run again; a second one changes nothing. A SQLite file is vacuumed then, and
    its log is emptied, which takes as much room again as the file. Stop the graphs
    that write there first. Backups and PostgreSQL's log keep what they have.

    Args:
        url_or_saver: `sqlite:///file`, `postgresql://...`, a path of a SQLite file or
            of a `.jsonl` export, a saver, or a store. Of async savers and stores give
            the URL.
        redactor: Knows the values, or a broker that has one; `broker.arm()` first.
        serde: Reads what is encrypted or pickled; a saver's own when not given.
        repair: Whether to put markers in.
        progress: Is called with the number of rows read so far.

    Returns:
        Places, rules and counts; never a value.

    Raises:
        ConfigError: `url_or_saver` is none of these.
    """
    redactor = redactor_of(redactor)
    serde = serde or getattr(url_or_saver, "serde", None)
    examiner = Examiner(redactor, serde=serde, repair=repair, progress=progress)
    if isinstance(url_or_saver, str | os.PathLike):
        _scan_named(os.fspath(url_or_saver), examiner)
    elif isinstance(url_or_saver, BaseStore | BaseCheckpointSaver):
        _scan_object(url_or_saver, examiner)
    else:
        raise ConfigError(
            f"a {type(url_or_saver).__name__} cannot be scanned: give a saver, a "
            "store, sqlite:///FILE, postgresql://..., or the path of a .jsonl file"
        )
    return examiner.report()


def check_target(target: str) -> None:
    """Refuse the name of what cannot be scanned, before anything else is done.

    A server is not asked.

    Raises:
        ConfigError: It is no file, or one of another kind.
    """
    if not target.startswith(_POSTGRES):
        _file(target)


def _file(target: str) -> Path:
    path = Path(target.removeprefix(_SQLITE))
    shown = path.name or str(path)
    if path.is_dir():
        raise ConfigError(f"{shown!r} is a folder: name the file in it to scan")
    if not path.is_file():
        raise ConfigError(f"there is no file {shown!r} to scan: check the path")
    if path.suffix in _LINES:
        return path
    with path.open("rb") as file:
        head = file.read(len(_MAGIC))
    if not head:
        raise ConfigError(f"{shown!r} is empty: check the path")
    if head != _MAGIC:
        raise ConfigError(f"{shown!r} is neither a SQLite file nor a .jsonl export")
    return path


def _scan_named(target: str, examiner: Examiner) -> None:
    if target.startswith(_POSTGRES):
        with _postgres(target.replace("+psycopg", "", 1)) as server:
            scan_database(Database(lambda: held(server), POSTGRES_DIALECT), examiner)
        return
    path = _file(target)
    if path.suffix in _LINES:
        scan_lines(path, examiner)
        return
    with closing(sqlite3.connect(path)) as connection:
        _scan_sqlite(
            Database(lambda: held_sqlite(connection), SQLITE_DIALECT), examiner
        )


def _scan_object(target: Any, examiner: Examiner) -> None:
    target = getattr(target, "_inner", target)  # a guarded store is over another one
    connection = getattr(target, "conn", None)
    lock = getattr(target, "lock", None)
    if isinstance(connection, sqlite3.Connection):
        local = Database(lambda: held_sqlite(connection, lock), SQLITE_DIALECT)
        _scan_sqlite(local, examiner)
    elif connection is not None:
        scan_database(Database(_pooled(target, connection), POSTGRES_DIALECT), examiner)
    elif isinstance(target, InMemorySaver):
        scan_memory(target, examiner)
    elif isinstance(target, BaseStore):
        scan_store(target, examiner)
    else:
        scan_saver(target, examiner)


def _pooled(target: Any, connection: Any) -> Callable[[], Any]:
    kind = type(connection)
    if not kind.__module__.startswith("psycopg") or kind.__name__.startswith("Async"):
        raise ConfigError(
            f"the connection of a {type(target).__name__} cannot be used for a scan: "
            "give the URL or the path of its database"
        )
    if callable(getattr(connection, "getconn", None)):
        pooled: Callable[[], Any] = connection.connection
        return pooled
    return lambda: held(connection, getattr(target, "lock", None))


def _scan_sqlite(database: Database, examiner: Examiner) -> None:
    if examiner.repair:
        database.ask("PRAGMA secure_delete = ON")
    scan_database(database, examiner)
    swept = False
    if examiner.repair:
        # also when nothing was found: a repair may have been broken off before it
        with suppress(sqlite3.OperationalError):  # somebody reads: seen below
            swept = sweep(database)
    scan_leftovers(database, examiner, swept=swept)


@contextmanager
def _postgres(url: str) -> Iterator[Any]:
    try:
        import psycopg  # noqa: PLC0415 - of an extra
    except ModuleNotFoundError:
        raise ConfigError(
            "PostgreSQL needs the package psycopg: "
            "pip install 'langchain-tyrum[postgres]'"
        ) from None
    with psycopg.connect(url) as connection:
        yield connection
