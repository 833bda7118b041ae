"""Spans within one text, and findings within an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from langchain_tyrum.errors import RawSecretFound

if TYPE_CHECKING:
    from collections.abc import Iterable

REGISTERED = "registered"


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a raw value stands and which rule says so; never the value.

    Attributes:
        path: Where in the object, e.g. `messages[2].content`.
        name: The secret's name, the kind of shape, or "" for a foreign value.
        rule: `registered`, the kind of shape, or `withheld` where nothing could be
            told, so the text counts as a value.
        encoding: In which form the value stands, e.g. `raw` or `base64`.
        start: Offset into the string at `path`.
        end: Offset behind it.
    """

    path: str
    name: str
    rule: str
    encoding: str
    start: int
    end: int


class Span(NamedTuple):
    """A stretch of one text that must not be seen. `name` None: nobody's business."""

    start: int
    end: int
    name: str | None
    rule: str = REGISTERED
    encoding: str = "raw"

    @property
    def rank(self) -> tuple[int, bool, int, str]:
        """Who names the marker of overlapping spans: the longest, then the known."""
        return (
            self.end - self.start,
            self.rule == REGISTERED,
            -self.start,
            self.name or "",
        )


def merge(spans: Iterable[Span]) -> list[Span]:
    """Join overlapping spans to their union; touching ones stay apart.

    Args:
        spans: In any order.

    Returns:
        Disjoint spans in order, each named by the longest that went into it.
    """
    merged: list[Span] = []
    best: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1].end:
            best[-1] = max(best[-1], span, key=lambda each: each.rank)
            end = max(merged[-1].end, span.end)
            merged[-1] = best[-1]._replace(start=merged[-1].start, end=end)
        else:
            merged.append(span)
            best.append(span)
    return merged


def refuse_finding(finding: Finding, where: str) -> NoReturn:
    """Raise what says where a raw value stands, and by which rule."""
    path = ".".join(filter(None, (where, finding.path)))
    raise RawSecretFound(
        f"a raw value stands at {path or 'the top'!r} (rule {finding.rule}): pass its "
        "handle instead",
        path=path,
        rule=finding.rule,
    )
