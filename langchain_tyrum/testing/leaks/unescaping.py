"""Escapes undone, so that a value is found however many of its letters are escaped."""

from __future__ import annotations

import re

# One pass for all of them, at any depth: %2541 is an escape of an escape.
_ESCAPES = re.compile(
    rb"%(?:25)*([0-9a-fA-F]{2})"
    rb"|\\+x([0-9a-fA-F]{2})"
    rb"|\\+u([0-9a-fA-F]{4})"
    rb"|&(?:amp;)*#[xX]0*([0-9a-fA-F]{1,6});"
    rb"|&(?:amp;)*#0*([0-9]{1,7});"
    rb"|(\0+|\xe2\x80[\x8b-\x8f]|\xe2\x81\xa0|\xef\xbb\xbf|\xc2\xad)"
)
_UNSEEN = frozenset({0, 0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF})
_LAST = 0x10FFFF


def unescaped(data: bytes) -> bytes:
    """Undo percent-encoding, HTML entities and backslash escapes; drop what is unseen.

    Args:
        data: What was read back.

    Returns:
        The text with every escape replaced by its character, and without zero-width
        characters and NUL.
    """
    return _ESCAPES.sub(_character, data)


def _character(match: re.Match[bytes]) -> bytes:
    percent, backslash, unicode, hexadecimal, decimal, _ = match.groups()
    if octet := percent or backslash:
        return bytes.fromhex(octet.decode()).replace(b"\0", b"")
    if digits := unicode or hexadecimal:
        return _encoded(int(digits, 16))
    return _encoded(int(decimal)) if decimal else b""


def _encoded(point: int) -> bytes:
    if point in _UNSEEN or point > _LAST:
        return b""
    return chr(point).encode("utf-8", "surrogatepass")
