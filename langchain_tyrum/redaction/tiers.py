"""A tier: many forms compiled once, found by a 16-byte anchor and then verified."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.beginnings import Beginnings
from langchain_tyrum.redaction.engines import build_engines
from langchain_tyrum.redaction.shapes.disguises import SHORT, looks_odd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ANCHOR = 16
_SKIP = 8
_HEAD = 4
_MANY = 4096
#: Up to so many forms, pairs of digits cost less as anchors than as an expression.
_MOST_PAIRED = 1 << 14
_AWKWARD = frozenset(b"+/-_\0")
_DIGITS = re.compile(rb"[0-9A-Fa-f]{12,}")
#: The form that a hit of a paired anchor stands for.
PAIRED = b""


def _anchor(form: bytes) -> int:
    """Choose where a form's anchor begins.

    Past the first bytes, which many tokens share, and without the bytes in which the
    two base64 alphabets differ, so that both alphabets share one anchor.
    """
    last = len(form) - _ANCHOR
    if last <= 0:
        return 0
    first = min(_SKIP, last)
    for start in range(first, min(last, first + _ANCHOR) + 1):
        if not _AWKWARD.intersection(form[start : start + _ANCHOR]):
            return start
    return first


def _paired(form: bytes) -> Iterator[bytes]:
    """Yield an anchor of a hexadecimal form whose pairs are set apart: `41:42:43`."""
    if not _DIGITS.fullmatch(form):
        return
    start = min(_SKIP, (len(form) - _ANCHOR // 3 * 2 - 2) & ~1)
    pairs = [form[at : at + 2] for at in range(start, start + 12, 2)]
    for mark in (b":", b"-"):
        yield mark.join(pairs)[:_ANCHOR]


class _Sharers:
    """Forms that share an anchor, as the tokens of one issuer do.

    They are told apart by looking up the text around a hit, once for each length
    that they have, not by comparing it with each of them.
    """

    __slots__ = ("_kinds",)

    def __init__(self, forms: Iterable[bytes]) -> None:
        kinds: dict[tuple[int, int], set[bytes]] = {}
        for form in forms:
            kinds.setdefault((_anchor(form), len(form)), set()).add(form)
        self._kinds = tuple(
            (before, size, frozenset(each)) for (before, size), each in kinds.items()
        )

    def at(self, data: bytes, hit: int) -> Iterator[tuple[int, bytes]]:
        """Yield (start, form) of those whose anchor this is."""
        for before, size, forms in self._kinds:
            start = hit - before
            if start >= 0 and (form := data[start : start + size]) in forms:
                yield start, form


class Tier(Beginnings):
    """Forms that are looked for together. Immutable once built.

    Attributes:
        longest: The length of the longest form.
        paired: Whether hexadecimal forms whose pairs are set apart leave a trace; if
            not, such a text is to be told by its looks.
    """

    def __init__(self, forms: Iterable[bytes]) -> None:
        super().__init__(forms)
        self.paired = len(self.forms) <= _MOST_PAIRED
        # most anchors have one form: no list for those, there are many
        anchors: dict[bytes, bytes | list[bytes]] = {}
        for anchor, form in self._anchored():
            others = anchors.setdefault(anchor, form)
            if isinstance(others, list):
                others.append(form)
            elif others != form:
                anchors[anchor] = [others, form]
        patterns = list(anchors)
        table = [
            _Sharers(each) if isinstance(each, list) else each
            for each in anchors.values()
        ]
        del anchors
        self._groups = [
            (engine, tuple(map(table.__getitem__, indexes)))
            for engine, indexes in build_engines(patterns)
        ]
        self.longest = max(map(len, self.forms), default=0)
        shortest = min(map(len, self.forms), default=0)
        #: In a short text, every so many places, a form shows one of its first pieces.
        self._step = min(_HEAD, shortest - _HEAD + 1)
        self._unfit = len(self.forms) > _MANY or self._step < 1

    def _anchored(self) -> Iterator[tuple[bytes, bytes]]:
        for form in self.forms:
            start = _anchor(form)
            yield form[start : start + _ANCHOR], form
        if self.paired:
            for form in self.forms:
                for anchor in _paired(form):
                    yield anchor, PAIRED

    def find(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return (start, form) of every occurrence of every form.

        The form `PAIRED` stands for a trace of one whose pairs are set apart.

        Raises:
            EngineError: The engine failed or was flooded.
        """
        if len(data) <= SHORT and not self._may_hold(data):
            return []
        found: list[tuple[int, bytes]] = []
        for engine, table in self._groups:
            for hit, index in engine.hits(data):
                form = table[index]
                if isinstance(form, _Sharers):
                    found += form.at(data, hit)
                    continue
                start = hit - _anchor(form)
                if start >= 0 and data.startswith(form, start):
                    found.append((start, form))
        return found

    def _may_hold(self, data: bytes) -> bool:
        """Look at a short text without an engine: those let other threads go first.

        An id is looked at in no time; handing the interpreter over and waiting to
        get it back takes many times as long.
        """
        if self._unfit or looks_odd(data):
            return True
        pieces = [data[at : at + _HEAD] for at in range(0, len(data), self._step)]
        return not self._pieces.isdisjoint(pieces)

    @cached_property
    def _pieces(self) -> frozenset[bytes]:
        return frozenset(
            form[at : at + _HEAD] for form in self.forms for at in range(self._step)
        )
