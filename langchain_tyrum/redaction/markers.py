"""Markers: what stands where a value stood."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The marker that names nothing: for other people's values, and for what a guard
#: withholds because it could not look into it.
NAMELESS = "[REDACTED]"
#: Any marker. Names keep to an alphabet without brackets, quotes or white space; a
#: sealed one holds, behind a tilde that no name has, what its owner alone reads.
MARKER = re.compile(r"\[REDACTED(?::(?:([A-Za-z0-9_./@+-]{1,128})|~[A-Za-z0-9_-]+))?\]")
#: With what every marker begins.
MARKER_HEAD = b"[REDACTED"
#: With what a sealed marker begins.
SEALED_HEAD = b"[REDACTED:~"
SEALED_BYTES = re.compile(rb"\[REDACTED:~([A-Za-z0-9_-]+)\]")
MARKER_BYTES = re.compile(MARKER.pattern.encode())

_HEAD = MARKER_HEAD.decode() + ":"
#: Shorter values match as whole words only, and no part of a marker is one.
_LONG_PIECE = 8
_FRAME = "|".join(re.escape("[REDACTED"[at:]) for at in range(10))
_LONG_FRAME = "|".join(re.escape("[REDACTED"[at:]) for at in range(5))
_PIECE = re.compile(
    rf"(?:{_FRAME}):~[A-Za-z0-9_-]{{0,6}}"
    rf"|(?:{_LONG_FRAME}):(?:[A-Za-z0-9_./@+-]*\]?|~[A-Za-z0-9_-]*\]?)"
)
_STRANGE = re.compile(r"[^A-Za-z0-9_./@+-]+")


def marker(name: str | None = None) -> str:
    """Write the marker of a secret's name or a shape's kind.

    Args:
        name: The name; characters outside the marker alphabet become `_`.

    Returns:
        `[REDACTED:<name>]`, or `[REDACTED]` without a name.
    """
    safe = _STRANGE.sub("_", name or "")[:128]
    return f"[REDACTED:{safe}]" if safe else NAMELESS


def is_piece(text: str) -> bool:
    """Tell whether a text would be found in markers that nobody meant it for.

    It is part of what all markers have in common, with or without what follows that:
    a name, or the first characters of a sealed one, which are as good as random.
    """
    return (
        "[REDACTED" in text
        or (len(text) >= _LONG_PIECE and (text in NAMELESS or text in _HEAD))
        or _PIECE.fullmatch(text) is not None
    )


def contains_marker(obj: Any) -> bool:
    """Tell whether a marker stands anywhere in an object's strings."""
    return any(MARKER.search(text) for text in _texts(obj))


def _texts(obj: Any) -> Iterator[str]:
    stack, seen = [obj], set()
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, bytes | bytearray):
            yield node.decode("utf-8", "replace")
        elif id(node) not in seen:
            seen.add(id(node))
            stack.extend(_parts(node))


def _parts(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.keys()
        yield from node.values()
    elif isinstance(node, list | tuple | set | frozenset):
        yield from node
    elif isinstance(node, BaseException):
        yield from node.args
    elif not isinstance(node, type):
        yield from getattr(node, "__dict__", {}).values()
