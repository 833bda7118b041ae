"""One text: what must not be seen in it, and the text without that."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.copies import strict_copy
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
from langchain_tyrum.redaction.shapes.disguises import looks_disguised

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.known import Sight
    from langchain_tyrum.redaction.registry import Registry
    from langchain_tyrum.redaction.shapes import Shapes

Mode = Literal["redact", "refuse", "observe"]
_PASSES = 6
_WINDOW = 1 << 14
_BESIDE = 64
_JOINING = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
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
        self, data: bytes, *, shapes: bool = True, anybody: bool = False
    ) -> list[Span]:
        """Return what must not be seen, merged and in order.

        Args:
            data: The text in UTF-8.
            shapes: Whether to look for shapes too.
            anybody: Only tell, by one span over all, whether a value of anybody
                stands in the text: what is clean so is clean for all eyes.

        Raises:
            EngineError: The search failed: nothing of the text may be shown.
        """
        rows, disguised = self.shapes.signals(data, disguises=bool(self.registry))
        if anybody:
            hit = is_known(data, self.registry, disguised=disguised)
            found = [Span(0, len(data), None)] if hit else []
        else:
            found = self._known(data, disguised=disguised)
        if shapes and rows:
            found += self.shapes.find(data, rows)
        if (anybody or self.sight.seals) and SEALED_HEAD in data:
            seals = SEALED_BYTES.finditer(data)
            found += [Span(*seal.span(), None, encoding="sealed") for seal in seals]
        return merge(found) if found else found

    def holds(self, data: bytes) -> bool:
        """Tell whether serialized data holds a registered value that is covered here.

        Raises:
            EngineError: The search failed.
        """
        registry = self.registry
        if not data or not len(registry):
            return False
        disguised = looks_disguised(data)
        if not is_known(data, registry, disguised=disguised):
            return False
        return bool(self._known(data, disguised=disguised))

    def _known(self, data: bytes, *, disguised: bool) -> list[Span]:
        if not len(self.registry):
            return []
        copy = strict_copy(data) if disguised else None
        spans = find_known(data, self.registry, self.sight, copy=copy)
        if spans and MARKER_HEAD in data:
            return [_around_markers(span, data) for span in spans]
        return spans

    def redact(self, data: bytes, *, shapes: bool = True) -> bytes:
        """Return the text with markers in place of values; the same when clean.

        Never raises but in `refuse` mode: what cannot be searched is withheld.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        try:
            clean = self._settle(data, shapes=shapes)
        except RawSecretFound:
            raise
        except Exception as error:
            _log.warning("a text was withheld: %s", type(error).__name__)
            return NAMELESS.encode()
        return clean

    def _settle(self, data: bytes, *, shapes: bool) -> bytes:
        """Redact, and look again: what comes out must be clean by the same eyes."""
        for _ in range(_PASSES):
            spans = self.covered(data, shapes=shapes)
            if not spans:
                return data
            data = self.splice(data, self.with_neighbors(data, spans, shapes=shapes))
        return NAMELESS.encode()

    def with_neighbors(
        self, data: bytes, spans: list[Span], *, shapes: bool
    ) -> list[Span]:
        """Add what is found only once a marker stands before it.

        A token that follows a value without a gap begins nowhere, until the value
        is a marker.
        """
        at = 0
        while at < len(spans):
            end = spans[at].end
            at += 1
            if data[end : end + 1] not in _JOINING or end == len(data):
                continue
            window = NAMELESS.encode() + data[end : end + _WINDOW]
            shift = end - len(NAMELESS)
            beside = [
                span._replace(start=max(span.start + shift, end), end=span.end + shift)
                for span in self.covered(window, shapes=shapes)
                if span.start < len(NAMELESS) + _BESIDE and span.end > len(NAMELESS)
            ]
            spans = [*spans[:at], *merge([*spans[at:], *beside])]
        return spans

    def covered(self, data: bytes, *, shapes: bool = True) -> list[Span]:
        """Return the spans that get a marker, given the mode.

        Raises:
            EngineError: The search failed: nothing of the text may be shown.
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        return self._replaceable(self.spans(data, shapes=shapes))

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
        rows, _ = self.shapes.signals(wanted, disguises=False)
        if find_known(wanted, self.registry, everyone):
            return NAMELESS.encode()
        return NAMELESS.encode() if self.shapes.find(wanted, rows) else wanted


def _around_markers(span: Span, data: bytes) -> Span:
    """Widen a span to the markers it cuts, so that none is left in pieces."""
    for match in MARKER_BYTES.finditer(data):
        if match.start() < span.end and span.start < match.end():
            span = span._replace(
                start=min(span.start, match.start()), end=max(span.end, match.end())
            )
    return span


def whole_characters(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a span to whole UTF-8 characters, which a binary value may cut."""
    while start > 0 and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end
