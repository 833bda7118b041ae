"""Triggers: how matches of a pattern begin, for Vectorscan to look for.

Every match of the pattern begins with a match of its trigger, which needs no
look-around and ends as early as it tells the pattern from ordinary text. So a row is
tried only where its trigger ends, instead of all over the text.
"""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from langchain_tyrum.redaction.shapes.regex_tree import flags, gate_before, parse, write

#: A credential of so many characters is rare enough without what it must hold.
_RARE = 16
#: Nothing longer is counted: to count costs more than to look once more.
_COUNTED = 20
_LOOSE = 8
#: No engine counts much farther.
_MOST = 512
_STRETCH = 80
_TELLING = 4
_ENDLESS = 1 << 30
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_ASSERTS = (op.ASSERT, op.ASSERT_NOT, op.AT)
_ONE = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
_Items = list[tuple[Any, Any]]


class Trigger(NamedTuple):
    """What Vectorscan looks for, and how far before its end a match begins at most."""

    expression: bytes
    reach: int


def trigger(pattern: str) -> Trigger:
    """Derive the trigger of a pattern.

    Args:
        pattern: The regular expression.

    Raises:
        Unsupported: The pattern holds a construct that has no such relative.
    """
    items = _trimmed(_begin(list(parse(pattern).items))[0])
    written = write(_simple(items), gate=True)
    expression = flags(pattern) + gate_before(pattern) + written
    return Trigger(expression.encode(), _width(items)[1])


def _begin(items: _Items, before: int = 0) -> tuple[_Items, bool]:
    """Leave out what is around, and end with what a short credential must hold.

    Or before what may be any stretch of text: to look past it is no engine's work.

    Args:
        items: What to begin with.
        before: The least length of what stands before them.

    Returns:
        The items, and whether they end before the pattern does.
    """
    begun: _Items = []
    for index, (kind, value) in enumerate(items):
        if kind in _ASSERTS:
            rest = [item for item in items[index + 1 :] if item[0] not in _ASSERTS]
            if _must_hold(kind, value, rest):
                return begun + list(value[1]), True
            continue
        least = before + _width(begun)[0]
        parts, is_cut = _cut(kind, value, least)
        if is_cut and least + _width(parts)[0] >= _TELLING:
            return begun + parts, True
        begun.append((kind, value))
    return begun, False


def _must_hold(kind: Any, value: Any, rest: _Items) -> bool:
    """Tell whether an assertion says more of a short credential than its length."""
    ahead = kind is op.ASSERT and value[0] > 0
    return ahead and len(rest) in (1, 2) and _width(rest)[0] < _RARE


def _cut(kind: Any, value: Any, before: int) -> tuple[_Items, bool]:
    """End an item before a stretch of any text, if there is one in it."""
    if kind in _REPEATS:
        body = value[2]
        spans = body[0][0] not in _ONE or _may_be_blank(*body[0])
        is_gap = value[1] >= _STRETCH and len(body) == 1 and spans
        nested = value[1] > _LOOSE and any(each[0] not in _ONE for each in body)
        return ([], True) if is_gap or nested else ([(kind, value)], False)
    if kind is op.SUBPATTERN and not (value[1] or value[2]):
        return _begin(list(value[3]), before)
    if kind is op.BRANCH:
        branches = [_begin(list(branch), before) for branch in value[1]]
        if any(is_cut for _, is_cut in branches):
            return [(kind, (None, [items for items, _ in branches]))], True
    return [(kind, value)], False


def _may_be_blank(kind: Any, value: Any) -> bool:
    one = write([(kind, value)], gate=True)
    return re.match(one, " ", re.DOTALL) is not None


def _trimmed(items: _Items) -> _Items:
    """Cut off the end whatever a match may go without."""
    items = list(items)
    while items:
        kind, value = items.pop()
        if kind in _ASSERTS:
            continue
        if kind in _ONE:
            return [*items, (kind, value)]
        if kind in _REPEATS:
            least = min(value[0], _COUNTED)
            if not least:
                continue
            body = list(value[2])
            if len(body) == 1 and body[0][0] in _ONE:
                return [*items, (kind, (least, least, body))]
            items += body * least
        elif kind is op.SUBPATTERN and not (value[1] or value[2]):
            items += list(value[3])
        elif kind is op.SUBPATTERN:
            inner = _trimmed(value[3])
            if inner:
                return [*items, (kind, (*value[:3], inner))]
        elif kind is op.BRANCH:
            branches = [_trimmed(branch) for branch in value[1]]
            if all(branches):
                return [*items, (kind, (None, branches))]
        else:
            return [*items, (kind, value)]
    return items


def _simple(items: _Items) -> _Items:
    """Take the limit from long repeats, which is dear to look at."""
    return [(kind, _simpler(kind, value)) for kind, value in items]


def _simpler(kind: Any, value: Any) -> Any:
    if kind in _REPEATS:
        least, most, body = value
        if least < most > _LOOSE or least > _MOST:
            least, most = min(least, _MOST), op.MAXREPEAT
        return least, most, _simple(body)
    if kind is op.BRANCH:
        return None, [_simple(branch) for branch in value[1]]
    if kind is op.SUBPATTERN:
        return (*value[:3], _simple(value[3]))
    return value


def _width(items: _Items) -> tuple[int, int]:
    """Return the least and the greatest length of a match, capped."""
    low = high = 0
    for kind, value in items:
        least, most = _item_width(kind, value)
        low, high = low + least, min(high + most, _ENDLESS)
    return low, high


def _item_width(kind: Any, value: Any) -> tuple[int, int]:
    if kind in _ONE:
        return 1, 1
    if kind in _REPEATS:
        least, most = _width(value[2])
        return least * value[0], most * int(value[1])
    if kind is op.BRANCH:
        widths = [_width(branch) for branch in value[1]]
        return min(low for low, _ in widths), max(high for _, high in widths)
    if kind is op.SUBPATTERN:
        return _width(value[3])
    if kind is op.ATOMIC_GROUP:
        return _width(value)
    return (0, 0) if kind in _ASSERTS else (0, _ENDLESS)
