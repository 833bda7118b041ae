"""Storing, rotating, revoking and describing secrets."""

from __future__ import annotations

from dataclasses import replace as copy_with
from typing import TYPE_CHECKING

from langchain_tyrum.broker.lease.checks import refuse_ended
from langchain_tyrum.broker.lease.reading import number_for
from langchain_tyrum.broker.records.entries import Details, check_owner, new_entry
from langchain_tyrum.broker.records.rows import about
from langchain_tyrum.broker.values.asking import Store
from langchain_tyrum.broker.values.changes import change, end_grants
from langchain_tyrum.broker.values.purging import purge
from langchain_tyrum.broker.values.versions import Versions
from langchain_tyrum.errors import ConfigError, SecretExists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from langchain_tyrum.broker.core import Core, Secret
    from langchain_tyrum.broker.lease.opened import Opened
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


class Lifecycle:
    """Every change of a secret; each leaves its row in the ledger.

    Args:
        core: The broker's stores and rules.
        opened: The open leases of this process.
    """

    def __init__(self, core: Core, *, opened: Opened) -> None:
        self._core = core
        self._opened = opened
        self._versions = Versions(core)

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
        there = self._declared(name, details) or self._find(name, details)
        if there is None:
            taken = None
            entry = self._store(name, value, provider=provider, details=details)
            try:
                self._add(entry, action="put")
            except SecretExists as error:
                taken = error  # somebody else's a moment ago, or an alias; it stands
            if taken is None:
                core.known.add((entry.record.handle_id, 1))
                return entry.record
            Store(core, provider).delete(entry.ref, version=None)
            there = self._find(name, details)
            if there is None:
                raise taken
        return self._put_again(
            there, value, details=details, replace=replace, allow_short=allow_short
        )

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
        return self._versions.next(entry, value, allow_short=allow_short)

    def revoke(
        self, secret: Secret, *, reason: str, tenant: str, owner: str | None
    ) -> SecretRecord:
        """Disable every use from now on, leases that are open included."""
        with self._core.journal() as journal:
            entry = self._meant(journal.connection, secret, tenant, owner)
            record = change(self._core, journal, entry.record, status="revoked")
            end_grants(self._core, journal, record, keep_always=False)
            journal.log("revoke", "ok", error=reason or None, **about(record))
        self._opened.expire(record.handle_id)
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
        if entry.record.status == "disabled":
            refuse_ended(entry.record)
        if value is not None:
            return self._versions.next(
                entry, value, allow_short=allow_short, revive=True
            )
        with self._core.journal() as journal:
            record = change(self._core, journal, entry.record, status="active")
            journal.log("reauthorize", "ok", **about(record))
        return record

    def purge(
        self, secret: Secret, *, keep: int, tenant: str, owner: str | None
    ) -> int:
        """Destroy old versions; the newest `keep` stay."""
        if not isinstance(keep, int) or isinstance(keep, bool) or keep < 1:
            raise ConfigError(
                "purge keeps at least one version: write keep=1, or revoke the secret"
            )
        entry = self._entry(secret, tenant, owner)
        self._versions.writable(entry.record.provider)
        return purge(self._core, entry, keep=keep, opened=self._opened)

    def _store(
        self, name: str, value: str | bytes, *, provider: str, details: Details
    ) -> Entry:
        """Put a value where it will live, ahead of its record."""
        core, store = self._core, self._versions.writable(provider)
        entry = new_entry(name, provider, details, now=core.catalog.clock())
        core.catalog.check(entry)
        store.put(entry.ref, value, version=number_for(store, 1))
        mark = core.fingerprint((entry.record.handle_id,), value)
        return copy_with(entry, fingerprint=mark)

    def _put_again(
        self,
        there: Entry,
        value: str | bytes,
        *,
        details: Details,
        replace: bool,
        allow_short: bool,
    ) -> SecretRecord:
        record = there.record
        refuse_ended(record)
        terms = details.terms_for(record)
        mark = self._core.fingerprint((record.handle_id,), value)
        if terms and not replace and there.fingerprint in ("", mark):
            raise SecretExists(
                f"{record.name!r} is already stored with another "
                f"{' and '.join(terms)}: pass replace=True if the new one is meant",
                handle=record.handle_id,
                scope=record.scope,
            )
        if not there.fingerprint:
            stored = self._versions.first(there, value)
            if stored is not None:
                return self._set_terms(stored, terms)
            there = self._entry(record, record.tenant, record.owner)
        if there.fingerprint == mark:
            return self._set_terms(there.record, terms)
        if replace:
            return self._versions.next(
                there, value, allow_short=allow_short, terms=terms
            )
        raise SecretExists(
            f"another value is stored as {record.name!r}: call broker.rotate(…), or "
            "pass replace=True",
            handle=record.handle_id,
            scope=record.scope,
        )

    def _set_terms(
        self, record: SecretRecord, terms: Mapping[str, object]
    ) -> SecretRecord:
        """Give a value that is stored already other terms."""
        if not terms:
            return record
        with self._core.journal() as journal:
            record = change(self._core, journal, record, **terms)
            if set(terms) != {"expires_at"}:  # nobody agreed to the others
                end_grants(self._core, journal, record, keep_always=True)
            journal.log("put", f"new {', '.join(terms)}"[:40], **about(record))
        return record

    def _declared(self, name: str, details: Details) -> Entry | None:
        """What a settings file declares under that name for this environment alone."""
        here = self._core.environment
        if details.environment is not None or here is None:
            return None
        found = self._find(name, copy_with(details, environment=here))
        return found if found and found.source is not None else None

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
            return self._meant(connection, secret, tenant, owner)

    def _meant(
        self, connection: Connection, secret: Secret, tenant: str, owner: str | None
    ) -> Entry:
        """What is to be changed: an owner that is given means that owner's own."""
        check_owner(owner)
        return self._core.find(
            connection, secret, tenant=tenant, owner=owner, is_owners=True
        )

    def _add(self, entry: Entry, *, action: str) -> None:
        with self._core.journal() as journal:
            self._core.catalog.add(journal.connection, entry)
            journal.log(action, "ok", **about(entry.record))
