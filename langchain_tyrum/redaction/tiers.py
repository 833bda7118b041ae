"""A tier: many forms compiled once, found by a 16-byte anchor and then verified."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.redaction.anchors import anchor, anchors, is_telling, pair_anchors
from langchain_tyrum.redaction.beginnings import Beginnings
from langchain_tyrum.redaction.engines import EngineError, build_engines
from langchain_tyrum.redaction.lazy import lazy
from langchain_tyrum.redaction.shapes.disguises import SHORT, looks_odd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_tyrum.redaction.anchors import Piece

_HEAD = 4
_BLANK = b" \t"
_MANY = 4096
#: Up to so many forms, traces of disguises cost less as anchors than as expressions.
_MOST_TRACED = 5 << 12
#: The form that a trace stands for.
TRACE = b""


class _Sharers:
    """Forms that share an anchor, as the tokens of one issuer do.

    They are told apart by looking up the text around a hit, once for each length
    that they have, not by comparing it with each of them.
    """

    __slots__ = ("_kinds", "longest")

    def __init__(self, forms: Iterable[bytes], *, wraps: bool) -> None:
        kinds: dict[tuple[int, int], set[bytes]] = {}
        for form in forms:
            start, _ = _pieces(form, wraps=wraps)[0]
            kinds.setdefault((start, len(form)), set()).add(form)
        self._kinds = tuple(
            (before, size, frozenset(each)) for (before, size), each in kinds.items()
        )
        self.longest = max(size for _, size, _ in self._kinds)

    def at(self, data: bytes, hit: int) -> Iterator[tuple[int, bytes]]:
        """Yield (start, form) of those that are found by this anchor."""
        for before, size, forms in self._kinds:
            start = hit - before
            if start >= 0 and (form := data[start : start + size]) in forms:
                yield start, form


def _pieces(form: bytes, *, wraps: bool) -> tuple[Piece, ...]:
    return anchors(form) if wraps else (anchor(form),)


def _add(found: dict[bytes, bytes | list[bytes]], text: bytes, form: bytes) -> None:
    others = found.setdefault(text, form)
    if isinstance(others, list):
        others.append(form)
    elif others != form:
        found[text] = [others, form]


def _is_near_wrap(data: bytes, hit: int, size: int) -> bool:
    """Tell whether what holds a piece of a form may be wrapped."""
    low = max(0, hit - size)
    while low and data[low - 1] in _BLANK:  # a line may be set in
        low -= 1
    around = data[max(0, low - 2) : hit + size]
    return b"\n" in around or b"\r" in around or b"\\" in around


class Tier(Beginnings):
    """Forms that are looked for together. Immutable once built.

    If there are few, disguises leave traces that the engine finds along with the
    forms; if there are many, a disguised text is to be told by its looks.

    Args:
        forms: What to look for.
        beside: How many forms other tiers look for.

    Attributes:
        longest: The length of the longest form.
        pairs: Whether hexadecimal forms whose pairs are set apart leave a trace.
        wraps: Whether forms that are wrapped do.
    """

    def __init__(self, forms: Iterable[bytes], *, beside: int = 0) -> None:
        super().__init__(forms)
        self.pairs = len(self.forms) + beside <= _MOST_TRACED
        found = self._anchored(wraps=True) if self.pairs else None
        self.wraps = found is not None
        if found is None:
            found = self._anchored(wraps=False) or {}
        patterns = list(found)
        table = [
            _Sharers(each, wraps=self.wraps) if isinstance(each, list) else each
            for each in found.values()
        ]
        del found
        self._groups = [
            (engine, tuple(map(table.__getitem__, indexes)))
            for engine, indexes in build_engines(patterns)
        ]
        # of what was found: the next text often holds the same
        self._cut: dict[bytes, tuple[Piece, ...]] = {}
        self.longest = max(map(len, self.forms), default=0)
        shortest = min(map(len, self.forms), default=0)
        #: In a short text, every so many places, a form shows one of its first bytes.
        self._step = min(_HEAD, shortest - _HEAD + 1)
        self._unfit = len(self.forms) > _MANY or self._step < 1

    def _anchored(self, *, wraps: bool) -> dict[bytes, bytes | list[bytes]] | None:
        """Return the forms by their anchors; None where wraps would leave no trace."""
        # most anchors have one form: no list for those, there are many
        found: dict[bytes, bytes | list[bytes]] = {}
        for form in self.forms:
            texts = [form[low:high] for low, high in _pieces(form, wraps=wraps)]
            pairs = pair_anchors(form, wraps=wraps) if self.pairs else ()
            if wraps and not (
                (len(texts) == 1 or all(map(is_telling, texts)))
                and all(map(is_telling, pairs[1:]))
            ):
                return None
            for text in texts:
                _add(found, text, form)
            for text in pairs:
                _add(found, text, TRACE)
        return found

    def find(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return (start, form) of every occurrence of every form.

        The form `TRACE` stands for what may be left of a disguised one.

        Raises:
            EngineError: The engine failed or was flooded.
        """
        if len(data) <= SHORT and not self._may_hold(data):
            return []
        try:
            return self._found(data)
        except EngineError:
            if not self.wraps:
                raise
        # half of a form may be an ordinary word, of which a text is full
        return [*self._untraced.find(data), (0, TRACE)]

    def _found(self, data: bytes) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for engine, table in self._groups:
            for hit, index in engine.hits(data):
                form = table[index]
                if isinstance(form, _Sharers):
                    found += form.at(data, hit)
                    if self.wraps and _is_near_wrap(data, hit, form.longest):
                        found.append((hit, TRACE))
                else:
                    found += self._at(data, hit, form)
        return found

    @lazy
    def _untraced(self) -> Tier:
        return Tier(self.forms, beside=_MOST_TRACED)

    def _at(self, data: bytes, hit: int, form: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the form whose anchor this is, or a trace where it is not all there."""
        pieces = self._cut.get(form)
        if pieces is None:
            pieces = self._cut[form] = _pieces(form, wraps=self.wraps)
        start = hit - pieces[0][0]
        if start >= 0 and data.startswith(form, start):
            yield start, form
        elif not self.wraps or not _is_near_wrap(data, hit, len(form)):
            return
        elif not any(
            low <= hit and data.startswith(form, hit - low) for low, _ in pieces[1:]
        ):
            yield hit, TRACE

    def _may_hold(self, data: bytes) -> bool:
        """Look at a short text without an engine: those let other threads go first.

        An id is looked at in no time; handing the interpreter over and waiting to
        get it back takes many times as long.
        """
        if self._unfit or looks_odd(data):
            return True
        pieces = [data[at : at + _HEAD] for at in range(0, len(data), self._step)]
        return not self._shown.isdisjoint(pieces)

    @lazy
    def _shown(self) -> frozenset[bytes]:
        return frozenset(
            form[at : at + _HEAD] for form in self.forms for at in range(self._step)
        )
