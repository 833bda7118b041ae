"""Shapes: credentials that nobody registered, found by what they look like."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.shapes.disguises import SHORT
from langchain_tyrum.redaction.shapes.heads import LONGEST
from langchain_tyrum.redaction.shapes.places import Alarms
from langchain_tyrum.redaction.shapes.rows import Row
from langchain_tyrum.redaction.shapes.spared import HANDLE_HEAD, Spared, folded
from langchain_tyrum.redaction.shapes.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tyrum.redaction.detectors import Detector
    from langchain_tyrum.redaction.findings import Span
    from langchain_tyrum.redaction.shapes.places import Places

    #: A row, and where its matches may begin; anywhere when that is not known.
    _Try = tuple[Row, Places | None]

_HANDLE = Trigger(HANDLE_HEAD, len(HANDLE_HEAD))


class Shapes:
    """A set of detectors, compiled once and shared."""

    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        self.rows = tuple(map(Row, detectors))
        for row in self.rows:
            row.derive()
        self._always = [row for row in self.rows if not row.trigger]
        self._gated = [row for row in self.rows if row.trigger]
        triggers = [row.trigger for row in self._gated if row.trigger]
        self._alarms = Alarms([*triggers, _HANDLE])
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
        likely, handles = self._likely(data, before)
        if not likely and not handles:
            return []
        spared = Spared(data)
        spans = _spans(likely, data, spared, before)
        if handles and (text := folded(data)) != data:
            again, _ = self._likely(text, before)
            spans += _spans(again, text, spared, before)
        return spans

    def _likely(self, data: bytes, before: int | None) -> tuple[list[_Try], bool]:
        """List the rows that may match, and where; and whether there are handles."""
        if before is not None:
            return self._opening(data, before), HANDLE_HEAD in data
        always: list[_Try] = [(row, None) for row in self._always]
        if len(data) <= SHORT and self._is_calm(data):
            return always, HANDLE_HEAD in data
        alarms = self._alarms.places(data)
        if not alarms:
            return always, False
        handles = alarms.pop(len(self._gated), None) is not None
        gated = [(self._gated[at], places) for at, places in alarms.items()]
        return always + gated, handles

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


def _spans(
    likely: list[_Try], text: bytes, spared: Spared, before: int | None
) -> list[Span]:
    """Search a text with rows; one with its handles folded for what holds one."""
    spans: list[Span] = []
    for row, places in likely:
        found = row.matches(text, places)
        if before is not None:
            found = (match for match in found if match[1].start < before)
        if text is not spared.data:
            found = spared.around_handles(row, found)
        if row.ends is None:
            spans += spared.rest(row, found, text)
        else:
            spans += (span for _, span in found)
    return spans


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
