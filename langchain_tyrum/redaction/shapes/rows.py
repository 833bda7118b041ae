"""A detector and what is derived from its pattern, each when it is first needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.findings import Span
from langchain_tyrum.redaction.lazy import lazy
from langchain_tyrum.redaction.shapes.heads import LONGEST, heads, occurrences
from langchain_tyrum.redaction.shapes.regex_tree import Unsupported, gate, opening
from langchain_tyrum.redaction.shapes.runs import Run, Runs, run_of
from langchain_tyrum.redaction.shapes.triggers import Trigger, trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction.detectors import Detector
    from langchain_tyrum.redaction.shapes.places import Places

#: Where a match begins, and the span of its credential.
Match = tuple[int, Span]
#: So much may have to stand before a match.
_AROUND = 64
#: That a longer one is a credential is told by so much of it.
_ENOUGH = 2048


class Row:
    """A detector, compiled as far as texts have asked for it.

    Args:
        detector: The row of data.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def derive(self) -> None:
        """Derive what every text asks for, while the pattern's tree is at hand."""
        _ = self.trigger, self.heads

    @lazy
    def regex(self) -> re.Pattern[bytes]:
        """The pattern; group 1, or all of a match, is the credential."""
        return re.compile(self.detector.pattern.encode())

    @lazy
    def group(self) -> int:
        """The group that is the credential."""
        return 1 if self.detector.finder else min(self.regex.groups, 1)

    @lazy
    def ends(self) -> re.Pattern[bytes] | None:
        """What ends a credential that swallows."""
        ends = self.detector.ends
        return re.compile(ends.encode()) if ends else None

    @lazy
    def heads(self) -> frozenset[bytes] | None:
        """The literals with which matches begin; None when they may begin anyhow."""
        if self.detector.finder:
            return None
        try:
            return heads(self.detector.pattern)
        except (Unsupported, re.error):
            return None

    @lazy
    def trigger(self) -> Trigger | None:
        """How matches begin, for Vectorscan; None when it cannot be derived."""
        if self.detector.finder:
            return None
        try:
            return trigger(self.detector.pattern)
        except (Unsupported, re.error):
            return None

    @lazy
    def run(self) -> Run | None:
        """The long run of characters with which matches end, if they do."""
        return run_of(self.detector.pattern)

    @lazy
    def gate(self) -> bytes | None:
        """A superset of the pattern, without look-around, for streams."""
        if self.detector.finder:
            return None
        try:
            return gate(self.detector.pattern).encode()
        except (Unsupported, re.error):
            return None

    @lazy
    def opening(self) -> re.Pattern[bytes] | None:
        """What matches undecided beginnings, for streams.

        None when it cannot be derived; then `max_length` bytes are held back.
        """
        if self.detector.finder:
            return None
        try:
            return re.compile(opening(self.detector.pattern).encode())
        except (Unsupported, re.error):
            return None

    def spans(self, data: bytes, places: Places | None = None) -> Iterator[Span]:
        """Yield the span of each credential in a text, overlaps included.

        Args:
            data: The text.
            places: Where matches may begin; anywhere when not given.
        """
        return (span for _, span in self.matches(data, places))

    def matches(self, data: bytes, places: Places | None = None) -> Iterator[Match]:
        """Yield where each match begins too.

        Args:
            data: The text.
            places: Where matches may begin; anywhere when not given.
        """
        kind = self.detector.kind
        if self.detector.finder is not None:
            for start, end, found in self.detector.finder(data):
                yield start, Span(start, end, found, found)
            return
        places = [(0, len(data))] if places is None else places
        search = self._found if self.ends is None else self._swallowed
        for at, (start, end) in search(data, places):
            if start < end:
                yield at, Span(start, end, kind, kind)

    def alone(self, data: bytes, match: Match, piece: bytes, rest: bytes) -> int:
        """Tell how much of a piece would be found in place of a credential.

        Args:
            data: The text.
            match: Where the credential was found in it.
            piece: Part of it.
            rest: What follows it.

        Returns:
            How many bytes; 0 where the piece is none.
        """
        at, span = match
        low = max(0, at - _AROUND)
        front = data[low : span.start]
        tail = piece + rest if len(piece) <= _ENOUGH else piece[:_ENOUGH]
        found = self.regex.match(front + tail, at - low)
        if found is None or found.start(self.group) != len(front):
            return 0
        size = found.end(self.group) - len(front)
        return len(piece) if size >= min(len(piece), _ENOUGH) else size

    def _found(
        self, data: bytes, places: Places
    ) -> Iterator[tuple[int, tuple[int, int]]]:
        if self.heads is None:
            match = self.regex.search(data, places[0][0])
            while match:
                yield match.start(), match.span(self.group)
                match = self.regex.search(data, match.start() + 1)
            return
        start, end, runs = 0, 0, None
        for at in self._begins(data, places):
            if start <= at < end and self.run is not None:
                runs = runs or Runs(self.run, data)
                span = runs.span(at)
            else:
                match = self.regex.match(data, at)
                span = match.span(self.group) if match else None
            if span is not None:
                yield at, span
                if span[1] > end:
                    start, end = span

    def _swallowed(
        self, data: bytes, places: Places
    ) -> Iterator[tuple[int, tuple[int, int]]]:
        done = 0
        for at in self._begins(data, places):
            match = self.regex.match(data, at)
            if match and self.ends is not None and match.end() > done:
                close = self.ends.search(data, match.end())
                done = close.end() if close else len(data)
                yield at, (match.start(self.group), done)

    def _begins(self, data: bytes, places: Places) -> Iterator[int]:
        """Yield where a match may begin."""
        literals = self.heads or frozenset()
        for low, high in places:
            lowered = data[low : high + LONGEST].lower()
            for at in occurrences(lowered, literals):
                if low + at >= high:
                    break
                yield low + at
