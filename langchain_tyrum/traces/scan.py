"""Looking for values in JSON without reading it: most of a trace is seen again.

A run sends its whole history with every step. What was found clean once is known
by its hash, so each step costs a scan of what is new, not of everything. Two pieces
of one 64-bit hash, keyed anew in each process, are not to be expected; nor can anyone
aim at one whose value they do not know.
"""

from __future__ import annotations

import json
import re
import threading
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor

#: Stands for a payload that could not be redacted.
WITHHELD = "[WITHHELD: redaction failed]"
#: Starts a message in JSON. Never part of a string, where quotes are escaped, so no
#: string is cut in two.
_CUT = b'{"content":'
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}
_MOST = 100_000


class CleanPieces:
    """The hashes of pieces of JSON that one redactor found clean.

    Args:
        redactor: What found them clean; a registration forgets them all.
    """

    def __init__(self, redactor: Redactor) -> None:
        # Weak, since the redactor is the key that this is kept under.
        self._redactor = weakref.ref(redactor)
        self._lock = threading.Lock()
        self._known: set[int] = set()
        self._generation = -1

    def __len__(self) -> int:
        return len(self._known)

    def text(self, text: str) -> str:
        """Return a short text redacted: names, tags and keys come again and again."""
        redactor, generation, known = self._now()
        key = hash(text)
        if key in known:
            return text
        clean = redactor.redact_text(text)
        if clean == text:
            self._learn({key}, generation)
        return clean

    def is_clean(self, data: bytes) -> bool:
        """Tell whether JSON bytes hold no value and no shape."""
        redactor, generation, known = self._now()
        pieces = {hash(piece): piece for piece in data.split(_CUT)}
        new = pieces.keys() - known
        if new:
            text = plain_text(b"\n".join(pieces[key] for key in new))
            if redactor.redact_bytes(text) != text:
                return False
            self._learn(new, generation)
        return True

    def _now(self) -> tuple[Redactor, int, set[int]]:
        redactor = self._redactor()
        if redactor is None:
            raise ReferenceError("the redactor of these pieces is gone")
        generation = redactor.generation
        with self._lock:
            if generation != self._generation or len(self._known) > _MOST:
                self._known, self._generation = set(), generation
            return redactor, generation, self._known

    def _learn(self, keys: set[int], generation: int) -> None:
        with self._lock:
            if generation == self._generation:
                self._known.update(keys)


def pieces_of(redactor: Redactor) -> CleanPieces:
    """Return what is known to be clean for this redactor."""
    found = _PIECES.get(redactor)
    if found is None:
        found = _PIECES.setdefault(redactor, CleanPieces(redactor))
    return found


_PIECES: weakref.WeakKeyDictionary[Any, CleanPieces] = weakref.WeakKeyDictionary()


def clean_json(data: bytes, redactor: Redactor, dumps: Callable[[Any], bytes]) -> bytes:
    """Return JSON bytes with every value and shape redacted; the same if clean.

    All of it is withheld when a value still stands in it after that.

    Args:
        data: What is to be sent.
        redactor: What to redact with.
        dumps: Writes what was redacted.
    """
    if pieces_of(redactor).is_clean(data):
        return data
    obj = json.loads(data)
    clean = redactor.redact(obj)
    sent = data if clean is obj else dumps(clean)
    # A value that only shows in the bytes, such as one that ends in a number.
    return json.dumps(WITHHELD).encode() if redactor.contains(sent) else sent


def plain_text(data: bytes) -> bytes:
    """Undo JSON's escapes, so that a shape's boundaries stand where they stood.

    In JSON text a token after a line break follows the letter `n`, which hides it
    from every rule that asks for a word boundary.
    """
    if b"\\" not in data:
        return data
    if b"\\/" not in data:
        # Latin-1 there and back leaves all other bytes as they are.
        return data.decode("unicode_escape").encode("latin-1", "replace")
    return _ESCAPE.sub(_unescaped, data)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return _LETTERS.get(match[2], match[2])
    code = int(match[1], 16)
    return b"?" if 0xD800 <= code < 0xE000 else chr(code).encode()
