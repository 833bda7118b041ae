"""Shapes: credentials that nobody registered, found by what they look like."""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from langchain_tyrum.handles import HANDLE_TEXT
from langchain_tyrum.redaction.markers import MARKER_BYTES, MARKER_HEAD
from langchain_tyrum.redaction.shapes.disguises import SHORT
from langchain_tyrum.redaction.shapes.heads import LONGEST
from langchain_tyrum.redaction.shapes.places import Alarms
from langchain_tyrum.redaction.shapes.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_tyrum.redaction.detectors import Detector
    from langchain_tyrum.redaction.findings import Span
    from langchain_tyrum.redaction.shapes.places import Places

    #: A row, and where its matches may begin; anywhere when that is not known.
    _Try = tuple[Row, Places | None]

_SCHEME = b"tyrum://"
_HANDLE = re.compile(HANDLE_TEXT.pattern.encode())


class Shapes:
    """A set of detectors, compiled once and shared."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self.rows = tuple(map(Row, detectors))
        for row in self.rows:
            row.derive()
        self._always = [row for row in self.rows if not row.trigger]
        self._gated = [row for row in self.rows if row.trigger]
        self._alarms = Alarms([row.trigger for row in self._gated if row.trigger])
        self._begins = _begins(self.rows)
        self._anyhow = [row for row in self.rows if row.heads is None]
        sure = all(row.heads is not None for row in self._gated)
        self._sure = self._begins.keys() if sure else None

    def find(self, data: bytes, *, before: int | None = None) -> list[Span]:
        """Return the span of each credential the rows find, overlaps included.

        Handles and markers are left alone.

        Args:
            data: The text.
            before: Only look for those that begin before this offset, which takes
                time for what is there, not for all of the text.

        Raises:
            EngineError: The search failed.
        """
        likely = self._likely(data) if before is None else self._opening(data, before)
        if not likely:
            return []
        whole = _Whole(data)
        spans: list[Span] = []
        for row, places in likely:
            found = row.spans(data, places)
            if before is not None:
                found = (span for span in found if span.start < before)
            if row.ends is None:
                found = whole.spared(found, handles=row.group == 1)
            spans += found
        return spans

    def _opening(self, data: bytes, before: int) -> list[_Try]:
        """List the rows of which a match may begin before an offset."""
        lowered = data[: before + LONGEST].lower()
        rows = dict.fromkeys(self._anyhow)
        for at in range(before):
            for head, row in self._begins.get(lowered[at : at + 2], ()):
                if lowered.startswith(head, at):
                    rows[row] = None
        places = [(0, before)]
        return [(row, places) for row in rows]

    def _likely(self, data: bytes) -> list[_Try]:
        """List the rows that may match, and where."""
        always: list[_Try] = [(row, None) for row in self._always]
        if len(data) <= SHORT and self._is_calm(data):
            return always
        alarms = self._alarms.places(data)
        return always + [(self._gated[at], places) for at, places in alarms.items()]

    def _is_calm(self, data: bytes) -> bool:
        """Tell of a short text that no row begins in it."""
        if self._sure is None:
            return False
        lowered = data.lower()
        pairs = [lowered[at : at + 2] for at in range(len(lowered))]
        return self._sure.isdisjoint(pairs) or not any(
            lowered.startswith(head, at)
            for at, pair in enumerate(pairs)
            if pair in self._sure
            for head, _ in self._begins[pair]
        )


class _Whole:
    """What shapes leave alone in a text: markers, handles. Looked for when needed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._places: dict[bool, tuple[list[int], list[int]]] = {}

    def spared(self, spans: Iterable[Span], *, handles: bool) -> Iterator[Span]:
        """Leave out what overlaps a marker or, unless its prefix tells, a handle.

        A token behind `tyrum://` is still a token.
        """
        for span in spans:
            starts, ends = self._found(handles=handles)
            at = bisect_right(ends, span.start)
            if at == len(starts) or starts[at] >= span.end:
                yield span

    def _found(self, *, handles: bool) -> tuple[list[int], list[int]]:
        found = self._places.get(handles)
        if found is None:
            places = []
            if MARKER_HEAD in self._data:
                places += [match.span() for match in MARKER_BYTES.finditer(self._data)]
            if handles and _SCHEME in self._data:
                places += [match.span() for match in _HANDLE.finditer(self._data)]
            places.sort()
            starts, ends = [low for low, _ in places], [high for _, high in places]
            found = self._places[handles] = starts, ends
        return found


def _begins(rows: Iterable[Row]) -> dict[bytes, tuple[tuple[bytes, Row], ...]]:
    """List how matches begin, by their first two bytes."""
    found: dict[bytes, tuple[tuple[bytes, Row], ...]] = {}
    for row in rows:
        for head in row.heads or ():
            found[head[:2]] = (*found.get(head[:2], ()), (head, row))
    return found


@functools.lru_cache(maxsize=16)
def compiled(detectors: tuple[Detector, ...]) -> Shapes:
    """Compile a set of detectors, once a process."""
    return Shapes(detectors)
