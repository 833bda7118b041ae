"""Destroying the old versions of a secret, and what that does to the redactor."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from langchain_tyrum.broker.lease.reading import number_for
from langchain_tyrum.broker.records.rows import about
from langchain_tyrum.broker.values.asking import Store
from langchain_tyrum.broker.values.changes import change
from langchain_tyrum.errors import SecretNotFound, TyrumError
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.broker.lease.opened import Opened
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


def purge(core: Core, entry: Entry, *, keep: int, opened: Opened) -> int:
    """Destroy old versions; the newest `keep` stay.

    This process stops covering their values, unless a lease may still hold one, or one
    that stays has the same value: of this secret or of its namesakes for other
    environments, which share its marker. Where that cannot be told, since one cannot be
    read, they stay covered. Other processes cover them until they end.

    Args:
        core: The broker's stores.
        entry: The secret.
        keep: How many versions stay, at least one.
        opened: The open leases of this process.

    Returns:
        How many were destroyed; numbers without a value, as rotations that failed leave
        them, do not count. Where the broker does not make up the names, old
        versions are not its own and none is.
    """
    record, store = entry.record, Store(core, entry.record.provider)
    if not store.by_handle:
        return 0
    there = _values(store, entry)
    gone = dict(list(there.items())[:-keep])
    first = next((n for n in there if n not in gone), entry.first_version)
    for version in gone:
        store.delete(entry.ref, version=version)
    with core.journal() as journal:
        change(core, journal, record, first_version=first)
        journal.log("purge", f"{len(gone)} versions", **about(record))
    # Only now: a lease that began before this sees in its outcome what was destroyed.
    with suppress(TyrumError):
        kept = _kept(core, record, opened)
        for value in gone.values():
            if kept is not None and _raw(value) not in kept:
                core.uncover(record, value)
    return len(gone)


def _kept(core: Core, record: SecretRecord, opened: Opened) -> set[bytes] | None:
    """What stays covered under the name of a secret; None is everything."""
    columns = schema.secrets.c
    with core.catalog.reading() as connection:
        namesakes = core.catalog.find(
            connection,
            columns.tenant == record.tenant,
            columns.owner == (record.owner or ""),
            columns.name == record.name,
        )
    if any(opened.holds(entry.record.handle_id) for entry in namesakes):
        return None
    return {
        _raw(value)
        for entry in namesakes
        for value in _values(Store(core, entry.record.provider), entry).values()
    }


def _values(store: Store, entry: Entry) -> dict[int, str | bytes]:
    """The versions that exist, the oldest first."""
    last = entry.record.version
    found = {}
    for version in range(entry.first_version if store.by_handle else last, last + 1):
        with suppress(SecretNotFound):
            found[version] = store.get(entry.ref, version=number_for(store, version))
    return found


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
