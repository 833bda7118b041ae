"""The part of the broker that changes the master key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.broker.part import Part, twin
from langchain_tyrum.ledger.audit import Event
from langchain_tyrum.ledger.keys import ring_of
from langchain_tyrum.providers import ChainProvider, DatabaseProvider

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_tyrum.ledger.keys import MasterKey
    from langchain_tyrum.providers import SecretProvider


@dataclass(frozen=True)
class RotationReport:
    """What a rotation of the master key did.

    Attributes:
        rewrapped: How many values were sealed anew by this call.
        key_id: The id of the key that seals now.
        next_step: What is left for you to do; None when nothing is.
    """

    rewrapped: int
    key_id: str
    next_step: str | None = None


class Rekeying(Part):
    """`rotate_master_key` and its twin."""

    def rotate_master_key(
        self, key: MasterKey | bytes | str | None = None
    ) -> RotationReport:
        """Change the master key, while this and other processes go on.

        All values are sealed anew, and the ledger goes on under the new key; what
        earlier keys signed still verifies. When the process dies on the way, everything
        can be read and written nevertheless: call it again, and it completes what was
        begun. Processes that read the key file notice by themselves.

        Keep the old key as long as you keep backups from before, but drop it from
        where processes look for it: who has it, and can write the database, could make
        those that still know it seal under it.

        Args:
            key: The new key. Made by itself where the key file is in use; where the
                key is given by `key=`, `TYRUM_MASTER_KEY` or the OS keyring, give it
                here, or put it before the old one there.

        Returns:
            The report. It says what you have to change, if anything.

        Raises:
            ConfigError: Another rotation goes on, or the new key has to be given.
            KeyMismatch: Something is stored under a key that is not known.
            ProviderError: Some value does not open, or a database cannot be written.
            LedgerError: The ledger cannot be written.
        """
        ring = self._core.audit.ring
        given = None if key is None else ring_of(key).current
        with ring.rotation(given) as new:
            stores = [
                store
                for store in _sealed(self._core.providers.values())
                if not {*store.key_ids()}.isdisjoint(ring.ids)
            ]
            count = sum(store.rewrap(new) for store in stores)
            self._turn(new, count)
        step = None if ring.writable else _next_step(ring.where, new.key_id)
        return RotationReport(count, new.key_id, step)

    arotate_master_key = twin(rotate_master_key)

    @property
    def master_key_ids(self) -> tuple[str, ...]:
        """The ids of the master keys in use, the newest first; they say nothing else.

        More than one: a rotation is not finished, or an older key may be dropped.
        """
        return self._core.audit.ring.ids

    def _turn(self, new: MasterKey, count: int) -> None:
        """Let the ledger go on under the new key, once no value needs another one."""
        event = Event(
            action="rotate_master_key", outcome=f"{count} values", name=new.key_id
        )
        with self._core.catalog.transaction() as connection:
            row = self._core.audit.turn(connection, new, event)
        if row is not None:
            self._core.audit.publish(row)


def _sealed(providers: Iterable[SecretProvider]) -> Iterator[DatabaseProvider]:
    for provider in providers:
        if isinstance(provider, DatabaseProvider):
            yield provider
        elif isinstance(provider, ChainProvider):
            yield from _sealed(provider.providers)


def _next_step(where: str, key_id: str) -> str:
    return (
        f"start all processes with the key {key_id} alone in {where}; until then those "
        "that have it before the old one go on, and the others fail"
    )
