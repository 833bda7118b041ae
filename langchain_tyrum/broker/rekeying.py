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
        self,
        key: MasterKey | bytes | str | None = None,
        *,
        drop_old: bool = False,
    ) -> RotationReport:
        """Change the master key, while this and other processes go on.

        All values are sealed anew, and the ledger goes on under the new key; what
        earlier keys signed still verifies. When the process dies on the way, everything
        can be read and written nevertheless: call it again, and it completes what was
        begun. Processes that read the key file notice by themselves.

        A key file keeps the older keys, which open and no longer seal: other stores
        may share the file, such as the catalog or the values of another environment.
        Rotate each of them, then `drop_old_master_keys`. Keep a copy as long as you
        keep backups from before, but do drop them: who has an old key, and can write
        the database, could make those that still know it seal under it.

        Two keys outlive every master key: of fingerprints, so that an equal value is
        still told from another one, and of the sealed markers in what was stored, which
        nobody could open otherwise. Who held an old master key has them: after a theft,
        replace the values at their services, and start a new store.

        Args:
            key: The new key. Made by itself where the key file is in use; where the
                key is given by `key=`, `TYRUM_MASTER_KEY` or the OS keyring, give it
                here, or put it before the old one there.
            drop_old: Whether the key file is to forget the older keys at the end.
                Whatever else is under them is then lost.

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
        with ring.rotation(given, done=self._done, drop_old=drop_old) as new:
            stores = [
                store
                for store in _sealed(self._core.providers.values())
                if not {*store.key_ids()}.isdisjoint(ring.ids)
            ]
            count = sum(store.rewrap(new) for store in stores)
            self._turn(new, count)
        self._core.cover_credentials()
        step = None if ring.writable else _next_step(ring.where, new.key_id)
        if ring.ids[1:] and not step:
            step = _DROP.format(len(ring.ids) - 1, ring.where)
        return RotationReport(count, new.key_id, step)

    arotate_master_key = twin(rotate_master_key)

    def drop_old_master_keys(self) -> int:
        """Take the older master keys out of the key file, for good.

        Do it when every store that shares the file has been rotated: another catalog,
        and values of other environments, cannot be seen from here.

        Returns:
            How many were dropped.

        Raises:
            ConfigError: This store needs one of them: rotate first; or the keys stand
                where they cannot be changed from here.
        """
        count = self._core.audit.ring.drop_old(done=self._done)
        if count:
            with self._core.journal() as journal:
                key_id = self._core.audit.ring.current.key_id
                journal.log("drop_master_keys", f"{count} keys", name=key_id)
        return count

    adrop_old_master_keys = twin(drop_old_master_keys)

    @property
    def master_key_ids(self) -> tuple[str, ...]:
        """The ids of the master keys in use, the newest first; they say nothing else.

        More than one: a rotation is not finished, or an older key may be dropped.
        """
        return self._core.audit.ring.ids

    def _done(self) -> bool:
        """Whether neither ledger nor values here are under an older key."""
        used = {self._core.audit.keys().master.key_id}
        for store in _sealed(self._core.providers.values()):
            used |= store.sealed_by()
        return used.isdisjoint(self._core.audit.ring.ids[1:])

    def _turn(self, new: MasterKey, count: int) -> None:
        """Let the ledger go on under the new key, once no value needs another one."""
        event = Event(
            action="rotate_master_key", outcome=f"{count} values", name=new.key_id
        )
        with self._core.catalog.transaction() as connection:
            row = self._core.audit.turn(connection, new, event)
        if row is not None:
            self._core.audit.publish(row)


#: What is left to do where a key file holds older keys too.
_DROP = (
    "{} older key(s) stay in {}, since other stores may share it: rotate each of "
    "them, then `langchain-tyrum key drop`; keep a copy for backups from before"
)


def _sealed(providers: Iterable[SecretProvider]) -> Iterator[DatabaseProvider]:
    for provider in providers:
        if isinstance(provider, DatabaseProvider):
            yield provider
        elif isinstance(provider, ChainProvider):
            yield from _sealed(provider.providers)


def _next_step(where: str, key_id: str) -> str:
    return (
        f"start all processes with the key {key_id} alone in {where}; until then those "
        "that have it before the old one go on, and the others fail; rotate every "
        "other store under the old key before"
    )
