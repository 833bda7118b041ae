"""Short texts that were found clean; config, ids and names repeat at each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

_MOST = 4096


class CleanTexts:
    """A bounded set of what was found clean since the last registration.

    It needs no lock: when threads meet, at worst one looks twice.
    """

    def __init__(self) -> None:
        self._known: tuple[Hashable, set[Hashable]] = (None, set())

    def __repr__(self) -> str:
        return f"CleanTexts({len(self._known[1])})"

    def known(self, generation: Hashable) -> set[Hashable]:
        """Return what needs no look."""
        at, known = self._known
        return known if at == generation else set()

    def unknown(self, generation: Hashable, texts: Iterable[Hashable]) -> set[Hashable]:
        """Return those of `texts` that must be looked at."""
        return set(texts) - self.known(generation)

    def add(self, generation: Hashable, texts: set[Hashable]) -> None:
        """Remember texts that were found clean.

        Args:
            generation: What it was before they were looked at; a value registered
                meanwhile makes them unknown again.
            texts: The texts.
        """
        at, known = self._known
        if at == generation and len(known) < _MOST:
            known.update(texts)
        else:
            self._known = generation, set(texts)
