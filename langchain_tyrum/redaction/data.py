"""Byte strings: decoded, redacted, encoded again; never masked in place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_tyrum.redaction.text import TextGuard

_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_WIDE = ("utf-16-le", "utf-16-be")


def redact_data(guard: TextGuard, data: bytes) -> bytes:
    """Redact a byte string; the same object when it is clean.

    A marker in the middle of packed or compressed bytes would break them, or be
    read as data: where the bytes are no text, all of them are withheld.

    Args:
        guard: Finds and replaces values.
        data: Text in UTF-8 or UTF-16, or any other bytes.

    Returns:
        The same bytes, redacted text in the same encoding, or a marker.
    """
    clean = guard.redact(data)
    if clean == data:
        return data
    if not _CONTROL.search(data) and _is_utf8(data):
        return clean
    return _wide(guard, data) or guard.marker(_named(guard, data))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _wide(guard: TextGuard, data: bytes) -> bytes | None:
    for codec in _WIDE:
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        narrow = text.encode("utf-8", "surrogatepass")
        clean = guard.redact(narrow)
        if clean != narrow and not _CONTROL.search(narrow):
            return clean.decode("utf-8", "surrogatepass").encode(codec, "surrogatepass")
    return None


def _named(guard: TextGuard, data: bytes) -> str | None:
    try:
        spans = guard.spans(data)
    except Exception:
        return None
    return spans[0].name if spans else None
