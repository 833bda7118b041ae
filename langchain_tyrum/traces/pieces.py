"""What one redactor found clean, known by its hash: most of a trace is seen again.

A run sends its whole history with every step. What was found clean once is known
by its fingerprint, so each step costs a scan of what is new, not of everything. Of
a history that only grew the whole beginning is known at once. Two pieces of one
fingerprint, keyed anew in each process, are not to be expected; nor can anyone aim
at one whose value they do not know.
"""

from __future__ import annotations

import secrets
import threading
import weakref
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

from langchain_tyrum.traces.unescape import plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from langchain_tyrum.redaction import Redactor

    Mark = bytes | int

#: Start a message in JSON: its fields, and LangChain's own form with its type before
#: them. Never part of a string, where quotes are escaped, so no string is cut in two.
_FIELDS, _TYPED = b'{"content":', b'{"lc":1,'
_NEAR = 256
#: What closes a message, or leads to the next; the last one has no next yet.
_CLOSING = frozenset(b"]},")
#: Bytes of the first message that tell one history from another, and how many
#: histories are told apart that begin with the same ones.
_HEAD, _ALIKE = 1024, 4
_MOST = 100_000
_SEED = secrets.randbits(64)
_mark: Callable[[bytes | memoryview], bytes] = partial(
    xxhash.xxh3_128_digest, seed=_SEED
)


class _History(NamedTuple):
    """The beginning of a conversation, so many bytes long, and its hash so far."""

    head: bytes
    length: int
    state: Any


class _Known:
    """What was clean since the last registration."""

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.marks: set[Mark] = set()
        self._histories: dict[bytes, tuple[tuple[int, bytes], ...]] = {}

    def __len__(self) -> int:
        return len(self.marks) + len(self._histories)

    def history(self, messages: memoryview) -> _History:
        """Return the longest known beginning of these messages that is clean."""
        head = _mark(messages[:_HEAD])
        for length, mark in self._histories.get(head, ()):
            if length <= len(messages):
                state = xxhash.xxh3_128(messages[:length], seed=_SEED)
                if state.digest() == mark:
                    return _History(head, length, state)
        return _History(head, 0, xxhash.xxh3_128(seed=_SEED))

    def grew(self, history: _History, messages: memoryview, to: int) -> None:
        """Remember a longer clean history in place of the one that it goes on from."""
        history.state.update(messages[history.length : to])
        alike = self._histories.get(history.head, ())
        others = [each for each in alike if each[0] != history.length]
        alike = ((to, history.state.digest()), *others)
        self._histories[history.head] = tuple(sorted(alike[:_ALIKE], reverse=True))


class CleanPieces:
    """The pieces of JSON, and the short texts, that one redactor found clean.

    Args:
        redactor: What found them clean; a registration forgets them all.
    """

    def __init__(self, redactor: Redactor) -> None:
        # Weak, since the redactor is the key that this is kept under.
        self._redactor = weakref.ref(redactor)
        self._lock = threading.Lock()
        self._known = _Known(-1)

    def __len__(self) -> int:
        return len(self._known)

    def text(self, text: str) -> str:
        """Return a short text redacted: names, tags and keys come again and again."""
        redactor, known = self._now()
        key = hash(text)
        if key in known.marks:
            return text
        clean = redactor.redact_text(text)
        if clean == text:
            with self._lock:
                known.marks.add(key)
        return clean

    def is_clean(self, data: bytes) -> bool:
        """Tell whether JSON bytes hold no value and no shape."""
        redactor, known = self._now()
        cut, first = _first_message(data)
        view = memoryview(data)
        messages = view[first:]
        history = known.history(messages)
        new: dict[Mark, memoryview] = {}
        for start, end in _stretches(data, cut, first, first + history.length):
            mark = _mark(view[start:end])
            if mark not in known.marks:
                new[mark] = view[start:end]
        if new:
            text = plain_text(_together(data, new.values()))
            if redactor.redact_bytes(text) != text:
                return False
        last = data.rfind(cut, first) - first
        with self._lock:
            known.marks.update(new)
            if last > max(history.length, _HEAD):
                known.grew(history, messages, last)
        return True

    def _now(self) -> tuple[Redactor, _Known]:
        redactor = self._redactor()
        if redactor is None:
            raise ReferenceError("the redactor of these pieces is gone")
        generation = redactor.generation
        with self._lock:
            if generation != self._known.generation or len(self._known) > _MOST:
                self._known = _Known(generation)
            return redactor, self._known


def _together(data: bytes, pieces: Collection[memoryview]) -> bytes:
    """Return pieces of a text in one; if they are nearly all of it, the text."""
    if 10 * sum(map(len, pieces)) > 9 * len(data):
        return data
    return b"\n".join(pieces)


def _first_message(data: bytes) -> tuple[bytes, int]:
    """Return what messages start with here, and where the first one starts."""
    first = data.find(_FIELDS)
    typed = data.rfind(_TYPED, max(0, first - _NEAR), max(0, first))
    return (_FIELDS, max(first, 0)) if typed < 0 else (_TYPED, typed)


def _stretches(
    data: bytes, cut: bytes, first: int, seen: int
) -> Iterator[tuple[int, int]]:
    """Yield where messages start and end, but for those of a history seen before."""
    if first:
        yield 0, first
    bounds = [seen]
    while (at := data.find(cut, bounds[-1] + 1)) >= 0:
        bounds.append(at)
    for start, end in pairwise([*bounds, len(data)]):
        close = end
        while close > start and data[close - 1] in _CLOSING:
            close -= 1
        yield start, close


def pieces_of(redactor: Redactor) -> CleanPieces:
    """Return what is known to be clean for this redactor."""
    found = _PIECES.get(redactor)
    if found is None:
        found = _PIECES.setdefault(redactor, CleanPieces(redactor))
    return found


_PIECES: weakref.WeakKeyDictionary[Any, CleanPieces] = weakref.WeakKeyDictionary()
