"""What shapes leave alone: markers, and handles, which are cut out of what is found."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from langchain_tyrum.handles import SCHEME
from langchain_tyrum.redaction.markers import MARKER_BYTES, MARKER_HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from langchain_tyrum.redaction.findings import Span
    from langchain_tyrum.redaction.shapes.rows import Match, Row

#: With what every handle begins.
HANDLE_HEAD = SCHEME.encode()
_SEGMENT = rb"(?:(?!tyrum://)[A-Za-z0-9_-])+"
#: A handle, up to one that is glued to it.
_HANDLE = re.compile(rb"tyrum://%b(?:/%b)*" % (_SEGMENT, _SEGMENT))
#: A handle that something is glued to, or what it begins with at the end of a text.
_GLUED = re.compile(rb"tyrum://(?<=[^\s\"'`]tyrum://)(?=[A-Za-z0-9_-])")
_BEGUN = re.compile(rb"(?<=[^\s\"'`])tyrum:/{0,2}\Z")
_BEGINNINGS = tuple(HANDLE_HEAD[:size] for size in range(len(HANDLE_HEAD), 0, -1))
_WORD = bytes.maketrans(b":/", b"__")
_APART = frozenset(b" \t\r\n\v\f\"'`")
_BLANK = frozenset(b" \t\r\n\v\f")
#: What stands behind so many handles in one credential is looked at.
_MOST = 4
#: With what another part of a text begins: a field, a parameter, an escaped line.
_OTHER = re.compile(rb"[][(){}<>,;?&\\]|\W*[A-Za-z_][\w.-]*(?:=|\(\S*\))")
_MIXED = tuple(map(re.compile, (rb"[a-z]", rb"[A-Z]", rb"[0-9]")))
_LEAST = 10
#: So much of what follows a credential may say whether it is one.
_REST = 1024


def folded(data: bytes) -> bytes:
    """Write handles that something is glued to as one word each, of the same length.

    A colon or a slash ends many a credential, also that of a handle behind it.
    """
    at = data.find(HANDLE_HEAD, 1)
    while at > 0 and data[at - 1] in _APART:
        at = data.find(HANDLE_HEAD, at + 1)
    return _GLUED.sub(_as_word, data) if at > 0 else data


def readings(data: bytes) -> list[bytes]:
    """List how a text with an open end is read: as it is, and with handles folded."""
    found = [data]
    if HANDLE_HEAD in data:
        found.append(folded(data))
    begun = _BEGUN.search(data, max(0, len(data) - len(HANDLE_HEAD)))
    if begun:  # it may become a handle, or not
        found.append(found[-1][: begun.start()] + _as_word(begun))
    return found


def handle_begins(data: bytes) -> int:
    """Return where a handle may begin at the end of a text; its length if nowhere."""
    begun = next((each for each in _BEGINNINGS if data.endswith(each)), b"")
    return len(data) - len(begun)


def _as_word(match: re.Match[bytes]) -> bytes:
    return match.group().translate(_WORD)


def _is_credible(piece: bytes) -> bool:
    """Tell whether what stands behind a handle is hardly prose, or another field."""
    piece = _HANDLE.sub(b"", piece)
    if len(piece) < _LEAST or _OTHER.match(piece) or not _BLANK.isdisjoint(piece):
        return False
    return all(each.search(piece) for each in _MIXED)


class Stretches(NamedTuple):
    """Disjoint stretches of a text, in order."""

    starts: list[int]
    ends: list[int]

    def between(self, start: int, end: int) -> range:
        """Return the indexes of those that overlap a stretch."""
        return range(bisect_right(self.ends, start), bisect_left(self.starts, end))


class Spared:
    """The markers and handles of one text. Looked for when needed.

    Args:
        data: The text.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._known: dict[bytes, Stretches] = {}

    def rest(self, row: Row, found: Iterable[Match], text: bytes) -> Iterator[Span]:
        """Yield what is to be hidden of what a row found.

        Nothing that overlaps a marker. Handles stay, and what is glued to them goes
        if it is a credential without them. A token that its prefix tells is one
        behind `tyrum://` too.

        Args:
            row: What was looked for.
            found: What it found.
            text: Where it did: in the text itself, or with handles folded.
        """
        for match in found:
            _, span = match
            markers = self._among(MARKER_HEAD, MARKER_BYTES)
            if markers.between(span.start, span.end):
                continue
            if row.group != 1 or not self.handles.between(span.start, span.end):
                yield span
            elif row.detector.finder is None:
                yield from self._beside(row, match, text)

    def around_handles(self, row: Row, found: Iterable[Match]) -> Iterator[Match]:
        """Leave out what holds no handle, so that folding one changes nothing of it."""
        if row.group == 1 and row.ends is None and row.detector.finder is None:
            for at, span in found:
                if self.handles.between(at, span.end):
                    yield at, span

    @property
    def handles(self) -> Stretches:
        """Where handles stand."""
        return self._among(HANDLE_HEAD, _HANDLE)

    def _beside(self, row: Row, match: Match, text: bytes) -> Iterator[Span]:
        """Yield what stands before the first handle, and behind it, as a credential.

        Where nothing before it is one, what stands behind has to look like one.
        """
        _, span = match
        starts, ends = self.handles
        among = self.handles.between(span.start, span.end)
        # a match that ends within a handle does not ask for what follows
        whole = ends[among[-1]] <= span.end
        rest = text[span.end : span.end + _REST] if whole else b" "
        among = among[:_MOST]
        lows = [span.start, *(ends[at] for at in among)]
        stops = [*(starts[at] for at in among), span.end]
        sure = False
        for low, high in zip(lows, stops, strict=True):
            first = low == span.start
            glued = low < high and text[high - 1 if first else low] not in _BLANK
            if glued and not first and not sure:
                glued = _is_credible(self.data[low:high])
            size = row.alone(text, match, text[low:high], rest) if glued else 0
            if size:
                sure = True
                yield span._replace(start=low, end=low + size)

    def _among(self, head: bytes, pattern: re.Pattern[bytes]) -> Stretches:
        found = self._known.get(head)
        if found is None:
            data, found = self.data, Stretches([], [])
            for match in pattern.finditer(data) if head in data else ():
                found.starts.append(match.start())
                found.ends.append(match.end())
            self._known[head] = found
        return found
