"""Pieces of one growing text: which of them are certain to be no part of a value."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.chunk_words import FEW, PUBLIC
from langchain_tyrum.redaction.markers import MARKER

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.chunk_words import Words

#: What may be a whole value, such as a reason or the name of a model.
_WORD = re.compile(r"[\w.:/+=-]{4,256}")
_LONG = 1 << 14
_EDGE = 1 << 12


class Pieces:
    """One text in pieces, and how many of them may be shown as they are.

    Once something in it was redacted, pieces are told apart no more.

    Attributes:
        fed: How many pieces there are.
        sure: How many of them, from the first, hold no letter of a value.
        begun: How many letters of the next one are certain, too.
        odd: Whether something was redacted.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._stream = redactor.stream()
        self._open = ""
        self._ends: deque[int] = deque()
        self.fed = self.sure = self.begun = 0
        self.odd = False

    @property
    def waiting(self) -> int:
        """How many letters may be part of a value."""
        return len(self._open) - self.begun

    def feed(self, text: str) -> str:
        """Take a piece and return what is certain of the text, redacted."""
        self.fed += 1
        if not self.odd:
            self._open += text
            self._ends.append(len(self._open))
        return self._noted(self._stream.feed(text))

    def close(self) -> str:
        """Return what is left of the text, redacted."""
        return self._noted(self._stream.close())

    def _noted(self, out: str) -> str:
        if self.odd:
            return out
        if not self._open.startswith(out, self.begun):
            self.odd, self._open, self.begun = True, "", 0
            self._ends.clear()
            return out
        self.begun += len(out)
        done = 0
        while self._ends and self._ends[0] <= self.begun:
            done = self._ends.popleft()
            self.sure += 1
        if done:
            self._open, self.begun = self._open[done:], self.begun - done
            self._ends = deque(end - done for end in self._ends)
        return out


class Part:
    """A field of which nobody knows whether it grows or comes whole.

    It is held back like text, but piece by piece, so that a word is shown whole or
    not yet. A word that is public, or whose last letters begin no value but only what
    has a shape, is shown at once and remembered, so that it does not come out again.
    So is the marker of a value that may yet go on.

    Args:
        redactor: What to redact with.
        words: What is known of words.
    """

    def __init__(self, redactor: Redactor, words: Words) -> None:
        self._redactor = redactor
        self._words = words
        self._pieces = Pieces(redactor)
        # what is certain, but belongs to a piece that is not
        self._kept = ""
        # what was shown already and did not come out yet
        self._ahead = ""

    def feed(self, text: str) -> str:
        """Take a piece and return what may be shown now."""
        if len(text) > _LONG and self._words.whole(text) == text:
            inner = len(text) - _EDGE
            shown = self._fed(text[:_EDGE]) + self.close() + text[_EDGE:inner]
            self._pieces, self._ahead = Pieces(self._redactor), ""
            return shown + self._fed(text[inner:])
        return self._fed(text)

    def close(self) -> str:
        """Return what is left to show."""
        shown, self._kept = self._kept + self._pieces.close(), ""
        return self._behind(shown)

    def _fed(self, text: str) -> str:
        pieces = self._pieces
        is_new = not pieces.fed
        out = pieces.feed(text)
        self._kept += out
        at = max(len(self._kept) - pieces.begun, 0)
        shown, self._kept = self._behind(self._kept[:at]), self._kept[at:]
        if is_new and pieces.waiting:
            clean: str = self._words.whole(text)
            if clean.startswith(out) and MARKER.fullmatch(clean[len(out) :]):
                shown, self._ahead, self._kept = clean, clean[len(out) :], ""
                return shown
        if 0 < pieces.waiting < len(text) and self._is_word(text, pieces.waiting):
            hidden = len(self._kept) + pieces.waiting - len(self._ahead)
            if hidden == len(text):  # all before it was shown
                shown, self._ahead = shown + text, self._ahead + text
        return shown

    def _is_word(self, text: str, waiting: int) -> bool:
        """Tell whether a piece may well be a whole word, and a harmless one."""
        if text in PUBLIC:
            return True
        if waiting > FEW or not _WORD.fullmatch(text):
            return False
        return not self._words.may_begin(text[-waiting:])

    def _behind(self, out: str) -> str:
        """Leave out what was shown ahead."""
        ahead, same = self._ahead, 0
        if not out or not ahead:
            return out
        while same < min(len(ahead), len(out)) and ahead[same] == out[same]:
            same += 1
        if ahead.startswith("[") and same < len(ahead):
            same = 0
        self._ahead = ahead[same:] if same == len(out) else ""
        return out[same:]
