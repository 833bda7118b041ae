"""Where the open end of a text stops being certain."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.copies import DANGLING, LENIENT, Copy
from langchain_tyrum.redaction.markers import MARKER
from langchain_tyrum.redaction.shapes.regex_tree import opening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.shapes import Row
    from langchain_tyrum.redaction.text import TextGuard
    from langchain_tyrum.redaction.tiers import Tier

_OPEN_MARKER = re.compile(opening(MARKER.pattern).encode())
_OPEN_HANDLE = re.compile(rb"tyrum://[A-Za-z0-9_/-]*\Z")
_SUSPICIOUS = re.compile(rb"[\\%&\x00\xc2\xe2\xef:\r\n-]")
_BEFORE_COPY = 80


class Lookout:
    """Finds the first byte from which a text may yet turn into a value."""

    def __init__(self, guard: TextGuard) -> None:
        self._registry = guard.registry
        self._rows = _openings(guard.shapes.rows) if guard.mode != "observe" else None

    def undecided(self, text: bytes, done: int) -> int:
        """Return the first offset from `done` on that is not certain.

        Args:
            text: What is held, with some text before it.
            done: Where what is held begins.

        Returns:
            An offset; the length of the text when all of it is certain.
        """
        tiers = self._registry.tiers() if len(self._registry) else ()
        first = _known(tiers, text, done)
        if tiers and first > done and _SUSPICIOUS.search(text, done):
            first = min(first, _disguised(tiers, text, done))
        if self._rows is not None:
            first = min(first, self._rows.first(text, done))
        return _whole(text, done, first)

    def swallows(self, text: bytes) -> re.Pattern[bytes] | None:
        """Return what ends the open-ended credential that a text begins with."""
        return self._rows.swallows(text) if self._rows is not None else None


def _known(tiers: Sequence[Tier], text: bytes, done: int) -> int:
    for at in range(done, len(text)):
        head = text[at : at + 4]
        for tier in tiers:
            if head in tier.heads and tier.begins(text[at:]):
                return at
    return len(text)


def _disguised(tiers: Sequence[Tier], text: bytes, done: int) -> int:
    """Look at the open end with escapes undone, also of runs that only begin."""
    dangling = DANGLING.search(text, max(done - 16, 0))
    end = dangling.start() if dangling else len(text)
    low = max(0, done - _BEFORE_COPY)
    copy = Copy(text[low:end], LENIENT)
    for at in range(len(copy.data)):
        head = copy.data[at : at + 4]
        if any(head in tier.heads and tier.begins(copy.data[at:]) for tier in tiers):
            start = low + copy.original(at, at + 1)[0]
            if start >= done:
                return min(start, end)
    return max(end, done)


def _whole(text: bytes, done: int, first: int) -> int:
    """Keep markers and handles in one piece."""
    bracket = text.rfind(b"[", done, first)
    if bracket >= 0 and _OPEN_MARKER.match(text, bracket):
        first = bracket
    handle = text.rfind(b"tyrum://", done, first)
    if handle >= 0 and _OPEN_HANDLE.match(text, handle):
        first = handle
    return first


class _Openings:
    """Rows by the first bytes of their matches, to find open beginnings fast."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._by_head: dict[bytes, tuple[re.Pattern[bytes], ...]] = {}
        self._anywhere: list[tuple[Row, re.Pattern[bytes] | None]] = []
        self._swallowing = [row for row in rows if row.ends is not None]
        for row in rows:
            opens = re.compile(row.opening) if row.opening is not None else None
            if row.heads is None or opens is None:
                self._anywhere.append((row, opens))
                continue
            for head in {head[:size] for head in row.heads for size in (1, 2)}:
                self._by_head[head] = (*self._by_head.get(head, ()), opens)

    def first(self, text: bytes, done: int) -> int:
        """Return where the first undecided match begins, or the text's length."""
        first = size = len(text)
        lowered = text[done:].lower()
        for at in range(done, size):
            likely = self._by_head.get(lowered[at - done : at - done + 2])
            if likely is not None and any(each.match(text, at) for each in likely):
                first = at
                break
        for row, opens in self._anywhere:
            first = min(first, _anywhere(row, opens, text, done))
        for row in self._swallowing:
            first = min(first, _swallowed(row, text, done, first))
        return first

    def swallows(self, text: bytes) -> re.Pattern[bytes] | None:
        """Return what ends the open-ended credential that a text begins with."""
        for row in self._swallowing:
            if row.ends is not None and row.regex.match(text):
                return row.ends
        return None


@functools.lru_cache(maxsize=16)
def _openings(rows: tuple[Row, ...]) -> _Openings:
    return _Openings(rows)


def _anywhere(row: Row, opens: re.Pattern[bytes] | None, text: bytes, done: int) -> int:
    if opens is None:
        return max(done, len(text) - row.detector.max_length)
    for at in range(done, len(text)):
        if opens.match(text, at):
            return at
    return len(text)


def _swallowed(row: Row, text: bytes, done: int, before: int) -> int:
    """Hold back from a beginning whose end has not come yet."""
    match = row.regex.search(text, done)
    while match and match.start() < before:
        if row.ends is not None and not row.ends.search(text, match.end()):
            return match.start()
        match = row.regex.search(text, match.end())
    return before
