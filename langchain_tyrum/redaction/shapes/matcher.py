"""Shapes: credentials that nobody registered, found by what they look like."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from langchain_tyrum.handles import HANDLE_TEXT
from langchain_tyrum.redaction.copies import TRIGGERS
from langchain_tyrum.redaction.findings import Span
from langchain_tyrum.redaction.markers import MARKER_BYTES
from langchain_tyrum.redaction.shapes.disguises import SHORT, looks_odd
from langchain_tyrum.redaction.shapes.heads import heads, occurrences
from langchain_tyrum.redaction.shapes.regex_tree import Unsupported, gate, opening
from langchain_tyrum.redaction.shapes.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_tyrum.redaction.detectors import Detector

_HANDLE = re.compile(HANDLE_TEXT.pattern.encode())


class Row(NamedTuple):
    """A detector, compiled.

    Attributes:
        opening: What matches undecided beginnings, for streams. None when it cannot
            be derived; then the last `max_length` bytes are held back.
    """

    detector: Detector
    regex: re.Pattern[bytes]
    group: int
    heads: frozenset[bytes] | None
    opening: bytes | None
    ends: re.Pattern[bytes] | None


class Shapes:
    """A set of detectors, compiled once and shared."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self.rows = tuple(map(_compile, detectors))
        gates = [_gate(detector) for detector in detectors]
        self._always = [
            row for row, each in zip(self.rows, gates, strict=True) if not each
        ]
        self._gated = [row for row, each in zip(self.rows, gates, strict=True) if each]
        self._gates = Signals(list(filter(None, gates)))
        self._begins = _begins(self._gated)
        self._both = Signals([*filter(None, gates), *TRIGGERS])

    def signals(self, data: bytes, *, disguises: bool = True) -> tuple[list[Row], bool]:
        """Tell which rows may match, and whether the text looks disguised.

        Args:
            data: The text.
            disguises: Whether to look for disguises at all.

        Raises:
            EngineError: The search failed.
        """
        if len(data) <= SHORT and self._is_calm(data, disguises=disguises):
            return self._always, False
        fired = (self._both if disguises else self._gates).fired(data)
        if not fired:
            return self._always, False
        count = len(self._gated)
        rows = [self._gated[index] for index in fired if index < count]
        return [*self._always, *rows], any(index >= count for index in fired)

    def _is_calm(self, data: bytes, *, disguises: bool) -> bool:
        """Tell of a short text that no row begins in it and that it is undisguised."""
        if self._begins is None or (disguises and looks_odd(data)):
            return False
        lowered, begins = data.lower(), self._begins
        pairs = [lowered[at : at + 2] for at in range(len(lowered))]
        return begins.keys().isdisjoint(pairs) or not any(
            pair in begins and lowered.startswith(begins[pair], at)
            for at, pair in enumerate(pairs)
        )

    def find(self, data: bytes, rows: Iterable[Row]) -> list[Span]:
        """Return the span of each credential the rows find, overlaps included.

        Handles and markers are left alone.
        """
        rows = list(rows)
        if not rows:
            return []
        lowered = data.lower()
        spans: list[Span] = []
        for row in rows:
            found = list(_matches(row, data, lowered))
            if found and row.ends is None:
                found = _leave_whole(found, data, handles=row.group == 1)
            spans += found
        return spans


def _leave_whole(spans: list[Span], data: bytes, *, handles: bool) -> list[Span]:
    """Leave out what overlaps a marker or, unless its prefix gives it away, a handle.

    A token behind `tyrum://` is still a token.
    """
    whole = [match.span() for match in MARKER_BYTES.finditer(data)]
    if handles:
        whole += [match.span() for match in _HANDLE.finditer(data)]
    return [span for span in spans if not _touches(span, whole)]


def _touches(span: Span, others: list[tuple[int, int]]) -> bool:
    return any(start < span.end and span.start < end for start, end in others)


def _matches(row: Row, data: bytes, lowered: bytes) -> Iterator[Span]:
    kind = row.detector.kind
    for match in _candidates(row, data, lowered):
        start, end = match.span(row.group)
        if row.ends is not None:
            close = row.ends.search(data, match.end())
            yield Span(start, close.end() if close else len(data), kind, kind)
        elif start < end:
            yield Span(start, end, kind, kind)


def _candidates(row: Row, data: bytes, lowered: bytes) -> Iterator[re.Match[bytes]]:
    if row.heads is None:
        match = row.regex.search(data)
        while match:
            yield match
            match = row.regex.search(data, match.start() + 1)
        return
    for at in occurrences(lowered, row.heads):
        match = row.regex.match(data, at)
        if match:
            yield match


def _begins(rows: list[Row]) -> dict[bytes, tuple[bytes, ...]] | None:
    """List how matches begin, by their first two bytes; None when that is not sure."""
    found: dict[bytes, tuple[bytes, ...]] = {}
    for row in rows:
        if row.heads is None:
            return None
        for head in row.heads:
            found[head[:2]] = (*found.get(head[:2], ()), head)
    return found


def _compile(detector: Detector) -> Row:
    regex = re.compile(detector.pattern.encode())
    try:
        opens = opening(detector.pattern).encode()
        begins = heads(detector.pattern)
    except (Unsupported, re.error):
        opens, begins = None, None
    return Row(
        detector=detector,
        regex=regex,
        group=min(regex.groups, 1),
        heads=begins,
        opening=opens,
        ends=re.compile(detector.ends.encode()) if detector.ends else None,
    )


def _gate(detector: Detector) -> bytes | None:
    try:
        return gate(detector.pattern).encode()
    except (Unsupported, re.error):
        return None


@functools.lru_cache(maxsize=16)
def compiled(detectors: tuple[Detector, ...]) -> Shapes:
    """Compile a set of detectors, once a process."""
    return Shapes(detectors)
