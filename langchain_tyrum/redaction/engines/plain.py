"""The engine without a library: one `find` loop a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.redaction.engines.base import MAX_HITS, EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.engines.base import Engine


class PlainEngine:
    """Best for one to three patterns; correct and slow for any number."""

    label = "plain"

    def __init__(self, patterns: Sequence[bytes]) -> None:
        self._patterns = tuple(patterns)
        second, third, *_ = *patterns[1:], None, None
        self._first = patterns[0], second, third
        self._more = self._patterns[3:]

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence."""
        first, second, third = self._first
        # searches like `find` does, and is called in half the time; for so few a loop
        # would show
        if (
            data.replace(first, b"") is data
            and (second is None or data.replace(second, b"") is data)
            and (third is None or data.replace(third, b"") is data)
        ):
            return self._all(data) if self._more else []
        return self._all(data)

    def _all(self, data: bytes) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for index, pattern in enumerate(self._patterns):
            if data.replace(pattern, b"") is data:
                continue
            start = data.find(pattern)
            while start >= 0:
                found.append((start, index))
                if len(found) > MAX_HITS:
                    raise EngineError("too many matches in one text")
                start = data.find(pattern, start + 1)
        return found


class OnlyWith:
    """Asks an engine only about texts with a byte that all its patterns hold.

    Args:
        byte: The byte.
        engine: Who is asked.
    """

    def __init__(self, byte: int, engine: Engine) -> None:
        self.label = engine.label
        self._byte = byte
        self._engine = engine

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence."""
        return self._engine.hits(data) if self._byte in data else []
