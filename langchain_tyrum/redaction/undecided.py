"""Where the open end of a text stops being certain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.awaited import Awaited, awaited
from langchain_tyrum.redaction.markers import MARKER, MARKER_BYTES
from langchain_tyrum.redaction.shapes.regex_tree import opening
from langchain_tyrum.redaction.shapes.spared import HANDLE_HEAD, readings
from langchain_tyrum.redaction.undecided_disguises import RARE, Disguises
from langchain_tyrum.redaction.undecided_rows import openings

if TYPE_CHECKING:
    from langchain_tyrum.redaction.text import TextGuard

_OPEN_MARKER = re.compile(opening(MARKER.pattern).encode())
_OPEN_HANDLE = re.compile(rb"tyrum://[A-Za-z0-9_/-]*\Z")


class Lookout:
    """Finds the first byte from which a text may yet turn into a value.

    Attributes:
        openings: The rows to wait for; None where shapes stay as they are.
    """

    def __init__(self, guard: TextGuard) -> None:
        self._registry = guard.registry
        self._sight = guard.sight
        self._disguises = Disguises(guard.registry, guard.sight)
        self._awaited: tuple[int, Awaited] = (-1, Awaited(()))
        shaped = guard.mode != "observe"
        self.openings = openings(guard.shapes.rows) if shaped else None

    def awaited(self) -> Awaited:
        """Return the forms to wait for now."""
        generation = self._registry.generation
        if self._awaited[0] != generation:
            self._awaited = generation, awaited(self._registry, self._sight)
        return self._awaited[1]

    def undecided(self, text: bytes, done: int) -> int:
        """Return the first offset from `done` on that is not certain.

        Args:
            text: What is held, with some text before it.
            done: Where what is held begins.

        Returns:
            An offset; the length of the text when all of it is certain.
        """
        first = len(text)
        if self.openings is not None:
            openings = self.openings
            first = min(openings.first(each, done) for each in readings(text))
        forms = self.awaited()
        if forms and first > done:
            first = min(first, forms.first(text, done))
            if first > done and RARE.search(text, done):
                first = min(first, self._disguises.first(forms, text, done))
        return _whole(text, done, first)

    def stretches(self, text: bytes, done: int) -> list[tuple[int, int]]:
        """Return the stretches of a text that matches cover, disjoint and in order."""
        return [] if self.openings is None else self.openings.stretches(text, done)

    def swallows(self, text: bytes) -> re.Pattern[bytes] | None:
        """Return what ends the open-ended credential that a text begins with."""
        return self.openings.swallows(text) if self.openings is not None else None


def _whole(text: bytes, done: int, first: int) -> int:
    """Keep markers and handles in one piece."""
    handle = text.rfind(HANDLE_HEAD, done, first)
    if handle >= 0 and _OPEN_HANDLE.match(text, handle):
        first = handle
    bracket = text.rfind(b"[", done, first)
    if bracket >= 0 and _OPEN_MARKER.match(text, bracket):
        return bracket
    whole = MARKER_BYTES.match(text, bracket) if bracket >= 0 else None
    return bracket if whole and whole.end() > first else first
