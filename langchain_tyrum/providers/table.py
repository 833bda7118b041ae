"""The table of the `database` provider, and how its database is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

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
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _on_connect)
    return engine


def lock_for_writing(connection: Connection) -> None:
    """Take SQLite's write lock before the first look, on whatever engine.

    Else a look and the write that rests on it could be parted by another writer, and
    two writers that have looked already would refuse each other at once.
    """
    if connection.dialect.name != "sqlite":
        return
    driver = connection.connection.driver_connection
    if not getattr(driver, "in_transaction", True):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _on_connect(connection: Any, _record: object) -> None:
    for pragma in ("busy_timeout=30000", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
