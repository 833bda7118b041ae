"""How the database of the catalog is opened, read and locked."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, select, text
from sqlalchemy.pool import StaticPool

from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

#: How long a writer waits for another one, in milliseconds.
BUSY_TIMEOUT_MS = 30_000

#: Names the lock under which PostgreSQL makes and migrates the tables.
_SETTING_UP = 0x7479_7275_6D


def make_engine(url: str) -> Engine:
    """Open a database for the catalog.

    SQLite gets write-ahead logging and takes its write lock at `BEGIN`, so that a
    check and the write that rests on it can never be parted by another process.

    Args:
        url: Any SQLAlchemy URL; `sqlite://` is a database in memory.

    Returns:
        The engine. What its errors say holds no parameters.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def reading_engine(engine: Engine) -> Engine:
    """The same database for readers: one snapshot each, and they wait for nobody."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    return engine.execution_options(tyrum_begin="BEGIN")


def glancing_engine(engine: Engine) -> Engine:
    """The same database for one single query, which needs no transaction."""
    if engine.dialect.name == "postgresql":
        return engine.execution_options(isolation_level="AUTOCOMMIT")
    return engine.execution_options(tyrum_begin="")


def lock_for_setup(connection: Connection) -> None:
    """Let one process at a time make or migrate the tables.

    PostgreSQL's `IF NOT EXISTS` fails when two processes do it at once. SQLite holds
    its write lock already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SETTING_UP}
        )


def lock_for_writing(connection: Connection) -> None:
    """Keep all other writers out from here to the end of the transaction.

    A check and the write that rests on it are then never parted, on any database: by
    SQLite's own lock, also on an engine that somebody else made, elsewhere by the one
    row that every writer of a catalog takes first.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(schema.catalog_state.c.schema).with_for_update())
        return
    driver = connection.connection.driver_connection
    if not getattr(driver, "in_transaction", True):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is the only one
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA secure_delete=ON")
    _use_wal(cursor)
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Switch to write-ahead logging, which SQLite refuses while others open the file.

    The busy timeout does not cover that switch. Whoever holds the lock is switching
    too, so after a few tries it has happened; without it the database works as well.
    """
    for attempt in range(50):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
            time.sleep(0.002 * (attempt + 1))
        else:
            return


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if begin := options.get("tyrum_begin", "BEGIN IMMEDIATE"):
        connection.exec_driver_sql(begin)
