"""The table of the `database` provider, and how its database is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    inspect,
    make_url,
    select,
)
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateTable

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Pool

#: How long to wait for a server that does not answer, in seconds.
CONNECT_TIMEOUT = 10

#: Names of the locks under which PostgreSQL makes the table, and writes to it.
_SETTING_UP, _WRITING = 0x7479_7275_6D01, 0x7479_7275_6D02

VALUES = Table(
    "tyrum_values",
    MetaData(),
    Column("provider", String(120), primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("key_id", String(16), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


def open_engine(url: str) -> Engine:
    """Open a database of values that is not shared with the catalog.

    SQLite overwrites what is deleted, and waits for other writers.

    Raises:
        ConfigError: It is no such URL, or its driver is not installed.
    """
    try:
        return _engine(url)
    except (ArgumentError, ImportError) as error:
        reason = type(error).__name__  # its text may repeat the URL, password and all
    raise ConfigError(
        f"the URL of the values cannot be used ({reason}): write sqlite:///tyrum.db, "
        "or install 'langchain-tyrum[postgres]' for postgresql+psycopg://user@host/name"
    )


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        parsed = make_url(url)
        known = parsed.get_driver_name() in ("psycopg", "psycopg2")
        bounded = known and "connect_timeout" not in parsed.query
        return create_engine(
            url,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT} if bounded else {},
        )
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    return engine


def shown(engine: Engine) -> str:
    """The URL of a database as it may be told: without password and options."""
    return engine.url.set(query={}).render_as_string(hide_password=True)


def make_table(connection: Connection) -> None:
    """Make the table unless it is there, one process at a time.

    PostgreSQL's `IF NOT EXISTS` fails when two processes do it at once.
    """
    if connection.dialect.name == "postgresql":
        if inspect(connection).has_table(VALUES.name):
            return
        connection.execute(select(func.pg_advisory_xact_lock(_SETTING_UP)))
    connection.execute(CreateTable(VALUES, if_not_exists=True))


def transaction_options(engine: Engine, *, write: bool) -> dict[str, Any]:
    """How a transaction on an engine begins, however the engine was made.

    Readers wait for nobody. What a writer reads after it has waited for its turn must
    be what the one before it left.
    """
    if engine.dialect.name == "sqlite":  # an engine of the catalog heeds this
        return {"tyrum_begin": "" if write else "BEGIN"}
    if engine.dialect.name == "postgresql" and not write:
        return {"isolation_level": "AUTOCOMMIT"}  # one query: no BEGIN, no ROLLBACK
    return {"isolation_level": "READ COMMITTED"}


def lock_for_writing(connection: Connection) -> None:
    """Take the write lock before the first look, on whatever engine.

    Else a look and the write that rests on it could be parted by another writer: a
    value sealed under a key that is just being replaced would be left behind.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_WRITING)))
    if connection.dialect.name != "sqlite":
        return
    if getattr(connection.connection.driver_connection, "in_transaction", False):
        connection.exec_driver_sql("ROLLBACK")  # that `BEGIN` took no lock
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def leave_to_the_parent(engine: Engine) -> None:
    """Give a forked child connections of its own: a socket serves one process."""
    if not isinstance(engine.pool, StaticPool):  # a database in memory is copied
        _engines.add(engine)


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
    for pragma in ("busy_timeout=30000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def key_ids(connection: Connection) -> frozenset[str]:
    """The ids of all keys under which something is sealed here."""
    return frozenset(connection.execute(select(VALUES.c.key_id).distinct()).scalars())


def kind_of(error: SQLAlchemyError) -> str:
    """The class of what the driver raised; its text quotes parameters."""
    return type(getattr(error, "orig", None) or error).__name__
