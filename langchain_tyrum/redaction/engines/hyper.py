"""The engine for many patterns: a Vectorscan literal database."""

from __future__ import annotations

import ctypes
import functools
from collections import deque
from typing import TYPE_CHECKING, Any

import hyperscan

from langchain_tyrum.redaction.engines.base import MAX_HITS, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: `hs_scan` takes a 32-bit length; longer data goes in blocks that overlap.
_BLOCK = 1 << 30
#: Idle scratches kept for each database.
_SPARE = 16
#: Compiling as many patterns leaves much memory behind that is nobody's.
_MANY = 1 << 15


class _Ear:
    """Takes down the matches of one scan at a time."""

    __slots__ = ("ends", "scratch")

    def __init__(self, scratch: Any) -> None:
        self.scratch = scratch
        self.ends: list[tuple[int, int]] = []

    def hear(self, index: int, _: int, end: int, *__: Any) -> bool:
        """Note a match; True ends the scan."""
        self.ends.append((index, end))
        return len(self.ends) > MAX_HITS


class Database:
    """A compiled database with a pool of scratches.

    A scratch serves one scan at a time; scans that share one get an error instead
    of matches. Making one costs more than most scans, and LangGraph starts threads
    at each step, so they are lent by scan, not kept by thread. A lent one is not in
    the pool: a process forked meanwhile never sees it.
    """

    def __init__(self, patterns: Sequence[bytes], **options: Any) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=list(patterns),
            ids=list(range(len(patterns))),
            elements=len(patterns),
            **options,
        )
        if len(patterns) >= _MANY and (trim := _trimming()) is not None:
            trim(0)
        self._scan = self._database.scan
        self._idle: deque[_Ear] = deque(maxlen=_SPARE)

    def scan(self, data: bytes) -> list[tuple[int, int]]:
        """Return (index of the expression, end) of each match.

        Raises:
            EngineError: The scan failed, or there were too many.
        """
        try:
            ear = self._idle.pop()
        except IndexError:
            ear = _Ear(hyperscan.Scratch(self._database))
        try:
            # by position: keywords take this call longer than a short text does
            self._scan(data, ear.hear, 0, None, ear.scratch)
        except hyperscan.ScanTerminated:
            raise EngineError("too many matches in one text") from None
        except hyperscan.error as error:
            raise EngineError(type(error).__name__) from None
        # after an error, a scratch is not trusted again
        ends = ear.ends
        if ends:
            ear.ends = []
        self._idle.append(ear)
        return ends


class HyperEngine:
    """Literals without NUL: the wheel cuts a literal at its first NUL."""

    label = "hyperscan"

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._lengths = tuple(map(len, patterns))
        self._longest = _BLOCK + max(self._lengths)
        self._database = Database(patterns, literal=True)

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence."""
        if len(data) > self._longest:
            return self._in_blocks(data)
        ends = self._database.scan(data)
        if not ends:
            return []
        return [(end - self._lengths[index], index) for index, end in ends]

    def _in_blocks(self, data: bytes) -> list[tuple[int, int]]:
        found: set[tuple[int, int]] = set()
        for low in range(0, len(data), _BLOCK):
            for start, index in self.hits(data[low : low + self._longest]):
                found.add((low + start, index))
        return list(found)


@functools.cache
def _trimming() -> Callable[[int], int] | None:
    """Return what gives memory that was freed back to the system, where glibc does.

    Compiling 10,000 values takes 270 MB, of which 14 MB are still used after it; left
    alone, most of the others stay with the process.
    """
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    return trim
