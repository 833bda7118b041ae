"""Which leases are open in this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.handles import SecretValue
    from langchain_tyrum.ledger.secret_rows import Entry


class Held:
    """What one lease holds, from before its provider is asked until its end.

    Args:
        entries: The secrets, by the name under which the caller wants their values.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._names: dict[str, list[str]] = {}
        for name, entry in entries.items():
            self._names.setdefault(entry.record.handle_id, []).append(name)
        self.values: dict[str, SecretValue] = {}

    def holds(self, handle_id: str) -> bool:
        """Whether it wants or has a value of that secret."""
        return handle_id in self._names

    def expire(self, handle_id: str) -> None:
        """Drop the values of one secret."""
        for name in self._names.get(handle_id, ()):
            if name in self.values:
                self.values[name].expire()

    def drop(self) -> None:
        """Drop all values."""
        for value in list(self.values.values()):
            value.expire()


class Opened:
    """The open leases of this process, in any thread."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return sum(len(held.values) for held in self._held.values())

    def enter(self, entries: Mapping[str, Entry]) -> Held:
        """Note a lease before its values are read, so that nothing misses it."""
        held = Held(entries)
        with self._lock:
            self._held[id(held)] = held
        return held

    def leave(self, held: Held) -> None:
        """Drop the values of a lease that ends."""
        with self._lock:
            self._held.pop(id(held), None)
        held.drop()

    def expire(self, handle_id: str) -> None:
        """Drop the values of a revoked secret that are in use right now."""
        for held in self._all():
            held.expire(handle_id)

    def holds(self, handle_id: str) -> bool:
        """Whether a lease of that secret is open, or being opened."""
        return any(held.holds(handle_id) for held in self._all())

    def after_fork(self) -> None:
        """Drop everything: a lease is that of the process that opened it.

        The lock is made anew, since a thread that is gone may have held it.
        """
        self._lock = threading.Lock()
        there, self._held = self._held, {}
        for held in list(there.values()):
            held.drop()

    def _all(self) -> list[Held]:
        with self._lock:
            return list(self._held.values())
