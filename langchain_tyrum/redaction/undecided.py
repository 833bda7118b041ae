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

    from langchain_tyrum.redaction.beginnings import Beginnings
    from langchain_tyrum.redaction.shapes import Row
    from langchain_tyrum.redaction.text import TextGuard

_OPEN_MARKER = re.compile(opening(MARKER.pattern).encode())
_OPEN_HANDLE = re.compile(rb"tyrum://[A-Za-z0-9_/-]*\Z")
_SUSPICIOUS = re.compile(rb"[\\%&\x00\xc2\xe2\xef:\r\n-]")
_BEFORE_COPY = 80


class Lookout:
    """Finds the first byte from which a text may yet turn into a value."""

    def __init__(self, guard: TextGuard) -> None:
        self._registry = guard.registry
        self._sight = guard.sight
        self._rows = _openings(guard.shapes.rows) if guard.mode != "observe" else None

    def undecided(self, text: bytes, done: int) -> int:
        """Return the first offset from `done` on that is not certain.

        Args:
            text: What is held, with some text before it.
            done: Where what is held begins.

        Returns:
            An offset; the length of the text when all of it is certain.
        """
        forms = self._forms()
        first = _known(forms, text, done)
        if forms and first > done and _SUSPICIOUS.search(text, done):
            first = min(first, _disguised(forms, text, done))
        if self._rows is not None:
            first = min(first, self._rows.first(text, done))
        return _whole(text, done, first)

    def _forms(self) -> list[Beginnings]:
        """What is waited for: the forms of those whose values are covered."""
        sight = self._sight
        found: list[Beginnings]
        if sight.everyone:
            found = [*self._registry.tiers()]
        else:
            owners = dict.fromkeys((None, sight.user))
            found = [self._registry.beginnings(sight.tenant, each) for each in owners]
        return [each for each in found if len(each)]

    def swallows(self, text: bytes) -> re.Pattern[bytes] | None:
        """Return what ends the open-ended credential that a text begins with."""
        return self._rows.swallows(text) if self._rows is not None else None


def _known(forms: Sequence[Beginnings], text: bytes, done: int) -> int:
    for at in range(done, len(text)):
        head = text[at : at + 4]
        for each in forms:
            if head in each.heads and each.begins(text[at:]):
                return at
    return len(text)


def _disguised(forms: Sequence[Beginnings], text: bytes, done: int) -> int:
    """Look at the open end with escapes undone, also of runs that only begin."""
    dangling = DANGLING.search(text, max(done - 16, 0))
    end = dangling.start() if dangling else len(text)
    low = max(0, done - _BEFORE_COPY)
    copy = Copy(text[low:end], LENIENT)
    for at in range(len(copy.data)):
        head = copy.data[at : at + 4]
        if any(head in each.heads and each.begins(copy.data[at:]) for each in forms):
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
        self._by_head: dict[bytes, tuple[Row, ...]] = {}
        self._anywhere: list[Row] = []
        self._swallowing = [row for row in rows if row.ends is not None]
        for row in rows:
            if row.heads is None or row.gate is None:
                self._anywhere.append(row)
                continue
            for head in {head[:size] for head in row.heads for size in (1, 2)}:
                self._by_head[head] = (*self._by_head.get(head, ()), row)

    def first(self, text: bytes, done: int) -> int:
        """Return where the first undecided match begins, or the text's length."""
        first = size = len(text)
        lowered = text[done:].lower()
        for at in range(done, size):
            likely = self._by_head.get(lowered[at - done : at - done + 2])
            if likely is not None and any(_opens(row, text, at) for row in likely):
                first = at
                break
        for row in self._anywhere:
            first = min(first, _anywhere(row, text, done))
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


def _opens(row: Row, text: bytes, at: int) -> bool:
    """Tell whether a match may begin here; yes where that cannot be told."""
    opening = row.opening  # compiled when a text first has one of the row's heads
    return opening is None or opening.match(text, at) is not None


def _anywhere(row: Row, text: bytes, done: int) -> int:
    opens = row.opening
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
