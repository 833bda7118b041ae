"""Places: the parts of a text in which rows are tried."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.engines import EngineError
from langchain_tyrum.redaction.shapes.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.shapes.triggers import Trigger

#: Where matches may begin: (from, up to), disjoint and in order.
Places = list[tuple[int, int]]
#: A text with more hits than an engine takes is asked about in blocks.
_BLOCK = 1 << 16
#: A trigger that reaches farther says nothing about where.
_FAR = 1 << 14
#: So much may have to stand before a match.
_AROUND = 64


class Alarms:
    """The triggers of many rows, compiled together.

    Args:
        triggers: One for each row.
    """

    def __init__(self, triggers: Sequence[Trigger]) -> None:
        self._reaches = [each.reach for each in triggers]
        self._signals = Signals([each.expression for each in triggers], once=False)

    def places(self, data: bytes) -> dict[int, Places]:
        """Tell where matches may begin, by the index of their row.

        Raises:
            EngineError: The search failed.
        """
        try:
            hits = self._signals.ends(data)
        except EngineError:
            if len(data) <= _BLOCK:
                raise
            hits = self._in_blocks(data)
        if not hits:
            return {}
        by_row: dict[int, list[int]] = defaultdict(list)
        for index, end in hits:
            by_row[index].append(end)
        whole = [(0, len(data))]
        near = self._signals.tells_where
        return {
            index: _before(found, reach)
            if near and (reach := self._reaches[index]) <= _FAR
            else whole
            for index, found in by_row.items()
        }

    def _in_blocks(self, data: bytes) -> list[tuple[int, int]]:
        size = len(data)
        hits = [(i, size) for i, reach in enumerate(self._reaches) if reach > _FAR]
        for low in range(0, size, _BLOCK):
            start = max(0, low - _FAR - _AROUND)
            found = self._signals.ends(data[start : low + _BLOCK])
            hits += [(index, start + end) for index, end in found]
        return hits


def _before(ends: list[int], reach: int) -> Places:
    """Merge the places before ends."""
    if len(ends) == 1:
        return [(max(0, ends[0] - reach), ends[0])]
    places: Places = []
    ends.sort()
    low, high = max(0, ends[0] - reach), ends[0]
    for end in ends:
        if end - reach > high:
            places.append((low, high))
            low = end - reach
        high = end
    return [*places, (low, high)]
