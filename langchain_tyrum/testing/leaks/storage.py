"""What is stored, read back behind the back of the object that stored it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.testing.leaks.telling import told

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Where savers, stores and caches in memory keep what they have.
_MEMORY = ("storage", "writes", "blobs", "_data", "_vectors", "_cache")
_SUFFIXES = ("", "-wal", "-journal")
_POSTGRES_TABLES = (
    "checkpoints",
    "checkpoint_blobs",
    "checkpoint_writes",
    "store",
    "store_vectors",
)


class CannotRead(Exception):
    """The storage is of a kind that this reader does not know."""


def stored(thing: Any) -> bytes:
    """The bytes behind a saver, store or cache.

    Knows what keeps its data in memory, SQLite (the file and its write-ahead log)
    and PostgreSQL (every row of every table).

    Args:
        thing: The saver, store or cache; guarded or not.

    Returns:
        The bytes.

    Raises:
        CannotRead: It is of another kind.
    """
    connection = _connection(thing)
    if connection is None:
        kept = [getattr(thing, name) for name in _MEMORY if hasattr(thing, name)]
        if not kept:
            raise CannotRead(type(thing).__name__)
        return told(kept)
    if hasattr(connection, "iterdump"):
        if inspect.iscoroutinefunction(connection.execute) or hasattr(
            connection, "_conn"
        ):
            raise CannotRead(type(thing).__name__)
        return _sqlite(connection.execute("PRAGMA database_list").fetchall())
    return _postgres(connection)


async def astored(thing: Any) -> bytes:
    """The bytes behind a saver, store or cache; the async twin."""
    connection = _connection(thing)
    if connection is None or not inspect.isasyncgenfunction(
        getattr(type(connection), "iterdump", None)
    ):
        return stored(thing)
    cursor = await connection.execute("PRAGMA database_list")
    return _sqlite(await cursor.fetchall())


def _connection(thing: Any) -> Any:
    return getattr(thing, "conn", None)


def _sqlite(databases: Iterable[Any]) -> bytes:
    paths = [f"{row[2]}{suffix}" for row in databases if row[2] for suffix in _SUFFIXES]
    if not paths:
        raise CannotRead("a SQLite database in memory")
    return b"\n".join(Path(path).read_bytes() for path in paths if Path(path).exists())


def _postgres(connection: Any) -> bytes:
    if hasattr(connection, "connection"):  # a pool
        with connection.connection() as one:
            return _rows(one)
    return _rows(connection)


def _rows(connection: Any) -> bytes:
    texts = []
    for table in _POSTGRES_TABLES:
        known = connection.execute("SELECT to_regclass(%s)", (table,)).fetchone()
        if known is None or not next(iter(_values(known))):
            continue
        # As text a bytea is hex, which is one of the forms that are looked for.
        rows = connection.execute(f"SELECT t::text FROM {table} t").fetchall()  # noqa: S608
        texts += [str(value) for row in rows for value in _values(row)]
    return "\n".join(texts).encode()


def _values(row: Any) -> list[Any]:
    return list(row.values()) if isinstance(row, dict) else list(row)
