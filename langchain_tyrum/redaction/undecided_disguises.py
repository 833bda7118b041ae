"""Disguised values that have begun at the open end of a text."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.copies import FILLERS, LENIENT, STRICT, Copy
from langchain_tyrum.redaction.known import find_known

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction.awaited import Awaited
    from langchain_tyrum.redaction.known import Sight
    from langchain_tyrum.redaction.registry import Registry

_HEX = rb"[0-9A-Fa-f]"
_ALPHABET = rb"[A-Za-z0-9+/_-]"
#: Bytes without which a text shows no trace of a disguise; most chunks have none.
RARE = re.compile(rb"[\\%&\x00\xc2\xe2\xef:\r\n\[-]")
#: What disguises show of themselves, also ones that have only begun.
TRACE = re.compile(
    rb"\\(?:[\\ux]|\Z)|%(?:" + _HEX + rb"|\Z)|&(?:#|\Z)|\x00|"
    rb"\xe2(?:\x80(?:[\x8b-\x8f\xaa-\xae]|\Z)|\x81(?:[\xa0-\xa4]|\Z)|\Z)|"
    rb"\xef(?:\xbb(?:\xbf|\Z)|\Z)|\xc2(?:\xad|\Z)"
)
#: Digits that are set apart by pairs.
PAIRS = re.compile(_HEX + rb"{2}[:-]")
SEPARATORS = b":-"
#: A line that may be one of wrapped base64; what is before it counts too.
WRAP = re.compile(rb"(?<=" + _ALPHABET + rb"{60})(?:[\r\n]|\\[rn])")
#: What may be the beginning of an escape at the end of a text ...
_ESCAPE = re.compile(
    rb"(?:\\+(?:u" + _HEX + rb"{0,3}|x" + _HEX + rb"?)?|"
    rb"%(?:25){0,3}(?:2|"
    + _HEX
    + rb")?|&(?:#(?:[0-9]{0,7}|[xX]"
    + _HEX
    + rb"{0,6}))?)\Z"
)
# ... or of a filler, which begins nothing and may be followed by the rest of a value.
_FILLER = re.compile(
    rb"(?:(?<=" + _ALPHABET + rb"{60})(?:\\+[rn]|[\r\n])+[ \t]*|\x00+|"
    rb"(?<=" + _HEX + rb"{2})[:-]|[\xc2\xe2\xef]|\xe2[\x80\x81]|\xef\xbb)\Z"
)
# an escaped filler alone is no character
_OPEN = re.compile(FILLERS["escaped"] + rb"|" + LENIENT.pattern)
_REACH = 64
_BEFORE = 80
_WIDEST = 16
_LEAST = 1 << 12


class Disguises:
    """Looks at the open end of a text with escapes undone and fillers taken out."""

    def __init__(self, registry: Registry, sight: Sight) -> None:
        self._registry = registry
        self._sight = sight

    def first(self, awaited: Awaited, text: bytes, done: int) -> int:
        """Return where the first disguised value may have begun.

        Args:
            awaited: The forms that are waited for.
            text: What is held, with some text before it.
            done: Where what is held begins.

        Returns:
            An offset; the length of the text when nothing has begun.
        """
        low = max(done, len(text) - max(_LEAST, awaited.longest * _WIDEST))
        end, first = _whole_end(text, low)
        low = max(0, low - _BEFORE)
        part, room = text[low:end], end - done
        copy = Copy(part, _OPEN)
        copies = [copy]
        if copy.data != part:  # a run that stays short is meant as it stands
            copies.append(Copy(part, STRICT))
        for each in copies:
            for place in _begun(awaited, each, room):
                if low + place >= done:
                    first = min(first, low + place)
                    break
        return min(first, max(done, self._open_run(copy, text, low, end)))

    def _open_run(self, copy: Copy, text: bytes, low: int, end: int) -> int:
        """Find a value that ends in a run of escapes that may still grow.

        A run is undone from three escapes on: a value may be whole before that.
        """
        runs = deque(_OPEN.finditer(text, low, end), maxlen=1)
        run = runs[0] if runs else None
        if run is None or run.end() != end or run.lastgroup is None:
            return len(text)
        spans = find_known(copy.data, self._registry, self._sight)
        places = (copy.original(span.start, span.end) for span in spans)
        starts = (low + place[0] for place in places if low + place[1] > run.start())
        return min(starts, default=len(text))


def _begun(awaited: Awaited, copy: Copy, room: int) -> Iterator[int]:
    """Yield where forms may have begun in a text of which there is a copy."""
    size = len(copy.data)
    for at in range(max(0, size - room), size):
        if awaited.begins(copy.data, at):
            yield copy.original(at, at + 1)[0]


def _whole_end(text: bytes, low: int) -> tuple[int, int]:
    """Return where the last whole unit ends, and where an open escape begins."""
    end, first = len(text), len(text)
    while end > low:
        since = max(low, end - _REACH)
        escape = _ESCAPE.search(text, since, end)
        begun = escape or _FILLER.search(text, since, end)
        if begun is None:
            break
        end = begun.start()
        if escape is not None:
            first = end
    return end, first
