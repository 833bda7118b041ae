"""The engine for many patterns: a Vectorscan literal database."""

from __future__ import annotations

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
        self._idle: deque[Any] = deque(maxlen=_SPARE)

    def scan(self, data: bytes, on_match: Callable[..., bool | None]) -> None:
        """Call `on_match(id, start, end, flags, context)` for each match.

        Raises:
            EngineError: The scan failed.
        """
        try:
            scratch = self._idle.pop()
        except IndexError:
            scratch = hyperscan.Scratch(self._database)
        try:
            self._database.scan(data, match_event_handler=on_match, scratch=scratch)
        except hyperscan.ScanTerminated:
            pass
        except hyperscan.error as error:
            raise EngineError(type(error).__name__) from None
        # whatever else a scan raised, its scratch is not trusted again
        self._idle.append(scratch)


class HyperEngine:
    """Literals without NUL: the wheel cuts a literal at its first NUL."""

    label = "hyperscan"

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._lengths = tuple(map(len, patterns))
        self._reach = max(self._lengths)
        self._database = Database(patterns, literal=True)

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence."""
        if len(data) <= _BLOCK:
            return self._block(data)
        found: set[tuple[int, int]] = set()
        for low in range(0, len(data), _BLOCK):
            block = data[low : low + _BLOCK + self._reach]
            found.update((low + start, index) for start, index in self._block(block))
        return list(found)

    def _block(self, data: bytes) -> list[tuple[int, int]]:
        ends: list[tuple[int, int]] = []

        def on_match(index: int, _: int, end: int, *__: Any) -> bool:
            ends.append((index, end))
            return len(ends) > MAX_HITS

        self._database.scan(data, on_match)
        if len(ends) > MAX_HITS:
            raise EngineError("too many matches in one text")
        return [(end - self._lengths[index], index) for index, end in ends]
