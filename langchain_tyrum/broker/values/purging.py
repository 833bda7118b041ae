"""Destroying the old versions of a secret, and what that does to the redactor."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from langchain_tyrum.broker.records.rows import about
from langchain_tyrum.broker.values.changes import change
from langchain_tyrum.errors import SecretNotFound

if TYPE_CHECKING:
    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.broker.lease.opened import Opened
    from langchain_tyrum.ledger.secret_rows import Entry


def purge(core: Core, entry: Entry, *, keep: int, opened: Opened) -> int:
    """Destroy old versions; the newest `keep` stay.

    This process stops covering their values, unless a lease may still hold one, or a
    version that stays has the same value. Other processes cover them until they end.

    Args:
        core: The broker's stores.
        entry: The secret.
        keep: How many versions stay, at least one.
        opened: The open leases of this process.

    Returns:
        How many were destroyed. Where the broker does not make up the names, old
        versions are not its own and none is.
    """
    record, store = entry.record, core.provider(entry.record.provider)
    if not store.by_handle:
        return 0
    first = max(entry.first_version, record.version - keep + 1)
    gone = range(entry.first_version, first)
    values = []
    for version in gone:
        try:
            values.append(store.get(entry.ref, version=version))
        except SecretNotFound:
            continue
        store.delete(entry.ref, version=version)
    with core.journal() as journal:
        change(core, journal, record, first_version=first)
        journal.log("purge", f"{len(gone)} versions", **about(record))
    # Only now: a lease that began before this sees in its outcome what was destroyed.
    if opened.holds(record.handle_id):
        return len(gone)
    for value in values:
        core.uncover(record, value)
    for version in range(first, record.version + 1):
        with suppress(SecretNotFound):
            core.cover(record, store.get(entry.ref, version=version))
    return len(gone)
