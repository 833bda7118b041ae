"""Which pieces of state were clean when they were last looked at."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

_MOST = 1 << 15

#: Marks a piece. Nobody can choose bytes that look like others' without the seed.
fingerprint: Callable[[bytes | memoryview], bytes] = partial(
    xxhash.xxh3_128_digest, seed=secrets.randbits(64)
)


class Marks:
    """Fingerprints of clean pieces: the last used ones, whatever thread they are of.

    They are of bytes, not of objects, so what was edited in place is another piece.
    No lock, so a fork finds none held: at worst two threads look at one piece twice.
    """

    def __init__(self) -> None:
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._young | self._old)

    def __contains__(self, mark: object) -> bool:
        if mark in self._young:
            return True
        used = self._old & {mark}
        self._young |= used
        return bool(used)

    def add(self, marks: Iterable[bytes]) -> None:
        """Remember pieces; of more than can be kept, the last used ones."""
        if len(self._young) > _MOST:
            self._old, self._young = self._young, set()
        self._young.update(marks)


class Known:
    """The marks of what was clean since the last registration."""

    def __init__(self) -> None:
        self._now: tuple[Hashable, Marks] = (None, Marks())

    def __repr__(self) -> str:
        return f"Known({len(self._now[1])} pieces)"

    def at(self, key: Hashable) -> Marks:
        """Return the marks that count.

        Args:
            key: Changes when more values are to be found: then nothing is known.
        """
        now, marks = self._now
        if now != key:
            marks = Marks()
            self._now = key, marks
        return marks
