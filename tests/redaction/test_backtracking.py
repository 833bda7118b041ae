"""Texts made from each pattern's own tree, to make it try again and again."""

from __future__ import annotations

import contextlib
import re
import signal
from re import _constants as op
from re import _parser

import pytest

from langchain_tyrum.redaction import DETECTORS
from langchain_tyrum.redaction.shapes.rows import Row

ROWS = [row for row in DETECTORS if row.pattern]
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
LIKELY = b"a1Ab0-_./ =\"'" + bytes(range(256))
CLASSES = {
    op.CATEGORY_DIGIT: rb"\d",
    op.CATEGORY_NOT_DIGIT: rb"\D",
    op.CATEGORY_SPACE: rb"\s",
    op.CATEGORY_NOT_SPACE: rb"\S",
    op.CATEGORY_WORD: rb"\w",
    op.CATEGORY_NOT_WORD: rb"\W",
}
#: Seconds of processor time; a text takes some hundredths of one.
LIMIT = 10
SIZE = 1000

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="no limit of processor time here"
)


@contextlib.contextmanager
def _limited():
    """Fail when what follows takes processor time without end."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _has(members, code):
    for kind, value in members:
        if kind is op.LITERAL and value == code:
            return True
        if kind is op.RANGE and value[0] <= code <= value[1]:
            return True
        if kind is op.CATEGORY and re.match(CLASSES[value], bytes([code])):
            return True
    return False


def _one(members):
    """Return a byte of a set."""
    negated = members[0][0] is op.NEGATE
    fit = (code for code in LIKELY if _has(members, code) != negated)
    return bytes([next(fit, 97)])


def _inner(kind, value):
    """List what stands within one item of a tree."""
    if kind in REPEATS:
        return [value[2]]
    if kind is op.BRANCH:
        return value[1]
    if kind is op.SUBPATTERN:
        return [value[3]]
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [value[1]]
    return [value] if kind is op.ATOMIC_GROUP else []


def _loops(items):
    """Yield every repeat of a tree, at any depth."""
    for kind, value in items:
        if kind in REPEATS:
            yield value
        for part in _inner(kind, value):
            yield from _loops(part)


def _holds(items, loop):
    return any(each is loop for each in _loops(items))


def _sample(items, loop, count):
    """Write a text that the items match, with one of their repeats so many times."""
    written = b""
    for kind, value in items:
        if kind is op.LITERAL:
            written += bytes([value])
        elif kind is op.NOT_LITERAL:
            written += b"a" if value != ord("a") else b"b"
        elif kind is op.ANY:
            written += b"a"
        elif kind is op.IN:
            written += _one(value)
        elif kind is op.BRANCH:
            chosen = [branch for branch in value[1] if _holds(branch, loop)]
            written += _sample((chosen or value[1])[0], loop, count)
        elif kind in REPEATS:
            times = count if value is loop else value[0]
            least = 1 if value is loop or _holds(value[2], loop) else 0
            written += _sample(value[2], loop, count) * max(times, least)
        elif kind in (op.SUBPATTERN, op.ATOMIC_GROUP):
            written += _sample(_inner(kind, value)[0], loop, count)
    return written


def _attacks(pattern, size):
    """Yield texts whose repeats run as far as they may, and that fail at the end."""
    tree = _parser.parse(pattern)
    texts = set()
    for loop in _loops(tree):
        if loop[1] <= 1:
            continue
        unit = _sample(tree, loop, max(1, loop[0]))
        texts |= {_fill(each, size) for each in (unit, unit[:-1] + b"\0", unit[:-2])}
        for count in {min(loop[1], size), size, 64}:
            text = _sample(tree, loop, count)[:size]
            texts |= {text[:-1] + bad for bad in (b"\0", b"!", b"\n", b" ")}
    return sorted(texts)


def _fill(unit, size):
    return (unit * (size // max(1, len(unit)) + 1))[:size]


def _attack(row, size):
    compiled = Row(row)
    heads = tuple(compiled.heads or ())
    with _limited():
        for text in _attacks(row.pattern, size):
            lowered = text.lower()
            list(compiled.spans(text))
            if compiled.opening is None:
                continue
            for at in range(len(text)):
                if not heads or lowered.startswith(heads, at):
                    compiled.opening.match(text, at)


class TestBacktracking:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_no_pattern_runs_away(self, row):
        """Matching, looking for an end and waiting in a stream take bounded work."""
        _attack(row, SIZE)

    @pytest.mark.slow
    @pytest.mark.parametrize("row", ROWS[::4], ids=lambda row: row.name)
    def test_nor_in_long_texts(self, row):
        """The same in texts sixteen times as long."""
        _attack(row, 16 * SIZE)

    def test_the_attacks_would_find_one(self):
        """A pattern that does run away is caught by the same texts."""
        pattern = r"key_(?:[a-z0-9]{1,30}[a-z0-9]{1,30}){1,60}="
        caught = False
        try:
            with _limited():
                signal.setitimer(signal.ITIMER_VIRTUAL, 0.5)
                for text in _attacks(pattern, SIZE):
                    re.search(pattern.encode(), text)
        except TimeoutError:
            caught = True
        assert caught
