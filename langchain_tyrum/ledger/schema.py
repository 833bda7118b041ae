"""The tables of the catalog and the ledger.

Nothing in these tables is a raw value. Times are ISO 8601 text in UTC, so that a row
reads the same on every database and hashes the same on every machine.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from langchain_tyrum.ledger.columns import String, Text

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
    # '' stands for "any environment".
    Column("environment", String(120), nullable=False, default=""),
    Column("allowed_hosts", JSON, nullable=False),
    Column("expires_at", String(40)),
    Column("status", String(16), nullable=False),
    # Its settings file no longer declares it. `source` names that file's application;
    # NULL is code.
    Column("disabled", Boolean, nullable=False, default=False),
    Column("source", String(120)),
    Column("version", Integer, nullable=False),
    # Rotations draw their number here first, so two of them never share one.
    Column("next_version", Integer, nullable=False),
    Column("first_version", Integer, nullable=False, default=1),
    Column("fingerprint", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("updated_at", String(40), nullable=False),
    UniqueConstraint("tenant", "owner", "name", "environment"),
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
    # The only environment in which models see it; '' is any, unless that environment
    # has its own of the same alias.
    Column("environment", String(120), nullable=False, default=""),
    UniqueConstraint("tenant", "environment", "secret_alias"),
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
    Column("policy_sha256", String(64)),
    Column("created_at", String(40), nullable=False),
    Column("expires_at", String(40)),
    Index("ix_grants_consumer", "tenant", "tool_id", "status", "thread_id"),
)

#: One row per lease that was begun and has no outcome yet; what a crash left behind
#: stays, and its grant counts as used.
reservations = Table(
    "reservations",
    metadata,
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

#: Every policy that ever decided here, in its canonical form, by its hash.
policies = Table(
    "policies",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("policy", Text, nullable=False),
    Column("recorded_at", String(40), nullable=False),
)

#: Which settings file declared last for an application: the hash of its path.
sources = Table(
    "sources",
    metadata,
    Column("application", String(120), primary_key=True),
    Column("place", String(64), nullable=False),
)

#: Keys that were derived from earlier master keys, sealed under the present one.
data_keys = Table(
    "data_keys",
    metadata,
    Column("label", String(40), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    # The last ledger row that this key signed.
    Column("until_seq", Integer, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

approval_requests = Table(
    "approval_requests",
    metadata,
    Column("request_id", String(32), primary_key=True),
    Column("tenant", String(256), nullable=False),
    Column("user", String(256)),
    Column("thread_id", Text, nullable=False),
    Column("checkpoint_ns", Text, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("tool_call_ids", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    # Which interrupt of its task showed it, from 0; NULL until one did.
    Column("position", Integer),
    Column("payload", JSON, nullable=False),
    Column("policy_sha256", String(64), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
    Column("answered_at", String(40)),
    Column("answer", JSON),
    Index("ix_approval_requests_thread", "tenant", "thread_id", "status"),
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

#: The shape of these tables; raised, with a step in `migrations`, whenever one of them
#: changes.
SCHEMA = 2

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
