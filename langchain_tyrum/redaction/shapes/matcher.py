"""Shapes: credentials that nobody registered, found by what they look like."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from langchain_tyrum.handles import HANDLE_TEXT
from langchain_tyrum.redaction.copies import TRIGGERS
from langchain_tyrum.redaction.markers import MARKER_BYTES
from langchain_tyrum.redaction.shapes.disguises import SHORT, looks_odd
from langchain_tyrum.redaction.shapes.rows import Row
from langchain_tyrum.redaction.shapes.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tyrum.redaction.detectors import Detector
    from langchain_tyrum.redaction.findings import Span

_HANDLE = re.compile(HANDLE_TEXT.pattern.encode())


class Shapes:
    """A set of detectors, compiled once and shared."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self.rows = tuple(map(Row, detectors))
        for row in self.rows:
            row.derive()
        self._always = [row for row in self.rows if not row.gate]
        self._gated = [row for row in self.rows if row.gate]
        gates = [row.gate for row in self._gated if row.gate]
        self._gates = Signals(gates)
        self._begins = _begins(self._gated)
        self._both = Signals([*gates, *TRIGGERS])

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
            found = list(row.spans(data, lowered))
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


def _begins(rows: list[Row]) -> dict[bytes, tuple[bytes, ...]] | None:
    """List how matches begin, by their first two bytes; None when that is not sure."""
    found: dict[bytes, tuple[bytes, ...]] = {}
    for row in rows:
        if row.heads is None:
            return None
        for head in row.heads:
            found[head[:2]] = (*found.get(head[:2], ()), head)
    return found


@functools.lru_cache(maxsize=16)
def compiled(detectors: tuple[Detector, ...]) -> Shapes:
    """Compile a set of detectors, once a process."""
    return Shapes(detectors)
