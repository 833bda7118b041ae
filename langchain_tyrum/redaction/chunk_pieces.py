"""Pieces of one growing text: which of them are certain to be no part of a value."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Protocol

from langchain_tyrum.redaction.chunk_words import FEW, PUBLIC
from langchain_tyrum.redaction.markers import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.chunk_words import Words

#: What may be a whole value, such as a reason or the name of a model.
_WORD = re.compile(r"[\w.:/+=-]{4,256}")
_LONG = 1 << 14
_EDGE = 1 << 12


class _Stream(Protocol):
    def feed(self, text: str, /) -> str: ...

    def close(self) -> str: ...


class Lasting:
    """A growing text that may go on after its end.

    Some providers send more after the chunk that they call the last one. What was
    shown by then stays, so what comes late is read behind it, and the rest of a value
    that it ends is not shown.

    Args:
        make: Makes the stream that the text goes through.
    """

    def __init__(self, make: Callable[[], _Stream]) -> None:
        self._make = make
        self._stream = make()
        self._last: list[str] = []
        self._size = 0
        self._is_over = False
        # what was shown at the end and would be shown otherwise now
        self._ahead = ""

    def feed(self, text: str) -> str:
        """Take a piece and return what may be shown now."""
        if self._is_over and text:
            self._go_on()
        self._last.append(text)
        self._size += len(text)
        if self._size > 2 * _LONG:
            self._last = ["".join(self._last)[-_LONG:]]
            self._size = _LONG
        return self._behind(self._stream.feed(text))

    def close(self) -> str:
        """Return what is left to show."""
        self._is_over = True
        return self._behind(self._stream.close())

    def _go_on(self) -> None:
        """Read the last of what was fed once more; all of it was shown."""
        last, alone = "".join(self._last), self._make()
        alone.feed(last)
        self._ahead = alone.close()
        self._stream, self._is_over = self._make(), False
        self._stream.feed(last)

    def _behind(self, out: str) -> str:
        """Leave out what was shown, and repeat a marker that is another now."""
        if not self._ahead or not out:
            return out
        same = _same(self._ahead, out)
        if same == len(out):
            self._ahead = self._ahead[same:]
            return ""
        head = out.rfind("[", 0, same)
        if same < len(self._ahead) and head >= 0 and "]" not in out[head:same]:
            same = head
        self._ahead = ""
        return out[same:]


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
        self._redactor = redactor
        self._stream = redactor.stream()
        self._open = self._left = ""
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
        self._left = self._open
        return self._noted(self._stream.close())

    def again(self) -> Pieces:
        """Return the text as it goes on after its end, behind what was left."""
        if self.odd:
            return self
        more = Pieces(self._redactor)
        if self._left:
            more.feed(self._left)
        return more

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
        ahead = self._ahead
        if not out or not ahead:
            return out
        same = _same(ahead, out)
        if ahead.startswith("[") and same < len(ahead):
            same = 0
        self._ahead = ahead[same:] if same == len(out) else ""
        return out[same:]


def _same(left: str, right: str) -> int:
    """Count the letters with which both begin."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(left), len(right)))
