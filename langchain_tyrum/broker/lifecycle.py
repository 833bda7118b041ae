"""Storing, rotating, revoking and describing secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.checks import revoked
from langchain_tyrum.broker.entries import Details, new_entry
from langchain_tyrum.broker.rows import about
from langchain_tyrum.errors import (
    ProviderError,
    SecretExists,
    SecretNotFound,
)
from langchain_tyrum.ledger.secret_rows import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.broker.core import Core, Journal, Secret
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.providers import SecretProvider


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
            return self._put_again(
                there, value, replace=replace, allow_short=allow_short
            )
        store = self._writable(provider)
        entry = new_entry(name, provider, details, now=core.catalog.clock())
        mark = core.fingerprint((entry.record.handle_id,), value)
        entry = Entry(entry.record, entry.ref, mark, 1)
        store.put(entry.ref, value, version=1)
        lost = False
        try:
            self._add(entry, action="put")
        except SecretExists:
            lost = True  # somebody else stored it a moment ago; theirs stands
        if not lost:
            core.known.add((entry.record.handle_id, 1))
            return entry.record
        store.delete(entry.ref)
        winner = self._find(name, details)
        if winner is None:  # the name is an alias
            self._add(entry, action="put")
            return entry.record
        return self._put_again(winner, value, replace=replace, allow_short=allow_short)

    def declare(
        self, name: str, *, provider: str, ref: str | None, details: Details
    ) -> SecretRecord:
        """Give a handle to a value that a provider already holds."""
        self._core.provider(provider)
        there = self._find(name, details)
        if there is None:
            entry = new_entry(
                name,
                provider,
                details,
                ref=ref or name,
                now=self._core.catalog.clock(),
            )
            self._add(entry, action="declare")
            return entry.record
        if (there.record.provider, there.ref) == (provider, ref or name):
            return there.record
        raise SecretExists(
            f"{name!r} is already stored elsewhere: choose another name",
            handle=there.record.handle_id,
        )

    def rotate(
        self,
        secret: Secret,
        value: str | bytes,
        *,
        tenant: str,
        owner: str | None,
        allow_short: bool,
    ) -> SecretRecord:
        """Store a new version under the same handle."""
        entry = self._entry(secret, tenant, owner)
        return self._next(entry, value, allow_short=allow_short, revive=False)

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
        allow_short: bool,
    ) -> SecretRecord:
        """Lift a revocation; with a new value, in the moment that it replaces the old.

        The old value, which may be the reason for the revocation, never works again.
        """
        entry = self._entry(secret, tenant, owner)
        if value is not None:
            return self._next(entry, value, allow_short=allow_short, revive=True)
        with self._core.journal() as journal:
            record = self._set(journal, entry.record, status="active")
            journal.log("reauthorize", "ok", **about(record))
        return record

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
        self, there: Entry, value: str | bytes, *, replace: bool, allow_short: bool
    ) -> SecretRecord:
        record = there.record
        if record.status == "revoked":
            raise revoked(record)
        if there.fingerprint == self._core.fingerprint((record.handle_id,), value):
            return record
        if replace:
            return self._next(there, value, allow_short=allow_short, revive=False)
        raise SecretExists(
            f"another value is stored as {record.name!r}: call broker.rotate(…), or "
            "pass replace=True",
            handle=record.handle_id,
            scope=record.scope,
        )

    def _next(
        self, entry: Entry, value: str | bytes, *, allow_short: bool, revive: bool
    ) -> SecretRecord:
        """Store the next version, then point the record at it, in that order."""
        record, core = entry.record, self._core
        if record.status == "revoked" and not revive:
            raise revoked(record)
        store = self._writable(record.provider)
        core.redactor.register(
            record.name,
            value,
            tenant=record.tenant,
            owner=record.owner,
            allow_short=allow_short,
        )
        with core.journal() as journal:
            version = core.catalog.draw_version(journal.connection, record.handle_id)
        store.put(entry.ref, value, version=version)
        core.known.add((record.handle_id, version))
        with core.journal() as journal:
            now = core.catalog.by_id(journal.connection, record.handle_id).record
            lost = now.status == "revoked" and not revive
            if not lost and now.version < version:
                mark = core.fingerprint((record.handle_id,), value)
                changes = {"status": "active"} if revive else {}
                now = self._set(
                    journal, now, version=version, fingerprint=mark, **changes
                )
                self._end_grants(journal, now, keep_always=True)
                journal.log("reauthorize" if revive else "rotate", "ok", **about(now))
        if lost:
            store.delete(entry.ref, version=version)
            raise revoked(now)
        return now

    def _find(self, name: str, details: Details) -> Entry | None:
        with self._core.catalog.reading() as connection:
            return self._core.catalog.named(
                connection,
                name,
                tenant=details.tenant,
                owner=details.owner or "",
                environment=details.environment or "",
            )

    def _entry(self, secret: Secret, tenant: str, owner: str | None) -> Entry:
        with self._core.catalog.reading() as connection:
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
