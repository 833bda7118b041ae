"""Changes to a record that several parts make, each inside an open transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.records.rows import about

if TYPE_CHECKING:
    from langchain_tyrum.broker.core import Core, Journal
    from langchain_tyrum.broker.lease.reading import Reading
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


def change(
    core: Core, journal: Journal, record: SecretRecord, **columns: Any
) -> SecretRecord:
    """Set columns of a record; returns what it is then."""
    core.catalog.change(journal.connection, record.handle_id, **columns)
    return core.catalog.by_id(journal.connection, record.handle_id).record


def end_grants(
    core: Core, journal: Journal, record: SecretRecord, *, keep_always: bool
) -> None:
    """End the grants that were given for earlier versions; each leaves its row."""
    for grant in core.grants.end_for(
        journal.connection, record, keep_always=keep_always
    ):
        journal.log(
            "grant_ended",
            grant.mode,
            tool_id=grant.tool_id,
            thread_id=grant.thread_id,
            **about(record),
        )


def note_mark(core: Core, journal: Journal, reading: Reading) -> None:
    """Keep the mark of a value that was seen for the first time: no new version."""
    handle_id = reading.entry.record.handle_id
    now = core.catalog.by_id(journal.connection, handle_id)
    if not now.fingerprint:
        core.catalog.change(
            journal.connection,
            handle_id,
            fingerprint=reading.mark,
            updated_at=now.record.updated_at.isoformat(),
        )


def rotate_outside(core: Core, journal: Journal, entry: Entry, mark: str) -> None:
    """Record that somebody changed a value where it lives, as a version of its own.

    Of several processes that notice it one writes it down. What was permitted for the
    old value ends; versions before this one can no longer be read anywhere.

    Args:
        core: The broker's stores.
        journal: The open transaction.
        entry: The secret as it was when its value was asked for.
        mark: The fingerprint of what the provider answered.
    """
    handle_id = entry.record.handle_id
    now = core.catalog.by_id(journal.connection, handle_id)
    seen = (entry.record.version, entry.fingerprint)
    if (now.record.version, now.fingerprint) != seen or now.record.status != "active":
        return
    version = core.catalog.draw_version(journal.connection, handle_id)
    record = change(
        core,
        journal,
        now.record,
        version=version,
        first_version=version,
        fingerprint=mark,
    )
    end_grants(core, journal, record, keep_always=True)
    journal.log("rotate", "external", **about(record))
