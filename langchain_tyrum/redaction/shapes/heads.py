"""The literals with which every match of a pattern begins."""

from __future__ import annotations

import contextlib
import functools
import importlib
import itertools
import re
from re import _constants as op  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.engines import EngineError
from langchain_tyrum.redaction.shapes.regex_tree import parse

if TYPE_CHECKING:
    from langchain_tyrum.redaction.engines import Engine

#: No literal is longer.
LONGEST = 12
_MOST = 400
_MANY = 12
#: From here on one pass of an engine is cheaper than a pass for each literal.
_LARGE = 1 << 12


def heads(pattern: str) -> frozenset[bytes] | None:
    """List the lower-case literals, at least two bytes, that open every match.

    Args:
        pattern: The regular expression.

    Returns:
        The literals; None when the pattern does not begin with literals, so that a
        match may begin anywhere.
    """
    found = _grow({""}, parse(pattern).items)
    texts = {text for text, _ in found}
    if not texts or min(map(len, texts)) < 2:
        return None
    shortest: list[str] = []
    for text in sorted(texts):
        if not (shortest and text.startswith(shortest[-1])):
            shortest.append(text)
    return frozenset(text.encode("latin-1") for text in shortest)


def _grow(seeds: set[Any], items: Any) -> set[tuple[str, bool]]:
    """Extend heads by items; a head is (text, still growing)."""
    grown = {seed if isinstance(seed, tuple) else (seed, True) for seed in seeds}
    for kind, value in items:
        open_heads = {text for text, is_open in grown if is_open}
        if not open_heads:
            break
        tails = _tails(kind, value)
        extended = {
            ((text + tail)[:LONGEST], is_open and len(text + tail) < LONGEST)
            for text in open_heads
            for tail, is_open in tails
        }
        closed = {(text, False) for text, is_open in grown if not is_open}
        if len(extended | closed) > _MOST:
            return closed | {(text, False) for text in open_heads}
        grown = extended | closed
    return grown


def _tails(kind: Any, value: Any) -> set[tuple[str, bool]]:
    """List what one item may add; ("", False) ends a head."""
    if kind is op.LITERAL:
        return {(_lowered(value), True)}
    if kind in (op.ASSERT, op.ASSERT_NOT, op.AT):
        return {("", True)}
    if kind is op.IN and all(each is op.LITERAL for each, _ in value):
        return {(_lowered(code), True) for _, code in value}
    if kind is op.BRANCH:
        return set().union(*(_grow({""}, branch) for branch in value[1]))
    if kind is op.SUBPATTERN:
        return _grow({""}, value[3])
    if kind is op.MAX_REPEAT and value[:2] == (0, 1):
        return _grow({""}, value[2]) | {("", True)}
    return {("", False)}


def _lowered(code: int) -> str:
    # as `bytes.lower` does it: the bytes of other scripts have no case
    return chr(code).lower() if code < 128 else chr(code)


def occurrences(data: bytes, literals: frozenset[bytes]) -> list[int]:
    """List where any of the literals stands in lower-cased data, in order."""
    engine = _engine(literals) if len(data) >= _LARGE else None
    if engine is not None:
        with contextlib.suppress(EngineError):  # so many that the rest is as fast
            return sorted(start for start, _ in engine.hits(data))
    if len(literals) > _MANY:
        return _anywhere(_alternation(literals), data)
    found: set[int] = set()
    for literal in literals:
        at = data.find(literal)
        while at >= 0:
            found.add(at)
            at = data.find(literal, at + 1)
    return sorted(found)


def _anywhere(literals: re.Pattern[bytes], data: bytes) -> list[int]:
    """List where a pattern matches, overlaps included."""
    found, search = list[int](), literals.search
    match = search(data)
    while match:
        at = match.start()
        found.append(at)
        match = search(data, at + 1)
    return found


@functools.lru_cache(maxsize=1024)
def _engine(literals: frozenset[bytes]) -> Engine | None:
    """Compile the literals of one row, when a large text first may match it."""
    try:
        hyper = importlib.import_module("langchain_tyrum.redaction.engines.hyper")
    except ImportError:
        return None
    engine: Engine = hyper.HyperEngine(tuple(sorted(literals)))
    return engine


@functools.lru_cache(maxsize=1024)
def _alternation(literals: frozenset[bytes]) -> re.Pattern[bytes]:
    return re.compile(_tree(sorted(literals)))


def _tree(literals: list[bytes]) -> bytes:
    """Write literals, sorted and none the begin of another, letter by letter.

    Else each of them is compared at each place of a text.
    """
    branches = []
    for first, group in itertools.groupby(literals, key=lambda each: each[:1]):
        tails = [each[1:] for each in group]
        branches.append(re.escape(first) + (_tree(tails) if tails[0] else b""))
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"
