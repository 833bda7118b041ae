"""Storing, rotating, revoking and describing secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from langchain_tyrum.broker.checks import revoked
from langchain_tyrum.broker.rows import about
from langchain_tyrum.errors import (
    ProviderError,
    SecretExists,
    SecretNotFound,
)
from langchain_tyrum.handles import SecretRecord, new_id
from langchain_tyrum.ledger.catalog import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from langchain_tyrum.broker.core import Core, Journal, Secret
    from langchain_tyrum.providers import SecretProvider


@dataclass(frozen=True, kw_only=True)
class Details:
    """What is known of a secret besides its value."""

    scope: str | None = None
    tenant: str = "default"
    owner: str | None = None
    environment: str | None = None
    allowed_hosts: Sequence[str] = ()
    expires_at: datetime | None = None


class Lifecycle:
    """Every change of a secret; each leaves its row in the ledger.

    Args:
        core: The broker's stores and rules.
        expire: Called with the handle id of a secret that was just revoked.
    """

    def __init__(self, core: Core, *, expire: Callable[[str], None]) -> None:
        self._core = core
        self._expire = expire

    def put(
        self,
        name: str,
        value: str | bytes,
        *,
        provider: str,
        details: Details,
        replace: bool,
        allow_short: bool,
    ) -> SecretRecord:
        """Store a value; the same value again changes nothing."""
        core, tenant, owner = self._core, details.tenant, details.owner
        core.redactor.register(
            name, value, tenant=tenant, owner=owner, allow_short=allow_short
        )
        there = self._find(name, details)
        if there is not None:
            return self._put_again(there, value, replace=replace)
        store = self._writable(provider)
        entry = self._new_entry(name, provider, "", details)
        mark = core.fingerprint((entry.record.handle_id,), value)
        entry = Entry(entry.record, _own_ref(entry.record), mark, 1)
        store.put(entry.ref, value, version=1)
        lost = False
        try:
            self._add(entry, action="put")
        except SecretExists:
            lost = True  # somebody else stored it a moment ago; theirs stands
        if not lost:
            return entry.record
        store.delete(entry.ref)
        winner = self._find(name, details)
        if winner is None:  # the name is an alias
            self._add(entry, action="put")
            return entry.record
        return self._put_again(winner, value, replace=replace)

    def declare(
        self, name: str, *, provider: str, ref: str | None, details: Details
    ) -> SecretRecord:
        """Give a handle to a value that a provider already holds."""
        self._core.provider(provider)
        there = self._find(name, details)
        if there is None:
            entry = self._new_entry(name, provider, ref or name, details)
            self._add(entry, action="declare")
            return entry.record
        if (there.record.provider, there.ref) == (provider, ref or name):
            return there.record
        raise SecretExists(
            f"{name!r} is already stored elsewhere: choose another name",
            handle=there.record.handle_id,
        )

    def rotate(
        self, secret: Secret, value: str | bytes, *, tenant: str, owner: str | None
    ) -> SecretRecord:
        """Store a new version under the same handle."""
        entry = self._entry(secret, tenant, owner)
        record = entry.record
        if record.status == "revoked":
            raise revoked(record)
        core, store = self._core, self._writable(record.provider)
        core.redactor.register(
            record.name,
            value,
            tenant=record.tenant,
            owner=record.owner,
            allow_short=True,
        )
        with core.journal() as journal:
            version = core.catalog.draw_version(journal.connection, record.handle_id)
        store.put(entry.ref, value, version=version)
        with core.journal() as journal:
            now = core.catalog.by_id(journal.connection, record.handle_id).record
            if now.status != "revoked" and now.version < version:
                mark = core.fingerprint((record.handle_id,), value)
                now = self._set(journal, now, version=version, fingerprint=mark)
                self._end_grants(journal, now, keep_always=True)
                journal.log("rotate", "ok", **about(now))
        if now.status == "revoked":
            store.delete(entry.ref, version=version)
            raise revoked(now)
        return now

    def revoke(
        self, secret: Secret, *, reason: str, tenant: str, owner: str | None
    ) -> SecretRecord:
        """Disable every use from now on, leases that are open included."""
        with self._core.journal() as journal:
            entry = self._core.find(
                journal.connection, secret, tenant=tenant, owner=owner
            )
            record = self._set(journal, entry.record, status="revoked")
            self._end_grants(journal, record, keep_always=False)
            journal.log("revoke", "ok", error=reason or None, **about(record))
        self._expire(record.handle_id)
        return record

    def reauthorize(
        self,
        secret: Secret,
        value: str | bytes | None,
        *,
        tenant: str,
        owner: str | None,
    ) -> SecretRecord:
        """Lift a revocation, with a new value if one is given."""
        with self._core.journal() as journal:
            entry = self._core.find(
                journal.connection, secret, tenant=tenant, owner=owner
            )
            record = self._set(journal, entry.record, status="active")
            journal.log("reauthorize", "ok", **about(record))
        if value is None:
            return record
        return self.rotate(record, value, tenant=tenant, owner=owner)

    def purge(
        self, secret: Secret, *, keep: int, tenant: str, owner: str | None
    ) -> int:
        """Destroy old versions; the newest `keep` stay."""
        if keep < 1:
            raise ValueError("keep at least one version: revoke the secret instead")
        entry = self._entry(secret, tenant, owner)
        record, store = entry.record, self._writable(entry.record.provider)
        first = max(entry.first_version, record.version - keep + 1)
        gone = list(range(entry.first_version, first))
        for version in gone:
            try:
                old = store.get(entry.ref, version=version)
            except SecretNotFound:
                continue
            store.delete(entry.ref, version=version)
            self._core.redactor.unregister(
                record.name, value=old, tenant=record.tenant, owner=record.owner
            )
        with self._core.journal() as journal:
            self._set(journal, record, first_version=first)
            journal.log("purge", f"{len(gone)} versions", **about(record))
        return len(gone)

    def _put_again(
        self, there: Entry, value: str | bytes, *, replace: bool
    ) -> SecretRecord:
        record = there.record
        if record.status == "revoked":
            raise revoked(record)
        if there.fingerprint == self._core.fingerprint((record.handle_id,), value):
            return record
        if replace:
            return self.rotate(record, value, tenant=record.tenant, owner=record.owner)
        raise SecretExists(
            f"another value is stored as {record.name!r}: call broker.rotate(…), or "
            "pass replace=True",
            handle=record.handle_id,
            scope=record.scope,
        )

    def _find(self, name: str, details: Details) -> Entry | None:
        with self._core.catalog.transaction() as connection:
            return self._core.catalog.by_name(
                connection, name, tenant=details.tenant, owners=(details.owner or "",)
            )

    def _entry(self, secret: Secret, tenant: str, owner: str | None) -> Entry:
        with self._core.catalog.transaction() as connection:
            return self._core.find(connection, secret, tenant=tenant, owner=owner)

    def _add(self, entry: Entry, *, action: str) -> None:
        with self._core.journal() as journal:
            self._core.catalog.add(journal.connection, entry)
            journal.log(action, "ok", **about(entry.record))

    def _set(
        self, journal: Journal, record: SecretRecord, **columns: Any
    ) -> SecretRecord:
        self._core.catalog.change(journal.connection, record.handle_id, **columns)
        return self._core.catalog.by_id(journal.connection, record.handle_id).record

    def _end_grants(
        self, journal: Journal, record: SecretRecord, *, keep_always: bool
    ) -> None:
        for grant in self._core.grants.end_for(
            journal.connection, record.handle_id, keep_always=keep_always
        ):
            journal.log(
                "grant_ended",
                grant.mode,
                tool_id=grant.tool_id,
                thread_id=grant.thread_id,
                **about(record),
            )

    def _writable(self, label: str) -> SecretProvider:
        store = self._core.provider(label)
        if store.writable:
            return store
        raise ProviderError(
            f"the provider {label!r} is read-only: change the value where it lives, "
            "or store it with another provider",
            provider=label,
        )

    def _new_entry(self, name: str, provider: str, ref: str, details: Details) -> Entry:
        now = self._core.catalog.clock()
        record = SecretRecord(
            handle_id=new_id("h_"),
            name=name,
            provider=provider,
            scope=details.scope or name,
            created_at=now,
            updated_at=now,
            tenant=details.tenant,
            owner=details.owner,
            principal="user" if details.owner else "service",
            environment=details.environment,
            allowed_hosts=tuple(details.allowed_hosts),
            expires_at=details.expires_at,
        )
        return Entry(record, ref, "", 1)


def _own_ref(record: SecretRecord) -> str:
    """Where the broker keeps a value it stores: unique for good, and legible.

    Two processes that store one name at once write to two places, so the one that
    loses the name never overwrites the other's value.
    """
    parts = (record.tenant, record.owner or "", record.name, record.handle_id)
    return "/".join(quote(part, safe="") for part in parts)
