"""The engine for many patterns: a Vectorscan literal database."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import hyperscan

from langchain_tyrum.redaction.engines.base import MAX_HITS, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: `hs_scan` takes a 32-bit length; longer data goes in blocks that overlap.
_BLOCK = 1 << 30


class Database:
    """A compiled database with one scratch a thread.

    The scratch that a database brings along serves one scan at a time; threads
    that share it get an error instead of matches.
    """

    def __init__(self, patterns: Sequence[bytes], **options: Any) -> None:
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=list(patterns),
            ids=list(range(len(patterns))),
            elements=len(patterns),
            **options,
        )
        self._local = threading.local()

    def scan(self, data: bytes, on_match: Callable[..., bool | None]) -> None:
        """Call `on_match(id, start, end, flags, context)` for each match.

        Raises:
            EngineError: The scan failed.
        """
        try:
            scratch = self._local.scratch
        except AttributeError:
            scratch = self._local.scratch = hyperscan.Scratch(self._database)
        try:
            self._database.scan(data, match_event_handler=on_match, scratch=scratch)
        except hyperscan.ScanTerminated:
            pass
        except hyperscan.error as error:
            raise EngineError(type(error).__name__) from None


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
