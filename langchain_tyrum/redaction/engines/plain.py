"""The engine without a library: one `find` loop a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.redaction.engines.base import MAX_HITS, EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence


class PlainEngine:
    """Best for one to three patterns; correct and slow for any number."""

    label = "plain"

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._patterns = tuple(patterns)

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence."""
        for pattern in self._patterns:
            # searches like `find` does, and is called in half the time
            if data.replace(pattern, b"") is not data:
                return self._all(data)
        return []

    def _all(self, data: bytes) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for index, pattern in enumerate(self._patterns):
            start = data.find(pattern)
            while start >= 0:
                found.append((start, index))
                if len(found) > MAX_HITS:
                    raise EngineError("too many matches in one text")
                start = data.find(pattern, start + 1)
        return found
