"""Grants: recorded permissions that satisfy `require_approval`.

They live in the catalog, outside graph state, so that a restored or forged checkpoint
can neither bring one back nor spend one twice.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - dataclass fields
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Text, cast, insert, select, update

from langchain_tyrum.handles import new_id
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.catalog import Catalog

GrantMode = Literal["once", "session", "always"]
#: Narrowest first: a grant for this very call is spent before a wider one.
_ORDER: dict[str, int] = {"once": 0, "session": 1, "always": 2}


@dataclass(frozen=True, kw_only=True)
class Use:
    """One use of secrets that needs a grant."""

    tenant: str
    user: str | None
    thread_id: str | None
    tool_id: str
    scopes: tuple[str, ...]
    versions: Mapping[str, int]
    digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A permission that a person gave.

    Attributes:
        mode: `once` (one call, by its digest), `session` (one thread) or `always`.
        versions: Secret versions it was given for, by handle id. A `session` or `once`
            grant ends when they change; `always` survives rotation, not revocation.
        max_uses: After so many calls it is spent; None means no limit.
        policy_sha256: Hash of the policy under which it was given.
        expires_at: After that it is void; None means never.
    """

    grant_id: str
    mode: GrantMode
    tenant: str
    user: str | None
    thread_id: str | None
    tool_id: str
    scopes: tuple[str, ...]
    versions: Mapping[str, int] = field(default_factory=dict)
    digest: str | None = None
    request_id: str | None = None
    max_uses: int | None = None
    uses: int = 0
    status: Literal["active", "ended"] = "active"
    policy_sha256: str | None = None
    created_at: datetime
    expires_at: datetime | None = None

    def covers(self, use: Use, *, now: datetime) -> bool:
        """Whether this grant satisfies that use now."""
        if self.status != "active" or (self.expires_at and self.expires_at <= now):
            return False
        if self.max_uses is not None and self.uses >= self.max_uses:
            return False
        mine = (self.tenant, self.user, self.tool_id)
        if mine != (use.tenant, use.user, use.tool_id):
            return False
        if not set(use.scopes) <= set(self.scopes):
            return False
        if self.mode == "always":
            return True
        same_versions = all(
            self.versions.get(handle_id) == version
            for handle_id, version in use.versions.items()
        )
        same_thread = self.thread_id == use.thread_id
        same_call = self.digest is None or self.digest == use.digest
        return same_versions and same_thread and same_call


class Grants:
    """The grants of a catalog.

    Args:
        catalog: Where they are kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def create(
        self,
        connection: Connection,
        use: Use,
        *,
        mode: GrantMode,
        ttl_seconds: float | None = None,
        max_uses: int | None = None,
        request_id: str | None = None,
        policy_sha256: str | None = None,
    ) -> Grant:
        """Record a permission for `use` and all uses that are like it.

        Args:
            connection: The open transaction.
            use: What was agreed to.
            mode: How far it reaches.
            ttl_seconds: How long it holds; None means without end.
            max_uses: How many calls it covers; always 1 for `once`.
            request_id: The approval request it answers.
            policy_sha256: Hash of the policy under which it was given.

        Returns:
            The grant.
        """
        now = self._catalog.clock()
        grant = Grant(
            grant_id=new_id("g_"),
            mode=mode,
            tenant=use.tenant,
            user=use.user,
            thread_id=None if mode == "always" else use.thread_id,
            tool_id=use.tool_id,
            scopes=tuple(sorted(set(use.scopes))),
            versions=dict(use.versions),
            digest=use.digest if mode == "once" else None,
            request_id=request_id,
            policy_sha256=policy_sha256,
            max_uses=1 if mode == "once" else max_uses,
            created_at=now,
            expires_at=None
            if ttl_seconds is None
            else now + timedelta(seconds=ttl_seconds),
        )
        connection.execute(insert(schema.grants).values(**_row(grant)))
        return grant

    def usable(self, connection: Connection, use: Use) -> Grant | None:
        """The narrowest grant that covers `use` now."""
        columns = schema.grants.c
        now = self._catalog.clock()
        mine = (
            columns.tenant == use.tenant,
            columns.tool_id == use.tool_id,
            columns.status == "active",
            columns.user.is_not_distinct_from(use.user),
            # Sorted out here: there may be very many that no longer count.
            columns.max_uses.is_(None) | (columns.uses < columns.max_uses),
            self._unexpired(),
        )
        # Two queries: an OR of the two would read the grants of every thread.
        candidates = self._select(connection, *mine, columns.thread_id.is_(None))
        if use.thread_id is not None:
            here = columns.thread_id == use.thread_id
            candidates += self._select(connection, *mine, here)
        covering = [grant for grant in candidates if grant.covers(use, now=now)]
        return min(covering, key=lambda grant: _ORDER[grant.mode], default=None)

    def reserve(self, connection: Connection, grant: Grant) -> bool:
        """Count one use; False when another call took the last one."""
        table = schema.grants
        taken = connection.execute(
            update(table)
            .where(
                table.c.grant_id == grant.grant_id,
                table.c.status == "active",
                (table.c.max_uses.is_(None)) | (table.c.uses < table.c.max_uses),
            )
            .values(uses=table.c.uses + 1)
        )
        return bool(taken.rowcount)

    def release(self, connection: Connection, grant_id: str) -> None:
        """Give a reserved use back: nothing was handed out."""
        table = schema.grants
        connection.execute(
            update(table)
            .where(table.c.grant_id == grant_id, table.c.uses > 0)
            .values(uses=table.c.uses - 1)
        )

    def end(self, connection: Connection, grant_id: str) -> Grant | None:
        """End a grant; returns it as it is then, or None when no active one is it."""
        columns = schema.grants.c
        active = self._select(
            connection, columns.grant_id == grant_id, columns.status == "active"
        )
        connection.execute(
            update(schema.grants)
            .where(columns.grant_id == grant_id)
            .values(status="ended")
        )
        return replace(active[0], status="ended") if active else None

    def end_for(
        self, connection: Connection, record: SecretRecord, *, keep_always: bool
    ) -> list[Grant]:
        """End the grants that were given for a version of that secret.

        Args:
            connection: The open transaction.
            record: The secret.
            keep_always: False also ends every `always` grant that it could be used
                with, by scope: one may be older than the secret.

        Returns:
            Those that ended.
        """
        columns, always = schema.grants.c, schema.grants.c.mode == "always"
        # Those for its versions by their text: reading all of them takes seconds.
        given = cast(columns.versions, Text).contains(record.handle_id, autoescape=True)
        ended = [
            grant
            for grant in self._select(
                connection,
                columns.tenant == record.tenant,
                columns.status == "active",
                self._unexpired(),
                given & ~always if keep_always else given | always,
            )
            if record.handle_id in grant.versions
            or (grant.mode == "always" and _could_use(grant, record))
        ]
        for grant in ended:
            self.end(connection, grant.grant_id)
        return ended

    def all(self, connection: Connection) -> list[Grant]:
        """Every grant, oldest first."""
        return self._select(connection)

    def _unexpired(self) -> ColumnElement[bool]:
        expires_at = schema.grants.c.expires_at
        return expires_at.is_(None) | (expires_at > self._catalog.clock().isoformat())

    def _select(self, connection: Connection, *where: Any) -> list[Grant]:
        query = select(schema.grants).where(*where).order_by("created_at")
        return [_grant(dict(row)) for row in connection.execute(query).mappings()]


def _could_use(grant: Grant, record: SecretRecord) -> bool:
    return record.scope in grant.scopes and record.owner in (None, grant.user)


def _row(grant: Grant) -> dict[str, Any]:
    row = dict(vars(grant))
    row["scopes"] = list(grant.scopes)
    row["created_at"] = grant.created_at.isoformat()
    row["expires_at"] = grant.expires_at.isoformat() if grant.expires_at else None
    return row


def _grant(row: dict[str, Any]) -> Grant:
    row["scopes"] = tuple(row["scopes"])
    row["created_at"] = datetime.fromisoformat(row["created_at"])
    if row["expires_at"]:
        row["expires_at"] = datetime.fromisoformat(row["expires_at"])
    return Grant(**row)
