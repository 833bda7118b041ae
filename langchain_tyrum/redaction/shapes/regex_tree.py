"""Regular expressions as trees, to derive two relatives of a detector's pattern.

`gate`: a superset without look-around, which Vectorscan can compile.
`opening`: matches where the pattern has begun to match and the text ends before the
outcome is known. A stream holds back from there.
"""

from __future__ import annotations

import functools
import re
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

_MANY = 64
_UNLIMITED = op.MAXREPEAT
_CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
_AT = {
    op.AT_BEGINNING: "^",
    op.AT_BEGINNING_STRING: r"\A",
    op.AT_BOUNDARY: r"\b",
    op.AT_NON_BOUNDARY: r"\B",
    op.AT_END: "$",
    op.AT_END_STRING: r"\Z",
}
_SCOPED = (("i", re.IGNORECASE), ("s", re.DOTALL))
_LOOKS_AHEAD = {op.AT_BOUNDARY, op.AT_NON_BOUNDARY, op.AT_END, op.AT_END_STRING}


class Unsupported(Exception):
    """The pattern uses something that has no such relative."""


class _Tree(NamedTuple):
    items: list[tuple[Any, Any]]
    flags: int


@functools.lru_cache(maxsize=8)
def parse(pattern: str) -> _Tree:
    """Parse a pattern as `re` would; the relatives of one are derived in a row."""
    parsed = _parser.parse(pattern)
    return _Tree(list(parsed), parsed.state.flags)


def gate(pattern: str) -> str:
    """Write the superset of a pattern that Vectorscan compiles.

    Raises:
        Unsupported: The pattern holds a construct that cannot be written so.
    """
    written = write(parse(pattern).items, gate=True)
    return flags(pattern) + gate_before(pattern) + written


def gate_before(pattern: str) -> str:
    """Write what must stand before a match: it may as well be matched."""
    items = parse(pattern).items
    if items and items[0][0] is op.ASSERT and items[0][1][0] < 0:
        return write(items[0][1][1], gate=True)
    return ""


def opening(pattern: str) -> str:
    """Write the pattern of undecided beginnings of `pattern` at the end of a text.

    Raises:
        Unsupported: The pattern holds a construct that cannot be written so.
    """
    return flags(pattern) + _opening(parse(pattern).items)


def flags(pattern: str) -> str:
    """Write the flags of a pattern."""
    found = parse(pattern).flags
    letters = "".join(
        letter for letter, flag in (*_SCOPED, ("m", re.MULTILINE)) if found & flag
    )
    return f"(?{letters})" if letters else ""


def _byte(code: int) -> str:
    return f"\\x{code:02x}"


def write(items: Any, *, gate: bool = False) -> str:
    """Write a tree as a pattern again, without groups; as a gate if asked to."""
    return "".join(_item(kind, value, gate=gate) for kind, value in items)


def _item(kind: Any, value: Any, *, gate: bool) -> str:
    if kind is op.LITERAL:
        return _byte(value)
    if kind is op.NOT_LITERAL:
        return f"[^{_byte(value)}]"
    if kind is op.ANY:
        return "."
    if kind is op.IN:
        return _set(value)
    if kind is op.BRANCH:
        return f"(?:{'|'.join(write(branch, gate=gate) for branch in value[1])})"
    if kind is op.SUBPATTERN:
        _, added, removed, inner = value
        return f"(?{_letters(added, removed)}:{write(inner, gate=gate)})"
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        low, high, inner = value
        return f"(?:{write(inner, gate=gate)}){_count(low, high, gate=gate)}"
    if kind is op.ATOMIC_GROUP:
        return f"(?:{write(value, gate=gate)})"
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return "" if gate else _look(kind, value)
    if kind is op.AT:
        return "" if gate else _AT[value]
    raise Unsupported(str(kind))


def _letters(added: int, removed: int) -> str:
    on, off = (
        "".join(letter for letter, flag in _SCOPED if flags & flag)
        for flags in (added, removed)
    )
    return on + (f"-{off}" if off else "")


def _set(members: Any) -> str:
    negated = members[0][0] is op.NEGATE
    parts = []
    for kind, value in members[1:] if negated else members:
        if kind is op.LITERAL:
            parts.append(_byte(value))
        elif kind is op.RANGE:
            parts.append(f"{_byte(value[0])}-{_byte(value[1])}")
        else:
            parts.append(_CATEGORIES[value])
    return f"[{'^' if negated else ''}{''.join(parts)}]"


def _count(low: int, high: Any, *, gate: bool) -> str:
    if high is _UNLIMITED or (gate and high > _MANY):
        return f"{{{low},}}"
    return f"{{{low},{high}}}"


def _look(kind: Any, value: tuple[int, Any]) -> str:
    direction, inner = value
    mark = "<" if direction < 0 else ""
    sign = "=" if kind is op.ASSERT else "!"
    return f"(?{mark}{sign}{write(inner)})"


def _opening(items: Any) -> str:
    """Build from the right: the end of text in this item, or past it in a later."""
    result = ""
    for kind, value in reversed(list(items)):
        here, through = _open_item(kind, value), _item(kind, value, gate=False)
        later = through + result if result else ""
        options = [option for option in (here, later) if option]
        result = f"(?:{'|'.join(options)})" if options else ""
    return result


def _open_item(kind: Any, value: Any) -> str:
    """Match where the text ends within one item; "" when it never does."""
    if kind in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
        return r"\Z"
    if kind is op.BRANCH:
        branches = [opens for branch in value[1] if (opens := _opening(branch))]
        return f"(?:{'|'.join(branches)})" if branches else ""
    if kind is op.SUBPATTERN:
        _, added, removed, inner = value
        opens = _opening(inner)
        return f"(?{_letters(added, removed)}:{opens})" if opens else ""
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
        _, high, inner = value
        before = "" if high is _UNLIMITED else high - 1
        return f"(?:{write(inner)}){{0,{before}}}{_opening(inner)}"
    if kind is op.ATOMIC_GROUP:
        return _opening(value)
    if kind in (op.ASSERT, op.ASSERT_NOT):
        direction, inner = value
        return _opening(inner) if direction > 0 else ""
    if kind is op.AT:
        return r"\Z" if value in _LOOKS_AHEAD else ""
    raise Unsupported(str(kind))
