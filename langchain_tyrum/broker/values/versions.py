"""Storing a value as the version of a secret, so that no two writers collide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.broker.lease.checks import refuse_ended
from langchain_tyrum.broker.lease.reading import number_for, read
from langchain_tyrum.broker.records.rows import about
from langchain_tyrum.broker.values.asking import Store
from langchain_tyrum.broker.values.changes import change, end_grants
from langchain_tyrum.errors import ProviderError, SecretNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


class Versions:
    """Stores values of secrets that have a record.

    The value is stored first and the record pointed at it then, in that order: a
    crash between the two leaves the old version in force.

    Args:
        core: The broker's stores and rules.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def first(self, entry: Entry, value: str | bytes) -> SecretRecord | None:
        """Store the first value of a secret that was only declared.

        Args:
            entry: The secret; nobody has seen a value of it.
            value: The value, which is covered already.

        Returns:
            The record; None when there is another value meanwhile, or already.
        """
        core, record = self._core, entry.record
        try:
            return record if self._is_there(entry, value) else None
        except SecretNotFound:
            pass  # as it should be
        store = self.writable(record.provider)
        version = self._draw(record)
        # One writer alone draws the number after the declared one.
        version = record.version if version == record.version + 1 else version
        store.put(entry.ref, value, version=number_for(store, version))
        with core.journal() as journal:
            now = core.catalog.by_id(journal.connection, record.handle_id)
            lost = bool(now.fingerprint) or now.record.status != record.status
            if not lost:
                mark = core.fingerprint((record.handle_id,), value)
                record = change(
                    core, journal, now.record, version=version, fingerprint=mark
                )
                core.known.add((record.handle_id, version))
                journal.log("put", "ok", **about(record))
        if lost:
            self._take_back(store, entry, version)
        return None if lost else record

    def next(
        self,
        entry: Entry,
        value: str | bytes,
        *,
        allow_short: bool,
        revive: bool = False,
        terms: Mapping[str, object] | None = None,
    ) -> SecretRecord:
        """Store the next version.

        Args:
            entry: The secret.
            value: Its new value.
            allow_short: Admit a value below 8 characters.
            revive: Lift a revocation in the moment that the value replaces the old.
            terms: Other columns of its record that hold from then on.

        Returns:
            The record as it is now: of two writers at once the later number wins, and
            both get its record.

        Raises:
            SecretRevoked: It was revoked, if only a moment ago.
        """
        record, core = entry.record, self._core
        if not revive:
            refuse_ended(record)
        store = self.writable(record.provider)
        core.redactor.register(
            record.name,
            value,
            tenant=record.tenant,
            owner=record.owner,
            allow_short=allow_short,
        )
        version = self._draw(record)
        store.put(entry.ref, value, version=number_for(store, version))
        core.known.add((record.handle_id, version))
        with core.journal() as journal:
            now = core.catalog.by_id(journal.connection, record.handle_id).record
            lost = now.status in ("revoked", "disabled") and not revive
            if not lost and now.version > version:
                row = {**about(now), "version": version}
                journal.log("rotate", "superseded", **row)
            elif not lost:
                mark = core.fingerprint((record.handle_id,), value)
                columns = {**(terms or {}), "fingerprint": mark}
                if revive:
                    columns["status"] = "active"
                now = change(core, journal, now, version=version, **columns)
                end_grants(core, journal, now, keep_always=True)
                journal.log("reauthorize" if revive else "rotate", "ok", **about(now))
        if lost:
            self._take_back(store, entry, version)
            refuse_ended(now)
        return now

    def writable(self, label: str) -> Store:
        """The provider of that name, to be written to.

        Raises:
            ProviderError: It is read-only.
        """
        store = Store(self._core, label)
        if store.writable:
            return store
        raise ProviderError(
            f"the provider {label!r} is read-only: change the value where it lives, "
            "or store it with another provider",
            provider=label,
        )

    def _is_there(self, entry: Entry, value: str | bytes) -> bool:
        core, handle_id = self._core, entry.record.handle_id
        return core.fingerprint((handle_id,), value) == read(core, entry).mark

    def _draw(self, record: SecretRecord) -> int:
        with self._core.journal() as journal:
            return self._core.catalog.draw_version(journal.connection, record.handle_id)

    def _take_back(self, store: Store, entry: Entry, version: int) -> None:
        """Destroy a version that lost; where there are none, it is the value now."""
        number = number_for(store, version)
        if number is not None:
            store.delete(entry.ref, version=number)
