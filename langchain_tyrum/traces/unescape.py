"""JSON text as it reads, for rules that look at the characters around a token."""

from __future__ import annotations

import codecs
import contextlib
import re

#: Escapes that Python's own bytes do not have.
_OTHER = re.compile(rb"\\[u/]")
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}


def plain_text(data: bytes) -> bytes:
    """Undo JSON's escapes, so that a shape's boundaries stand where they stood.

    In JSON text a token after a line break follows the letter `n`, which hides it
    from every rule that asks for a word boundary.
    """
    if b"\\" not in data:
        return data
    if not _OTHER.search(data):
        with contextlib.suppress(ValueError):  # it is no JSON, or cut off
            plain, _ = codecs.escape_decode(data)
            return plain
    elif b"\\/" not in data:
        # Latin-1 there and back leaves all other bytes as they are.
        return data.decode("unicode_escape").encode("latin-1", "replace")
    return _ESCAPE.sub(_unescaped, data)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return _LETTERS.get(match[2], match[2])
    code = int(match[1], 16)
    return b"?" if 0xD800 <= code < 0xE000 else chr(code).encode()
