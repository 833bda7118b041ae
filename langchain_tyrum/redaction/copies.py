"""Copies of a text in which escapes are undone and fillers taken out.

Some disguises cannot be listed as forms of a value, since there are too many: every
character escaped, in any mix; a NUL or a zero-width character anywhere; base64
wrapped at any column. Where a text shows traces of them, a copy without them is
searched too, and what is found there is mapped back.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

_HEX = rb"[0-9A-Fa-f]"
#: Escapes of any character, and of the ASCII ones that nobody has reason to escape.
_UNITS = {
    "unicode": (rb"\\+u" + _HEX + rb"{4}", rb"\\+u00[2-7]" + _HEX),
    "hex_escape": (rb"\\+x" + _HEX + rb"{2}", rb"\\+x[2-7]" + _HEX),
    "percent": (
        rb"%(?:25){0,3}" + _HEX + rb"{2}",
        rb"%(?:25){0,3}[2-7]" + _HEX,
    ),
    "entity": (
        rb"&#(?:[0-9]{1,7}|[xX]" + _HEX + rb"{1,6});",
        rb"&#(?:0{0,4}(?:[3-9][0-9]|1[0-2][0-9])|[xX]0{0,4}[2-7]" + _HEX + rb");",
    ),
}
_ZERO_WIDTH = rb"\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa4]|\xef\xbb\xbf|\xc2\xad"
_ESCAPED_FILLER = (
    rb"\\+u(?:200[b-fB-F]|206[0-4]|[fF][eE][fF][fF]|00[aA][dD]|0000)|\\+x00"
)
_WRAP = rb"(?:\\+[rn]|[\r\n])+[ \t]*"
_ALPHABET = rb"[A-Za-z0-9+/_-]"

#: What ends and begins a character of text, not a number in packed data.
_ENDS = rb"[\t\n\r\x20-\x7e\x80-\xbf]"
_BEGINS = rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xf4][\x80-\xbf])"

#: What must occur for a copy to differ, written for Vectorscan, by its kind.
ESCAPES = {name: rb"(?:" + plain + rb"){3}" for name, (_, plain) in _UNITS.items()}
FILLERS = {
    "nul": _ENDS + rb"\x00+" + _BEGINS,
    "zero_width": _ZERO_WIDTH,
    "escaped": _ESCAPED_FILLER,
    "line": _ALPHABET + rb"{16}[\\\r\n]",
    "wrap": _ALPHABET + rb"{60}[\\\r\n]",
    "colons": _HEX + rb"{2}(?:[:-]" + _HEX + rb"{2}){5}",
}
TRIGGERS = (
    *(each for name, each in FILLERS.items() if name != "line"),
    *ESCAPES.values(),
)


def _edits(run: bytes, colons: bytes) -> re.Pattern[bytes]:
    runs = [
        rb"(?P<" + name.encode() + rb">" + run % {b"any": unit, b"plain": plain} + rb")"
        for name, (unit, plain) in _UNITS.items()
    ]
    fillers = [
        rb"(?<=" + _ENDS + rb")\x00+(?=" + _BEGINS + rb")",
        _ZERO_WIDTH,
        _ESCAPED_FILLER,
        rb"(?<=" + _ALPHABET + rb"{60})" + _WRAP + rb"(?=[A-Za-z0-9+/_=-])",
    ]
    return re.compile(b"|".join([*runs, rb"(?P<colons>" + colons + rb")", *fillers]))


_RUN = rb"(?:%(any)s){0,8}?(?:%(plain)s){3}(?:%(any)s)*"
_PAIRS = rb"(?:" + _HEX + rb"{2}[:-])"
_COLONS = _PAIRS + rb"{5,}" + _HEX + rb"{2}"
#: What a whole text's copy undoes: runs with three needless escapes or more.
STRICT = _edits(_RUN, _COLONS)
#: The same for the open end of a stream, where a run may only just have begun.
LENIENT = _edits(
    _RUN + rb"|(?:%(any)s)+\Z", _PAIRS + rb"+" + _HEX + rb"{0,2}\Z|" + _COLONS
)
_UNIT = re.compile(b"|".join(unit for unit, _ in _UNITS.values()))
_COLON = re.compile(rb"[:-]")


class _Piece(NamedTuple):
    at: int
    source: int
    stop: int
    decoded: bool


class Copy:
    """A text without its disguises, and the way back to the original's offsets."""

    def __init__(self, data: bytes, edits: re.Pattern[bytes]) -> None:
        self._parts: list[bytes] = []
        self._pieces: list[_Piece] = []
        self._size = 0
        done = 0
        for match in edits.finditer(data):
            self._keep(data, done, match.start())
            self._edit(data, match)
            done = match.end()
        self._keep(data, done, len(data))
        self.data = b"".join(self._parts)
        self._ats = [piece.at for piece in self._pieces]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Map a span of the copy to the span of the original it stands for."""
        first, last = self._piece(start), self._piece(end - 1)
        low = first.source + (0 if first.decoded else start - first.at)
        high = last.stop if last.decoded else last.source + end - last.at
        return low, high

    def _piece(self, offset: int) -> _Piece:
        return self._pieces[bisect_right(self._ats, offset) - 1]

    def _keep(self, data: bytes, start: int, end: int) -> None:
        if start < end:
            self._add(data[start:end], start, end, decoded=False)

    def _add(self, part: bytes, source: int, stop: int, *, decoded: bool) -> None:
        self._pieces.append(_Piece(self._size, source, stop, decoded))
        self._parts.append(part)
        self._size += len(part)

    def _edit(self, data: bytes, match: re.Match[bytes]) -> None:
        if match.lastgroup is None:
            return
        if match.lastgroup == "colons":
            done = match.start()
            for colon in _COLON.finditer(data, match.start(), match.end()):
                self._keep(data, done, colon.start())
                done = colon.end()
            self._keep(data, done, match.end())
            return
        for unit in _UNIT.finditer(data, match.start(), match.end()):
            self._add(_decode(unit.group()), unit.start(), unit.end(), decoded=True)


def _decode(unit: bytes) -> bytes:
    if unit.startswith((b"%", b"\\")) and b"u" not in unit:
        return bytes([int(unit[-2:], 16)])
    digits = unit.strip(b"\\&#;").lstrip(b"uxX")
    code = int(digits, 10 if unit[2:3].isdigit() and unit[:1] == b"&" else 16)
    return chr(min(code, 0x10FFFF)).encode("utf-8", "surrogatepass")


def strict_copy(data: bytes) -> Copy | None:
    """Copy a text without its disguises; None when there are none."""
    return Copy(data, STRICT) if STRICT.search(data) else None
