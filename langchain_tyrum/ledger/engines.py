"""How the database of the catalog is opened, read and locked."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import create_engine, event, func, make_url, select, true
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.quiet import close_for_forks

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine, Pool

#: How long a writer waits for another one, in milliseconds.
BUSY_TIMEOUT_MS = 30_000
#: How long to wait for a server that does not answer, in seconds.
CONNECT_TIMEOUT = 10

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

    Raises:
        ConfigError: It is no such URL, or its driver is not installed.
    """
    try:
        return _engine(url)
    except (ArgumentError, ImportError) as error:
        reason = type(error).__name__  # its text may repeat the URL, password and all
    raise ConfigError(
        f"the catalog's URL cannot be used ({reason}): write sqlite:///tyrum.db, or "
        "install 'langchain-tyrum[postgres]' for postgresql+psycopg://user@host/name"
    )


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_connect_args(url),
        )
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _connect_args(url: str) -> dict[str, Any]:
    """PostgreSQL's own library waits for ever unless told otherwise."""
    parsed = make_url(url)
    known = parsed.get_driver_name() in ("psycopg", "psycopg2")
    if not known or "connect_timeout" in parsed.query:
        return {}
    return {"connect_timeout": CONNECT_TIMEOUT}


def shown(engine: Engine) -> str:
    """The URL of a database as it may be told: without password and options."""
    return engine.url.set(query={}).render_as_string(hide_password=True)


def writing_engine(engine: Engine) -> Engine:
    """The same database for writers, however the engine was made.

    What a writer reads after it has waited for its turn must be what the one before
    it left; a snapshot taken earlier would be stale.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(tyrum_begin="")  # see `lock_for_writing`
    return engine.execution_options(isolation_level="READ COMMITTED")


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

    PostgreSQL's `IF NOT EXISTS` fails when two processes do it at once.
    """
    if connection.dialect.name == "sqlite":
        _begin_immediate(connection)
    elif connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock(_SETTING_UP)
        connection.execute(select(_patience(), lock))


def lock_for_writing(connection: Connection) -> int | None:
    """Keep all other writers out from here to the end of the transaction.

    A check and the write that rests on it are then never parted, on any database: by
    SQLite's own lock, also on an engine that somebody else made, elsewhere by the one
    row that every writer of a catalog takes first.

    Returns:
        The number of the schema; None when the catalog has lost it.
    """
    shape = schema.catalog_state.c.schema
    query = select(shape)
    if connection.dialect.name == "sqlite":
        _begin_immediate(connection)
    elif connection.dialect.name == "postgresql":
        query = select(shape, _patience()).with_for_update(of=schema.catalog_state)
    else:
        query = query.with_for_update()
    return connection.execute(query).scalar()


def _patience() -> ColumnElement[Any]:
    """Bounds the wait for PostgreSQL's locks, in the statement that waits."""
    return func.set_config("lock_timeout", str(BUSY_TIMEOUT_MS), true())


def _begin_immediate(connection: Connection) -> None:
    """Take SQLite's write lock at once, in place of a `BEGIN` that takes none."""
    if getattr(connection.connection.driver_connection, "in_transaction", False):
        connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def leave_to_the_parent(engine: Engine) -> None:
    """Give a forked child connections of its own: a socket serves one process."""
    if not isinstance(engine.pool, StaticPool):  # a database in memory is copied
        _engines.add(engine)
        close_for_forks(engine)


_engines: WeakSet[Engine] = WeakSet()
#: What a child inherited; never closed there, since that would close the parent's.
_inherited: list[Pool] = []


def _in_the_child() -> None:
    for engine in tuple(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)


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
