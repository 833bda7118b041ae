"""A glance at a chunk: whether anything can have begun in it, told in no time."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.markers import MARKER_HEAD
from langchain_tyrum.redaction.undecided_disguises import (
    PAIRS,
    RARE,
    SEPARATORS,
    TRACE,
    WRAP,
)
from langchain_tyrum.redaction.undecided_rows import ends, opens

if TYPE_CHECKING:
    from langchain_tyrum.redaction.awaited import Awaited
    from langchain_tyrum.redaction.shapes import Row
    from langchain_tyrum.redaction.stream_cut import Before
    from langchain_tyrum.redaction.undecided import Lookout
    from langchain_tyrum.redaction.undecided_rows import Openings

#: Longer texts are cheaper to search with an engine.
_LARGE = 256
#: From here on, a credential and a handle behind it may be told apart.
_HANDLE = b"tyrum:"
_HEAD = 4
_LINE = 64
_NONE: frozenset[bytes] = frozenset()
#: Rows of which no match begins at a place as it is, what went before, and the place.
_Doubt = tuple[list["Row"], bytes, int]


class Glance:
    """Looks for beginnings only: no engine, no context but for what has begun.

    Beginnings are told by their first bytes, whatever stands before them. So what
    is passed here would be passed in any context.
    """

    def __init__(self, lookout: Lookout) -> None:
        self._lookout = lookout
        openings = lookout.openings
        self._openings = openings
        self._sure = openings is None or openings.sure
        self._begun = openings.heads if openings is not None else _NONE

    def first(self, held: bytes, before: Before) -> tuple[int, bool]:
        """Return where the first value may have begun.

        Args:
            held: What has not come out yet.
            before: What went before it.

        Returns:
            The offset, up to which all is certain, and whether there is more to
            look at; if not, what begins there is undecided and nothing but that.
        """
        awaited = self._lookout.awaited()
        if not self._sure or len(held) > _LARGE or _HANDLE in held:
            return 0, True
        rare = RARE.search(held) is not None or awaited.tiny
        if rare and self._shows(held, before.fed, awaited):
            return 0, True
        pairs = _last_pair(held) if rare else 0
        context = before.fed if before.fed is before.shown else None
        heads, begun = awaited.heads, self._begun
        known, more = (heads[0], heads[1:]) if heads else (_NONE, heads)
        lowered = held.lower()
        doubts: list[_Doubt] = []
        for at in range(len(held)):
            head = held[at : at + _HEAD]
            if head in known or (more and any(head in each for each in more)):
                if len(head) == _HEAD and not awaited.begins(held, at):
                    return at, True
            elif at < pairs and awaited.starts(held[at:].translate(None, SEPARATORS)):
                return at, True
            elif lowered[at : at + 3] not in begun:
                continue
            else:
                verdict = self._shape(held, lowered, at, context, doubts)
                if verdict is None:
                    continue
                if verdict:
                    return at, True
            return at, bool(doubts) and _lives(doubts, held, at)
        return len(held), False

    def _shows(self, held: bytes, before: bytes, awaited: Awaited) -> bool:
        """Tell whether a text shows traces of disguises, markers or tiny values."""
        if awaited.tiny and any(tiny in held for tiny in awaited.tiny):
            return True
        if b"[" in held and _marks(held):
            return True
        if not awaited:
            return False
        if TRACE.search(held):
            return True
        return (b"\n" in held or b"\r" in held or b"\\" in held) and bool(
            WRAP.search(before[-_LINE:] + held)
        )

    def _shape(
        self,
        held: bytes,
        lowered: bytes,
        at: int,
        context: bytes | None,
        doubts: list[_Doubt],
    ) -> bool | None:
        """Judge what may be the beginning of a shape.

        Returns:
            False when it is undecided, True when it needs a look, None when it is
            no beginning.
        """
        if self._openings is None:
            return None
        if len(lowered) - at <= _HEAD:
            rows, begun = _rows(self._openings, lowered[at:])
        else:
            rows, begun = self._openings.rows(lowered, at)
        if not rows:
            return False if begun else None
        if context is None:  # fed and shown differ: what opens here has two sides
            return True
        text, place = context + held, len(context) + at
        if begun or any(opens(row, text, place) for row in rows):
            return False
        if any(row.regex.match(text, place) for row in rows):
            return True
        doubts.append((rows, context, at))
        return None


@lru_cache(maxsize=4096)
def _rows(openings: Openings, tail: bytes) -> tuple[list[Row], bool]:
    """Tell once what begins with the same few letters at the end of a text."""
    return openings.rows(tail, 0)


def _lives(doubts: list[_Doubt], held: bytes, cut: int) -> bool:
    """Tell whether a match would end at a cut if what follows becomes a marker."""
    return any(
        ends(rows, context + held, len(context) + at, len(context) + cut)
        for rows, context, at in doubts
    )


def _last_pair(held: bytes) -> int:
    """Return where the last separator of digits stands, 0 where there is none."""
    if not PAIRS.search(held):
        return 0
    return max(held.rfind(b":"), held.rfind(b"-"))


def _marks(held: bytes) -> bool:
    """Tell whether a marker stands in a text, or begins at its end."""
    size = len(MARKER_HEAD)
    at = held.find(b"[")
    while at >= 0:
        if MARKER_HEAD.startswith(held[at : at + size]):
            return True
        at = held.find(b"[", at + 1)
    return False
