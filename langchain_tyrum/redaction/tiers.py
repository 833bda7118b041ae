"""A tier: many forms compiled once, found by a 16-byte anchor and then verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.redaction.beginnings import Beginnings
from langchain_tyrum.redaction.engines import build_engines

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANCHOR = 16
_SKIP = 8
_HEAD = 4
_SHORT = 64
_MANY = 4096
_AWKWARD = frozenset(b"+/-_\0")


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


class Tier(Beginnings):
    """Forms that are looked for together. Immutable once built."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        super().__init__(forms)
        # most anchors have one form: no tuple for those, there are many
        anchors: dict[bytes, bytes | tuple[bytes, ...]] = {}
        for form in self.forms:
            start = _anchor(form)
            anchor = form[start : start + _ANCHOR]
            others = anchors.get(anchor)
            if others is None:
                anchors[anchor] = form
            else:
                others = (others,) if isinstance(others, bytes) else others
                anchors[anchor] = (*others, form)
        patterns, table = list(anchors), list(anchors.values())
        del anchors
        self._groups = [
            (engine, tuple(map(table.__getitem__, indexes)))
            for engine, indexes in build_engines(patterns)
        ]
        self.longest = max(map(len, self.forms), default=0)
        self._unfit = len(self.forms) > _MANY or any(
            len(form) < _HEAD for form in self.forms
        )

    def find(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return (start, form) of every occurrence of every form.

        Raises:
            EngineError: The engine failed or was flooded.
        """
        if len(data) <= _SHORT and not self._may_hold(data):
            return []
        found = []
        for engine, table in self._groups:
            for hit, index in engine.hits(data):
                forms = table[index]
                for form in (forms,) if isinstance(forms, bytes) else forms:
                    start = hit - _anchor(form)
                    if start >= 0 and data.startswith(form, start):
                        found.append((start, form))
        return found

    def _may_hold(self, data: bytes) -> bool:
        """Look at a short text without an engine: those let other threads go first.

        An id is looked at in no time; handing the interpreter over and waiting to
        get it back takes many times as long.
        """
        if self._unfit:
            return True
        slices = [data[at : at + _HEAD] for at in range(len(data))]
        return not self.heads.isdisjoint(slices)
