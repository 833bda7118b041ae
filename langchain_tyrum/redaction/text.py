"""One text: what must not be seen in it, and the text without that."""

from __future__ import annotations

import logging
from bisect import bisect_right
from typing import TYPE_CHECKING, Literal

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.findings import REGISTERED, Span, merge
from langchain_tyrum.redaction.known import find_known, is_known
from langchain_tyrum.redaction.markers import (
    MARKER_BYTES,
    MARKER_HEAD,
    NAMELESS,
    SEALED_BYTES,
    SEALED_HEAD,
    marker,
)
from langchain_tyrum.redaction.neighbors import known_beside, with_neighbors

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.known import Sight
    from langchain_tyrum.redaction.registry import Registry
    from langchain_tyrum.redaction.shapes import Shapes

Mode = Literal["redact", "refuse", "observe"]
_PASSES = 6
_log = logging.getLogger(__name__)


class TextGuard:
    """Finds and replaces values in one text, for one pair of eyes.

    Args:
        registry: The known values.
        sight: Whose of them are covered and named.
        shapes: The detectors, compiled.
        mode: What happens to shapes; registered values are always replaced.
    """

    def __init__(
        self, registry: Registry, sight: Sight, shapes: Shapes, *, mode: Mode
    ) -> None:
        self.registry = registry
        self.sight = sight
        self.shapes = shapes
        self.mode = mode
        self._markers: tuple[int, dict[str, bytes]] = (-1, {})

    def spans(
        self,
        data: bytes,
        *,
        shapes: bool = True,
        anybody: bool = False,
        ascii_only: bool = False,
    ) -> list[Span]:
        """Return what must not be seen, merged and in order.

        Where shapes are observed, they are merged apart from what is registered.

        Args:
            data: The text in UTF-8.
            shapes: Whether to look for shapes too.
            anybody: Only tell, by one span over all, whether a value of anybody
                stands in the text: what is clean so is clean for all eyes.
            ascii_only: Whether the text is known to hold ASCII only.

        Raises:
            EngineError: The search failed: nothing of the text may be shown.
        """
        found: list[Span] = []
        if self.registry.count:
            if not anybody:
                found = find_known(
                    data, self.registry, self.sight, ascii_only=ascii_only
                )
                if found and MARKER_HEAD in data:
                    found = _around_markers(found, data)
            elif is_known(data, self.registry):
                found = [Span(0, len(data), None)]
        # a byte that texts hardly hold is looked for in a fraction of the time
        if (anybody or self.sight.seals) and 0x7E in data and SEALED_HEAD in data:
            seals = SEALED_BYTES.finditer(data)
            found += [Span(*seal.span(), None, encoding="sealed") for seal in seals]
        seen = self.shapes.find(data) if shapes and self.shapes.rows else []
        if found and seen and self.mode == "observe":
            # what stays as it is must not hide the value in it
            apart = [*merge(found), *merge(seen)]
            return sorted(apart, key=lambda span: (span.start, span.end))
        return merge([*found, *seen]) if found or seen else []

    def holds(self, data: bytes) -> bool:
        """Tell whether serialized data holds a registered value that is covered here.

        Raises:
            EngineError: The search failed.
        """
        registry = self.registry
        if not data or not registry.count:
            return False
        return bool(find_known(data, registry, self.sight))

    def redact(
        self, data: bytes, *, shapes: bool = True, ascii_only: bool = False
    ) -> bytes:
        """Return the text with markers in place of values; the same when clean.

        Never raises but in `refuse` mode: what cannot be searched is withheld.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        try:
            # what comes out must be clean by the same eyes, so they look again
            for _ in range(_PASSES):
                spans = self.covered(data, shapes=shapes, ascii_only=ascii_only)
                if not spans:
                    return data
                spans = self.with_neighbors(data, spans, shapes=shapes)
                data = self.splice(data, spans)
        except RawSecretFound:
            raise
        except Exception as error:
            _log.warning("a text was withheld: %s", type(error).__name__)
        return NAMELESS.encode()

    def with_neighbors(
        self, data: bytes, spans: list[Span], *, shapes: bool
    ) -> list[Span]:
        """Add what is found only once a marker stands before it."""

        def beside(window: bytes, before: int) -> list[Span]:
            found = known_beside(window, before, self.registry, self.sight)
            if shapes:
                found += self.shapes.find(window, before=before)
            return self._replaceable(found)

        return with_neighbors(data, spans, beside)

    def covered(
        self, data: bytes, *, shapes: bool = True, ascii_only: bool = False
    ) -> list[Span]:
        """Return the spans that get a marker, given the mode.

        Raises:
            EngineError: The search failed: nothing of the text may be shown.
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        spans = self.spans(data, shapes=shapes, ascii_only=ascii_only)
        return self._replaceable(spans) if spans else spans

    def _replaceable(self, spans: list[Span]) -> list[Span]:
        if self.mode == "redact" or not spans:
            return spans
        shaped = next((span for span in spans if span.rule != REGISTERED), None)
        if shaped is not None and self.mode == "refuse":
            raise RawSecretFound(
                f"a credential of kind {shaped.rule!r} stands in the text: "
                "pass its handle instead",
                rule=shaped.rule,
            )
        return [span for span in spans if span.rule == REGISTERED]

    def splice(
        self,
        data: bytes,
        spans: list[Span],
        *,
        seal: Callable[[bytes], bytes] | None = None,
    ) -> bytes:
        """Put markers in place of spans.

        Args:
            data: The text.
            spans: What must not be seen of it.
            seal: Makes the markers of all but what has a name here.
        """
        parts, done = [], 0
        for span in spans:
            start, end = whole_characters(data, span.start, span.end)
            start = max(start, done)
            named = span.name is not None and span.rule == REGISTERED
            if seal is None or named:
                mark = self.marker(span.name)
            else:
                mark = seal(data[start:end])
            parts += [data[done:start], mark]
            done = end
        return b"".join([*parts, data[done:]])

    def marker(self, name: str | None) -> bytes:
        """Write a span's marker; nameless when the name itself gives a value away."""
        if name is None:
            return NAMELESS.encode()
        generation, known = self._markers
        if generation != self.registry.generation:
            known = {}
            self._markers = (self.registry.generation, known)
        if name not in known:
            known[name] = self._safe_marker(name)
        return known[name]

    def _safe_marker(self, name: str) -> bytes:
        wanted = marker(name).encode()
        everyone = self.sight._replace(everyone=True)
        if self.registry.count and find_known(wanted, self.registry, everyone):
            return NAMELESS.encode()
        return NAMELESS.encode() if self.shapes.find(wanted) else wanted


def _around_markers(spans: list[Span], data: bytes) -> list[Span]:
    """Widen spans to the markers that they cut, so that none is left in pieces."""
    marks = [match.span() for match in MARKER_BYTES.finditer(data)]
    ends = [end for _, end in marks]
    wide = []
    for span in spans:
        start, end = span.start, span.end
        at = bisect_right(ends, start)
        while at < len(marks) and marks[at][0] < end:
            start, end = min(start, marks[at][0]), max(end, marks[at][1])
            at += 1
        wide.append(span._replace(start=start, end=end))
    return wide


def whole_characters(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a span to whole UTF-8 characters, which a binary value may cut."""
    while start > 0 and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end
