"""What every engine promises: all occurrences of fixed byte patterns."""

from __future__ import annotations

from typing import Protocol

#: More occurrences than this in one text are a flood: the text is withheld.
MAX_HITS = 65_536


class EngineError(Exception):
    """The engine could not finish; the text has to be withheld."""


class Engine(Protocol):
    """Finds every occurrence of its patterns, overlapping ones included."""

    label: str

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence, in any order.

        Raises:
            EngineError: There were too many, or the engine failed.
        """
        ...
