"""Reading the value of a version, and telling whether it is still that version's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.broker.records.entries import own_ref
from langchain_tyrum.broker.values.asking import Store
from langchain_tyrum.errors import ProviderError, SecretNotFound

if TYPE_CHECKING:
    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.ledger.secret_rows import Entry

#: What the broker calls a value that it stores itself; see `own_ref`.
_OWN = re.compile(r"[^/]+/[^/]*/[^/]+/h_[^/]+", re.DOTALL)


class Tampered(ProviderError):
    """A stored version, which never changes, is not what was stored."""


@dataclass(frozen=True, repr=False)
class Reading:
    """What a provider answered, which is covered by the redactor already.

    Attributes:
        entry: The secret, as it was when its value was asked for.
        value: The raw value.
        mark: Its fingerprint.
    """

    entry: Entry
    value: str | bytes
    mark: str

    @property
    def is_first(self) -> bool:
        """Nobody has seen a value of this secret before."""
        return not self.entry.fingerprint

    @property
    def is_foreign(self) -> bool:
        """Somebody changed the value where it lives."""
        return self.entry.fingerprint not in ("", self.mark)


def number_for(store: Store, version: int) -> int | None:
    """What to call a version at its provider.

    Only where the broker makes up the names are versions its own. Elsewhere other
    people write too: the newest value is the value, whatever number they gave it.
    """
    return version if store.by_handle else None


def read(core: Core, entry: Entry) -> Reading:
    """Ask for the value of the present version, and cover it before anything else.

    Raises:
        SecretNotFound: The provider has none.
        Tampered: The provider keeps versions, and this one was overwritten; or the
            entry points to where the broker keeps another secret.
        ProviderError: The provider failed.
    """
    record = entry.record
    store = Store(core, record.provider)
    if store.by_handle:
        _refuse_repointed(entry)
    value = store.get(entry.ref, version=number_for(store, record.version))
    core.cover(record, value)
    reading = Reading(entry, value, core.fingerprint((record.handle_id,), value))
    if reading.is_foreign and store.by_handle:
        _refuse_overwritten(core, store, reading)
    if not reading.is_foreign:
        core.known.add((record.handle_id, record.version))
    return reading


def _refuse_repointed(entry: Entry) -> None:
    """Who can write the catalog must not point one user's entry to another's value."""
    record = entry.record
    if not _OWN.fullmatch(entry.ref) or entry.ref == own_ref(record):
        return
    raise Tampered(
        f"the catalog's row of {record.name!r} was altered: it points to where another "
        "secret is kept; restore the catalog from a backup, and keep it as evidence",
        provider=record.provider,
        handle=record.handle_id,
    )


def _refuse_overwritten(core: Core, store: Store, reading: Reading) -> None:
    """Tell an entry that has no versions, and may change, from a stored version."""
    record = reading.entry.record
    try:
        other = store.get(reading.entry.ref, version=record.version + 1)
    except SecretNotFound:
        same = False
    else:
        same = core.fingerprint((record.handle_id,), other) == reading.mark
    if not same:
        raise Tampered(
            f"version {record.version} of {record.name!r} was overwritten where "
            f"{record.provider!r} keeps it, past the broker: if the new value is "
            "meant, store it with broker.rotate(…)",
            provider=record.provider,
            handle=record.handle_id,
        )
