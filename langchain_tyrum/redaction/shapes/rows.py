"""A detector and what is derived from its pattern, each when it is first needed."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.findings import Span
from langchain_tyrum.redaction.shapes.heads import heads, occurrences
from langchain_tyrum.redaction.shapes.regex_tree import Unsupported, gate, opening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction.detectors import Detector


class Row:
    """A detector, compiled as far as texts have asked for it.

    Args:
        detector: The row of data.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector

    def derive(self) -> None:
        """Derive what every text asks for, while the pattern's tree is at hand."""
        _ = self.gate, self.heads

    @functools.cached_property
    def regex(self) -> re.Pattern[bytes]:
        """The pattern; group 1, or all of a match, is the credential."""
        return re.compile(self.detector.pattern.encode())

    @functools.cached_property
    def group(self) -> int:
        """The group that is the credential."""
        return 1 if self.detector.finder else min(self.regex.groups, 1)

    @functools.cached_property
    def ends(self) -> re.Pattern[bytes] | None:
        """What ends a credential that swallows."""
        ends = self.detector.ends
        return re.compile(ends.encode()) if ends else None

    @functools.cached_property
    def heads(self) -> frozenset[bytes] | None:
        """The literals with which matches begin; None when they may begin anyhow."""
        if self.detector.finder:
            return None
        try:
            return heads(self.detector.pattern)
        except (Unsupported, re.error):
            return None

    @functools.cached_property
    def gate(self) -> bytes | None:
        """A superset for Vectorscan; None when it cannot be derived."""
        if self.detector.finder:
            return None
        try:
            return gate(self.detector.pattern).encode()
        except (Unsupported, re.error):
            return None

    @functools.cached_property
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

    def spans(self, data: bytes, lowered: bytes) -> Iterator[Span]:
        """Yield the span of each credential in a text, overlaps included.

        Args:
            data: The text.
            lowered: The same, in lower case.
        """
        kind = self.detector.kind
        if self.detector.finder is not None:
            for start, end, found in self.detector.finder(data):
                yield Span(start, end, found, found)
            return
        done = 0
        for match in self._matches(data, lowered):
            start, end = match.span(self.group)
            if self.ends is not None:
                if match.end() <= done:  # within what was swallowed
                    continue
                close = self.ends.search(data, match.end())
                done = close.end() if close else len(data)
                yield Span(start, done, kind, kind)
            elif start < end:
                yield Span(start, end, kind, kind)

    def _matches(self, data: bytes, lowered: bytes) -> Iterator[re.Match[bytes]]:
        if self.heads is None:
            match = self.regex.search(data)
            while match:
                yield match
                match = self.regex.search(data, match.start() + 1)
            return
        for at in occurrences(lowered, self.heads):
            match = self.regex.match(data, at)
            if match:
                yield match
