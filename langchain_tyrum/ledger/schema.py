"""The tables of the catalog and the ledger, and how to open them.

Nothing in these tables is a raw value. Times are ISO 8601 text in UTC, so that a row
reads the same on every database and hashes the same on every machine.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    Column,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.pool import StaticPool

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: How long a writer waits for another one, in milliseconds.
BUSY_TIMEOUT_MS = 30_000

#: Execution options of a connection that reads one row and must not wait for writers.
READING = {"tyrum_reading": True}

metadata = MetaData()

secrets = Table(
    "secrets",
    metadata,
    Column("handle_id", String(32), primary_key=True),
    Column("tenant", String(256), nullable=False),
    # '' stands for "a service": NULLs are distinct in unique constraints.
    Column("owner", String(256), nullable=False, default=""),
    Column("name", String(256), nullable=False),
    Column("provider", String(120), nullable=False),
    Column("ref", Text, nullable=False),
    Column("scope", String(512), nullable=False),
    Column("environment", String(120)),
    Column("allowed_hosts", JSON, nullable=False),
    Column("expires_at", String(40)),
    Column("status", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    # Rotations draw their number here first, so two of them never share one.
    Column("next_version", Integer, nullable=False),
    Column("first_version", Integer, nullable=False, default=1),
    Column("fingerprint", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("updated_at", String(40), nullable=False),
    UniqueConstraint("tenant", "owner", "name"),
)

references = Table(
    "secret_references",
    metadata,
    Column("secret_ref_id", String(256), primary_key=True),
    Column("tenant", String(256), nullable=False),
    Column("handle_id", String(32), nullable=False, index=True),
    Column("secret_alias", String(120)),
    Column("allowed_tool_ids", JSON, nullable=False),
    Column("display_name", String(120)),
    UniqueConstraint("tenant", "secret_alias"),
)

grants = Table(
    "grants",
    metadata,
    Column("grant_id", String(32), primary_key=True),
    Column("mode", String(16), nullable=False),
    Column("tenant", String(256), nullable=False),
    Column("user", String(256)),
    Column("thread_id", Text),
    Column("tool_id", String(256), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("digest", String(64)),
    Column("request_id", String(32)),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, default=0),
    Column("status", String(16), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("expires_at", String(40)),
    Index("ix_grants_consumer", "tenant", "tool_id", "status"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("occurred_at", String(40), nullable=False),
    Column("action", String(40), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("handle_id", String(32)),
    Column("version", Integer),
    Column("name", Text),
    Column("scope", Text),
    Column("tool_id", Text),
    Column("tool_call_id", Text),
    Column("thread_id", Text),
    Column("run_id", Text),
    Column("tenant", Text),
    Column("user", Text),
    Column("environment", Text),
    Column("policy_sha256", String(64)),
    Column("error", Text),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

#: The shape of these tables; raised whenever one of them changes.
SCHEMA = 1

#: One row: the shape of the tables, and a count of changes to secrets, by which other
#: processes notice that there are values that they do not know yet.
catalog_state = Table(
    "catalog_state",
    metadata,
    Column("schema", Integer, primary_key=True, autoincrement=False),
    Column("changes", Integer, nullable=False),
)

#: One row: where the chain ends. Writers lock it, so appends never fork the chain.
ledger_head = Table(
    "ledger_head",
    metadata,
    Column("ledger_id", String(32), primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    # Tells a wrong key before it writes a row that no verification would accept.
    Column("key_check", String(64), nullable=False),
)


def make_engine(url: str) -> Engine:
    """Open a database for the catalog.

    SQLite gets write-ahead logging and takes its write lock at `BEGIN`, so that a
    check and the write that rests on it can never be parted by another process.

    Args:
        url: Any SQLAlchemy URL; `sqlite://` is a database in memory.

    Returns:
        The engine.
    """
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True)
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    options: dict[str, Any] = {"connect_args": {"check_same_thread": False}}
    if in_memory:
        options["poolclass"] = StaticPool
    engine = create_engine(url, **options)
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


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
    if connection.get_execution_options().get("tyrum_reading"):
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")
