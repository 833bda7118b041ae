"""The engine for up to 64 patterns: a SIMD prefilter in `ahocorasick_rs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ahocorasick_rs as ac

from langchain_tyrum.redaction.engines.base import MAX_HITS, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PAD_TO = 8
_NEVER = "\ufffe\uffff never in text \uffff\ufffe"


class AhoEngine:
    """Leftmost-longest first, since only that kind has the SIMD prefilter.

    It skips what overlaps an earlier match, so the surroundings of each match are
    looked at again, overlaps included.
    """

    label = "ahocorasick"

    def __init__(self, patterns: Sequence[bytes]) -> None:
        # two to seven patterns miss the prefilter, eight meet it
        pad = [f"{_NEVER}{i}".encode() for i in range(_PAD_TO - len(patterns))]
        padded = [*patterns, *pad]
        self._reach = max(map(len, patterns)) - 1
        self._first = ac.BytesAhoCorasick(padded, ac.MatchKind.LeftmostLongest)
        self._all = ac.BytesAhoCorasick(patterns, ac.MatchKind.Standard)

    def hits(self, data: bytes) -> list[tuple[int, int]]:
        """Return (start, index of the pattern) of every occurrence."""
        first = self._first.find_matches_as_indexes(data)
        if not first:
            return []
        found: list[tuple[int, int]] = []
        for low, high in self._windows(first, len(data)):
            window = data[low:high]
            for index, start, _ in self._all.find_matches_as_indexes(
                window, overlapping=True
            ):
                found.append((low + start, index))
            if len(found) > MAX_HITS:
                raise EngineError("too many matches in one text")
        return found

    def _windows(
        self, matches: list[tuple[int, int, int]], size: int
    ) -> Iterator[tuple[int, int]]:
        """Yield disjoint stretches that hold every occurrence whole.

        Each occurrence overlaps a leftmost-longest match, so it lies within
        `reach` of one; stretches that meet are joined, lest one be seen twice.
        """
        low, high = 0, 0
        for _, start, end in matches:
            if start - self._reach > high:
                if high:
                    yield low, high
                low = max(0, start - self._reach)
            high = min(size, end + self._reach)
        yield low, high
