"""Schema 2: one name may stand for other values in other environments.

Also settings files that withdraw what they declared, leases without an outcome, policy
snapshots, and keys that outlive the master key they came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    String,
    Text,
    false,
    text,
)

if TYPE_CHECKING:
    from alembic.operations import Operations

#: What PostgreSQL calls an unnamed constraint by itself; SQLite's have no name, and
#: this convention gives them the same one while their table is rebuilt.
_CONVENTION = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}


def upgrade(operations: Operations) -> None:
    """Change the tables of schema 1; no row is lost."""
    _secrets(operations)
    _references(operations)
    operations.add_column("grants", Column("policy_sha256", String(64)))
    # Else a lease reads the grants of every thread.
    consumer = ["tenant", "tool_id", "status", "thread_id"]
    operations.drop_index("ix_grants_consumer", "grants")
    operations.create_index("ix_grants_consumer", "grants", consumer)
    _new_tables(operations)


def _secrets(operations: Operations) -> None:
    operations.execute(
        text("UPDATE secrets SET environment = '' WHERE environment IS NULL")
    )
    with operations.batch_alter_table(
        "secrets", naming_convention=_CONVENTION
    ) as batch:
        batch.add_column(
            Column("disabled", Boolean, nullable=False, server_default=false())
        )
        batch.add_column(Column("source", String(120)))
        batch.alter_column("environment", existing_type=String(120), nullable=False)
        batch.drop_constraint("secrets_tenant_owner_name_key", type_="unique")
        batch.create_unique_constraint(
            "secrets_tenant_owner_name_environment_key",
            ["tenant", "owner", "name", "environment"],
        )


def _references(operations: Operations) -> None:
    with operations.batch_alter_table(
        "secret_references", naming_convention=_CONVENTION
    ) as batch:
        batch.add_column(
            Column("environment", String(120), nullable=False, server_default="")
        )
        batch.drop_constraint(
            "secret_references_tenant_secret_alias_key", type_="unique"
        )
        batch.create_unique_constraint(
            "secret_references_tenant_environment_secret_alias_key",
            ["tenant", "environment", "secret_alias"],
        )


def _new_tables(operations: Operations) -> None:
    operations.create_table(
        "reservations",
        Column("intent_seq", Integer, primary_key=True, autoincrement=False),
        Column("grant_id", String(32)),
        Column("handle_ids", JSON, nullable=False),
        Column("tool_id", Text, nullable=False),
        Column("tenant", String(256), nullable=False),
        Column("user", String(256)),
        Column("thread_id", Text),
        Column("tool_call_id", Text),
        Column("reserved_at", String(40), nullable=False),
    )
    operations.create_table(
        "policies",
        Column("sha256", String(64), primary_key=True),
        Column("policy", Text, nullable=False),
        Column("recorded_at", String(40), nullable=False),
    )
    operations.create_table(
        "sources",
        Column("application", String(120), primary_key=True),
        Column("place", String(64), nullable=False),
    )
    operations.create_table(
        "data_keys",
        Column("label", String(40), primary_key=True),
        Column("epoch", Integer, primary_key=True, autoincrement=False),
        Column("until_seq", Integer, nullable=False),
        Column("key_id", String(16), nullable=False),
        Column("nonce", LargeBinary, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
    )
