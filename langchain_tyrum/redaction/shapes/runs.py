"""Runs: credentials that go on until a character that none of them holds.

A text like `api_key=1api_key=1…` begins a credential at each name, and each of them
goes on to the end of all. That end is looked for once.
"""

from __future__ import annotations

import re
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from langchain_tyrum.redaction.shapes.regex_tree import (
    Unsupported,
    flags,
    parse,
    write,
)

#: Shorter ones are read again in no time.
_LONG = 256
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)
_EXACT = (op.MIN_REPEAT, op.POSSESSIVE_REPEAT, op.ATOMIC_GROUP)


class Run(NamedTuple):
    """The end of a pattern that is a run.

    Attributes:
        regex: The pattern.
        front: The same up to where the run has its least length.
        rest: The characters of the run, as many as there are.
        least: How many it has at least.
        most: How many it has at most.
        not_last: Characters with which it does not end.
        reach: How far before the run a match begins at most, and looks ahead.
    """

    regex: re.Pattern[bytes]
    front: re.Pattern[bytes]
    rest: re.Pattern[bytes]
    least: int
    most: int
    not_last: bytes
    reach: int


def run_of(pattern: str) -> Run | None:
    """Tell with which run the matches of a pattern end; None when with something else.

    Args:
        pattern: The regular expression; its only group is the run.
    """
    items = list(parse(pattern).items)
    if not items or items[-1][0] is not op.SUBPATTERN or _is_exact(items):
        return None
    number, added, removed, inner = items[-1][1]
    if number != 1 or added or removed or not 0 < len(inner) < 3:
        return None
    kind, repeat = inner[0]
    if kind is not op.MAX_REPEAT or repeat[1] < _LONG or repeat[0] < 1:
        return None
    not_last = _not_last(inner[1]) if len(inner) > 1 else b""
    if len(repeat[2]) != 1 or repeat[2][0][0] is not op.IN or not_last is None:
        return None
    try:
        one, before = write(repeat[2]), flags(pattern) + write(items[:-1])
    except Unsupported:
        return None
    least, most = repeat[:2]
    return Run(
        re.compile(pattern.encode()),
        re.compile(f"{before}{one}{{{least}}}".encode()),
        re.compile(f"{flags(pattern)}{one}*".encode()),
        least,
        most,
        not_last,
        _widest(items[:-1]) + least,
    )


def _not_last(item: tuple[Any, Any]) -> bytes | None:
    """Read the characters of `(?<![.:])`."""
    kind, value = item
    if kind is not op.ASSERT_NOT or value[0] > 0 or len(value[1]) != 1:
        return None
    kind, members = value[1][0]
    if kind is op.LITERAL:
        return bytes([members])
    if kind is op.IN and all(each is op.LITERAL for each, _ in members):
        return bytes(code for _, code in members)
    return None


def _widest(items: Any) -> int:
    """Return how much text a tree looks at most, around what it matches too."""
    widest = 0
    for kind, value in items:
        if kind is op.BRANCH:
            widest += max(map(_widest, value[1]))
        elif kind in _REPEATS:
            widest += int(value[1]) * _widest(value[2])
        elif kind is op.SUBPATTERN:
            widest += _widest(value[3])
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            widest += _widest(value[1])
        else:
            widest += 1
    return widest


def _is_exact(items: Any) -> bool:
    """Tell whether a tree holds what is not written out as it was."""
    return any(
        kind in _EXACT
        or (kind is op.BRANCH and any(map(_is_exact, value[1])))
        or (kind is op.SUBPATTERN and _is_exact(value[3]))
        or (kind is op.MAX_REPEAT and _is_exact(value[2]))
        or (kind in (op.ASSERT, op.ASSERT_NOT) and _is_exact(value[1]))
        for kind, value in items
    )


def last_run(run: Run, data: bytes) -> int:
    """Return where the run with which a text ends begins; its length if with none."""
    rest = run.rest.match(data[::-1])
    return len(data) - (rest.end() if rest else 0)


class Runs:
    """The runs of one text, each looked for once.

    Args:
        run: How matches end.
        data: The text.
    """

    def __init__(self, run: Run, data: bytes) -> None:
        self._run = run
        self._data = data
        self._low = self._high = 0

    def span(self, at: int) -> tuple[int, int] | None:
        """Return the span of the run of the match that begins here, if one does."""
        run, data = self._run, self._data
        match = run.front.match(data, at)
        if match is None:
            return None
        start = match.end() - run.least
        if not self._low <= start < self._high:
            rest = run.rest.match(data, start)
            self._low, self._high = start, rest.end() if rest else start
        end = min(start + run.most, self._high)
        if run.not_last and data[end - 1] in run.not_last:
            end = start + len(data[start:end].rstrip(run.not_last))
        if end - start >= run.least:
            return start, end
        whole = run.regex.match(data, at)  # there may be another way to match
        return whole.span(1) if whole else None
