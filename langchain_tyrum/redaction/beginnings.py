"""What begins a form: a stream holds back text that may yet become one."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_HEAD = 4
#: Steps up to this length are sorted anew with what is added: they are sorted at once.
_SMALL = 1 << 11
_GROWTH = 16


class Beginnings:
    """Forms, by what they begin with. Immutable once built."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        self.forms = tuple(dict.fromkeys(forms))

    def __len__(self) -> int:
        return len(self.forms)

    def begins(self, text: bytes) -> bool:
        """Tell whether some form begins with `text` and goes on after it."""
        if text[:_HEAD] not in self.heads:
            return False
        forms = self._sorted
        at = bisect_right(forms, text)
        return at < len(forms) and forms[at].startswith(text)

    @lazy
    def _sorted(self) -> Sequence[bytes]:
        return sorted(self.forms)

    @lazy
    def heads(self) -> frozenset[bytes]:
        """The first one to four bytes of every form."""
        heads = found = {form[:_HEAD] for form in self.forms}
        for size in range(_HEAD - 1, 0, -1):
            heads = {head[:size] for head in heads}
            found |= heads
        return frozenset(found)

    def joined(self, other: Beginnings) -> Beginnings:
        """Return both in one: what was sorted is not sorted again."""
        made = Beginnings(sorted((*self._sorted, *other._sorted)))
        made.__dict__["_sorted"] = made.forms
        made.__dict__["heads"] = self.heads | other.heads
        return made


class Partition:
    """The forms of one tenant's service or user, sorted in a few steps.

    To add a few costs as much as the last, small step has; what was sorted before
    stays. Forms that are dropped are still waited for, until there are as many as
    others: a stream that waits for too much shows the same, a moment later.
    """

    def __init__(self, forms: Iterable[bytes] = ()) -> None:
        self._forms = list(forms)
        self._dropped = 0
        self._sorted: tuple[int, tuple[Beginnings, ...]] = (0, ())

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._forms)

    def add(self, forms: Iterable[bytes]) -> None:
        """Take in forms that were registered."""
        self._forms.extend(forms)

    def drop(self, count: int) -> bool:
        """Note that so many are registered no more; tell whether to leave them out."""
        self._dropped += count
        size = len(self._forms)
        return size <= _SMALL or 2 * self._dropped >= size

    def steps(self) -> tuple[Beginnings, ...]:
        """Return all that was added, sorted."""
        # others may add meanwhile: the list only grows
        size = len(self._forms)
        done, steps = self._sorted
        if done < size:
            steps = _with(steps, Beginnings(self._forms[done:size]))
            self._sorted = size, steps
        return steps


def _with(steps: tuple[Beginnings, ...], added: Beginnings) -> tuple[Beginnings, ...]:
    """Add a step to larger ones: few are left, as each costs a look of its own."""
    while steps and len(steps[-1]) <= max(_GROWTH * len(added), _SMALL):
        added = steps[-1].joined(added)
        steps = steps[:-1]
    return *steps, added
