"""The forms that a stream waits for: those whose values are covered for its eyes."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.beginnings import Beginnings
    from langchain_tyrum.redaction.known import Sight
    from langchain_tyrum.redaction.registry import Registry

_HEAD = 4


class _Sizes(NamedTuple):
    longest: int
    tiny: tuple[bytes, ...]


class Awaited:
    """Forms by their first four bytes, as they are at one generation.

    Attributes:
        heads: The first one to four bytes of all forms.
        tiny: Forms shorter than that.
        longest: Length of the longest form.
    """

    def __init__(self, forms: Sequence[Beginnings]) -> None:
        self._forms = tuple(each for each in forms if len(each))
        sizes = [_sizes(each) for each in self._forms]
        self.heads = tuple(each.heads for each in self._forms)
        self.tiny = tuple(tiny for each in sizes for tiny in each.tiny)
        self.longest = max((each.longest for each in sizes), default=0)

    def __bool__(self) -> bool:
        return bool(self._forms)

    def begins(self, text: bytes, at: int) -> bool:
        """Tell whether some form begins with the rest of a text and goes on."""
        head = text[at : at + _HEAD]
        size = len(text) - at
        return size < self.longest and any(
            head in each.heads and each.begins(text[at:]) for each in self._forms
        )

    def starts(self, text: bytes) -> bool:
        """Tell whether some form may begin where a text begins."""
        head = text[:_HEAD]
        return any(head in each for each in self.heads)

    def first(self, text: bytes, low: int) -> int:
        """Return where the first form may have begun, or the length of the text."""
        for at in range(max(low, len(text) - self.longest + 1), len(text)):
            if self.begins(text, at):
                return at
        return len(text)


def awaited(registry: Registry, sight: Sight) -> Awaited:
    """List what is waited for: nobody's values that are not covered anyway.

    A stream that held back for them would tell them by how it stops.
    """
    if sight.everyone:
        return Awaited(registry.tiers())
    owners = dict.fromkeys((None, sight.user))
    parts = [registry.beginnings(sight.tenant, owner) for owner in owners]
    return Awaited([step for steps in parts for step in steps])


_known: weakref.WeakKeyDictionary[Beginnings, _Sizes] = weakref.WeakKeyDictionary()


def _sizes(forms: Beginnings) -> _Sizes:
    sizes = _known.get(forms)
    if sizes is None:
        longest = max(map(len, forms.forms), default=0)
        tiny = tuple(form for form in forms.forms if len(form) < _HEAD)
        sizes = _known[forms] = _Sizes(longest, tiny)
    return sizes
