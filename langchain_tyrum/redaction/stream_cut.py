"""Where what is held of a stream may be cut: nowhere within what belongs together."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.findings import REGISTERED
from langchain_tyrum.redaction.lazy import lazy
from langchain_tyrum.redaction.markers import MARKER_HEAD
from langchain_tyrum.redaction.shapes.spared import handle_begins

if TYPE_CHECKING:
    from langchain_tyrum.redaction.findings import Span
    from langchain_tyrum.redaction.registry import Registry
    from langchain_tyrum.redaction.undecided import Lookout

_JOINING = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_CHARACTER = 4


@dataclass(slots=True)
class Before:
    """The last of what went before, as it was fed and as it came out."""

    fed: bytes = b""
    shown: bytes = b""


class Cuts:
    """The cuts of one held text. What they have in common is looked for once.

    Args:
        registry: Who registered what.
        lookout: Knows where shapes match.
        spans: What was found in the text, in order.
        held: The text.
        before: What went before it.
    """

    def __init__(
        self,
        registry: Registry,
        lookout: Lookout,
        spans: list[Span],
        held: bytes,
        before: Before,
    ) -> None:
        self._registry = registry
        self._lookout = lookout
        self._spans = spans
        self._held = held
        self._before = before
        self._starts = [span.start for span in spans]

    def clear_of(self, cut: int) -> int:
        """Move a cut before the match of a span that is not certain yet."""
        cut, unsure = max(cut, 0), self._unsure
        if unsure is not None and unsure.end <= cut:
            cut = unsure.start
        while True:
            at = bisect_left(self._starts, cut) - 1
            if at >= 0 and self._goes_on(self._spans[at], cut):
                cut = self._spans[at].start
                continue
            begun = self._begun(cut) if at < len(self._spans) - 1 else cut
            if begun == cut:
                return before_open_character(self._held, cut)
            cut = begun

    def _goes_on(self, span: Span, cut: int) -> bool:
        """Tell whether a span reaches a cut and may go on, or meet a token there."""
        if span.end != cut:
            return span.end > cut
        return cut >= len(self._held) or self._held[cut] in _JOINING

    def _begun(self, cut: int) -> int:
        """Return where a match begins that ends behind a cut; else the cut."""
        done = len(self._before.fed)
        at = bisect_left(self._stretches, (done + cut, 0)) - 1
        if at >= 0 and self._stretches[at][1] > done + cut:
            return max(self._stretches[at][0] - done, 0)
        return cut

    @lazy
    def _stretches(self) -> list[tuple[int, int]]:
        fed = self._before.fed
        return self._lookout.stretches(fed + self._held, len(fed))

    @lazy
    def _unsure(self) -> Span | None:
        """The first span of which what follows may change what becomes of it.

        A marker, behind a short value, makes that no word; and it may turn out to be
        part of an identifier. A handle may begin in a shape, and stays.
        """
        registry = self._registry
        text, done = self._before.fed + self._held, len(self._before.fed)
        handle = handle_begins(text) - done
        for span in self._spans:
            if span.rule != REGISTERED and span.start < handle < span.end:
                return span
            after = self._held[span.end : span.end + len(MARKER_HEAD)]
            if registry.has_short and MARKER_HEAD.startswith(after):
                return span
            if _may_be_named(registry.structure, text, done + span.start):
                return span
        return None


def before_open_character(held: bytes, cut: int) -> int:
    """Move a cut before the character that it cuts, or that is not all there."""
    if cut < len(held):
        while cut and held[cut] & 0xC0 == 0x80:
            cut -= 1
        return cut
    for back in range(1, min(_CHARACTER, cut + 1)):
        lead = held[cut - back]
        if lead & 0xC0 != 0x80:
            wanted = 2 + (lead >= 0xE0) + (lead >= 0xF0) if lead >= 0xC0 else 1
            return cut - back if wanted > back else cut
    return cut


def _may_be_named(names: frozenset[bytes], text: bytes, start: int) -> bool:
    """Tell whether what begins at `start` may be part of an unfinished identifier."""
    size = len(text)
    return any(
        text.endswith(name[:known])
        for name in names
        for known in range(max(size - start, 1), min(len(name) - 1, size) + 1)
    )
