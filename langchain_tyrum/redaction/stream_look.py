"""What is certain of the held end of a stream: the whole look at it.

It does what redacting a whole text does, pass by pass, on what is held and with the
last of what went before as context. How that was fed counts in the first pass, how
it came out in those after it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.findings import REGISTERED, Span, merge
from langchain_tyrum.redaction.stream_cut import Cuts
from langchain_tyrum.redaction.text import whole_characters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction.stream_cut import Before
    from langchain_tyrum.redaction.text import TextGuard
    from langchain_tyrum.redaction.undecided import Lookout

_PASSES = 6
_GLUED = 4


class Looker:
    """Finds what is certain of what is held."""

    def __init__(self, guard: TextGuard, lookout: Lookout) -> None:
        self._guard = guard
        self._lookout = lookout

    def look(
        self, held: bytes, before: Before, *, final: bool = False
    ) -> tuple[list[Span], int]:
        """Find the spans in what is held, and up to where that is certain.

        Args:
            held: What has not come out yet.
            before: What went before it.
            final: Whether nothing follows.

        Returns:
            Spans that end before or at the cut, and the cut.

        Raises:
            EngineError: The search failed: nothing of what is held may be shown.
            RawSecretFound: A shape is certain and the mode is `refuse`.
        """
        spans = self._spans(before.fed, held)
        same = not spans and before.fed == before.shown
        if not same:
            spans = self._settled(spans, held, before.shown)
        if final:
            cut = len(held)
        else:
            cuts = Cuts(self._guard.registry, self._lookout, spans, held, before)
            cut = cuts.clear_of(self._undecided(before.fed, held))
            if not same:
                cut = self._certain(spans, held, cut, cuts, before=before)
            cut = self._clear_of_edge(spans, held, cut, cuts, before=before)
        certain = [span for span in spans if span.end <= cut]
        if self._guard.mode == "refuse" and any(
            span.rule != REGISTERED for span in certain
        ):
            self._guard.covered(before.fed + held[:cut])
        return certain, cut

    def _certain(
        self, spans: list[Span], held: bytes, cut: int, cuts: Cuts, *, before: Before
    ) -> int:
        """Move a cut before what may yet begin beside the markers that come out."""
        while True:
            certain = [span for span in spans if span.end <= cut]
            begun = min(
                shown.source(self._undecided(before.shown, shown.text))
                for shown in self._sides(certain, held)
            )
            if begun >= cut:
                return cut
            cut = cuts.clear_of(begun)

    def _sides(self, spans: list[Span], held: bytes) -> Iterator[_Shown]:
        """Write out a text, also with the last spans raw that follow another one.

        Such a token begins beside the marker only, and may not have ended yet.
        """
        yield _Shown(self._guard, held, spans)
        for at in range(len(spans) - 1, max(len(spans) - 1 - _GLUED, -1), -1):
            if spans[at].start == (spans[at - 1].end if at else 0):
                yield _Shown(self._guard, held, spans[:at])

    def _clear_of_edge(
        self, spans: list[Span], held: bytes, cut: int, cuts: Cuts, *, before: Before
    ) -> int:
        """Move a cut before a match that ends there if what follows is a value.

        Some tokens are none while letters follow them; a marker is no letter.
        """
        openings = self._lookout.openings
        ends, count = [span.end for span in spans], -1
        while openings and 0 < cut < len(held):
            if count != (count := bisect_right(ends, cut)):
                shown = _Shown(self._guard, held, spans[:count])
                done = len(before.shown)
                endings = openings.endings(before.shown + shown.text, done)
            end = done + len(shown.text) - (len(held) - cut)
            begun = endings.before(end)
            if begun == end:
                break
            cut = cuts.clear_of(shown.source(max(begun - done, 0)))
        return cut

    def _undecided(self, context: bytes, held: bytes) -> int:
        done = len(context)
        return self._lookout.undecided(context + held, done) - done

    def _spans(self, context: bytes, held: bytes) -> list[Span]:
        """Find the spans of one pass; what reaches into the context is cut off."""
        text, done = context + held, len(context)
        guard = self._guard
        refuses = guard.mode == "refuse"
        found = guard.spans(text) if refuses else guard.covered(text)
        found = [span for span in found if span.end > done]
        if found and not refuses:
            found = guard.with_neighbors(text, found, shapes=True)
        return [
            _whole(
                held,
                span._replace(start=max(span.start - done, 0), end=span.end - done),
            )
            for span in found
        ]

    def _settled(self, spans: list[Span], held: bytes, before: bytes) -> list[Span]:
        """Look again at what came out, until nothing is found in it."""
        for _ in range(_PASSES - 1):
            shown = _Shown(self._guard, held, spans)
            more = self._spans(before, shown.text)
            if not more:
                return spans
            spans = merge([*spans, *map(shown.origin, more)])
        return [Span(0, len(held), None)]


class _Shown:
    """How a text comes out, and where each place of that comes from."""

    def __init__(self, guard: TextGuard, held: bytes, spans: list[Span]) -> None:
        parts, self._edges, done, size = [], [(0, 0, False)], 0, 0
        for span in spans:
            marker = guard.marker(span.name)
            size += span.start - done
            self._edges += [
                (size, span.start, True),
                (size + len(marker), span.end, False),
            ]
            parts += [held[done : span.start], marker]
            size += len(marker)
            done = span.end
        self.text = b"".join([*parts, held[done:]])
        self._ats = [edge[0] for edge in self._edges]

    def source(self, at: int) -> int:
        """Return where a place comes from; within a marker, where that begins."""
        out, source, marked = self._edges[bisect_right(self._ats, at) - 1]
        return source if marked else source + at - out

    def origin(self, span: Span) -> Span:
        """Return the span of the text that became a span of what came out."""
        after = bisect_right(self._ats, span.end - 1)
        if self._edges[after - 1][2]:
            end = self._edges[after][1]
        else:
            end = self.source(span.end - 1) + 1
        return span._replace(start=self.source(span.start), end=end)


def _whole(held: bytes, span: Span) -> Span:
    start, end = whole_characters(held, span.start, span.end)
    return span._replace(start=start, end=end)
