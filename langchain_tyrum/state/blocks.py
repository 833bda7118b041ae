"""Which bytes of a checkpoint are new: successive ones repeat most of theirs."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from operator import eq
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    from collections.abc import Hashable

_BLOCK = 16 * 1024
#: Looked at again on either side of new bytes. It matters only where a text grew in
#: place and its old end was the beginning of a value: then the value must be shorter.
_CONTEXT = 16 * 1024
_SMALL = 16 * _BLOCK
#: Nobody can choose bytes that look like others without knowing it.
_SEED = secrets.randbits(64)


class Blocks:
    """Fingerprints of the last large runs of bytes that were found clean.

    Scanning costs as much as a quarter of writing when a thousand values are known.
    Fingerprints cost next to nothing, so only what differs from a recent clean run,
    at the same place, is scanned again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clean: deque[tuple[Hashable, list[bytes]]] = deque(maxlen=8)

    def __repr__(self) -> str:
        return f"Blocks({len(self._clean)} runs)"

    def fresh(self, data: bytes, key: Hashable) -> tuple[list[bytes], list[bytes]]:
        """Return the parts of `data` that must be scanned.

        Args:
            data: What is about to be written.
            key: Changes when more values are to be found; older runs count no more.

        Returns:
            The parts (the whole, when it is small or unlike anything; else the new
            ones, each with its surroundings), and the fingerprints to keep when
            they turn out to be clean.
        """
        if len(data) <= _SMALL:
            return [data], []
        marks = _fingerprints(data)
        with self._lock:
            runs = [run for known, run in self._clean if known == key]
        for run in runs:
            same = list(map(eq, marks, run))
            if 2 * sum(same) > len(marks):
                return [data[a:b] for a, b in _spans(same, len(data))], marks
        return [data], marks

    def keep(self, marks: list[bytes], key: Hashable) -> None:
        """Remember the fingerprints of a run that was found clean."""
        if marks:
            with self._lock:
                self._clean.appendleft((key, marks))


def _fingerprints(data: bytes) -> list[bytes]:
    view = memoryview(data)
    return [
        xxhash.xxh3_128_digest(view[at : at + _BLOCK], _SEED)
        for at in range(0, len(data), _BLOCK)
    ]


def _spans(same: list[bool], size: int) -> list[tuple[int, int]]:
    """Return what differs, with context, merged where it touches."""
    spans: list[tuple[int, int]] = []
    for index in range(-(-size // _BLOCK)):
        if index < len(same) and same[index]:
            continue
        at = index * _BLOCK
        start = max(0, at - _CONTEXT)
        if spans and start <= spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, min(size, at + _BLOCK + _CONTEXT)))
    return spans
