"""Shapes that have begun at the open end of a text."""

from __future__ import annotations

import functools
import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from langchain_tyrum.redaction.engines import EngineError, build_engines
from langchain_tyrum.redaction.lazy import lazy
from langchain_tyrum.redaction.shapes.runs import Runs, last_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_tyrum.redaction.engines import Engine
    from langchain_tyrum.redaction.shapes import Row

_HEAD = 3
_LARGE = 256


class Endings(NamedTuple):
    """Where matches may begin, in order, and the last end of those up to each."""

    begins: list[int]
    ends: list[int]

    def before(self, cut: int) -> int:
        """Return where the first one begins that reaches a cut; else the cut."""
        at = bisect_left(self.ends, cut)
        return min(self.begins[at], cut) if at < len(self.ends) else cut


class Openings:
    """Rows by the first bytes of their matches, to find open beginnings fast.

    Attributes:
        heads: The first one to three bytes with which matches begin, in lower case.
        sure: Whether every match begins with one of these.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows: dict[bytes, tuple[Row, ...]] = {}
        self._anywhere: list[Row] = []
        self._swallowing = [row for row in rows if row.ends is not None]
        for row in rows:
            if row.heads is None or row.gate is None:
                self._anywhere.append(row)
                continue
            for literal in row.heads:
                self._rows[literal] = (*self._rows.get(literal, ()), row)
        self._literals = _by_head(self._rows)
        self._longest = max(map(len, self._rows), default=0)
        self.heads = frozenset(self._literals)
        # what four bytes rule out, three need not be looked up for
        self._longer = frozenset(literal[: _HEAD + 1] for literal in self._rows)
        self._only = frozenset(
            head
            for head, literals in self._literals.items()
            if min(map(len, literals)) > _HEAD
        )
        self.sure = not self._anywhere

    @lazy
    def _engines(self) -> list[tuple[Engine, tuple[int, ...]]]:
        return build_engines(sorted(self._rows))

    def rows(self, lowered: bytes, at: int) -> tuple[list[Row], bool]:
        """Tell which rows' literals stand at a place of a lower-cased text.

        Returns:
            The rows, and whether the literal of another one has begun there.
        """
        head = lowered[at : at + _HEAD + 1]
        if len(head) > _HEAD and head not in self._longer and head[:-1] in self._only:
            return [], False
        literals = self._literals.get(head[:_HEAD], ())
        found = [
            row
            for literal in literals
            if lowered.startswith(literal, at)
            for row in self._rows[literal]
        ]
        rest = lowered[at:] if len(lowered) - at < self._longest else b""
        begun = bool(rest) and any(
            len(literal) > len(rest) and literal.startswith(rest)
            for literal in literals
        )
        return found, begun

    def first(self, text: bytes, done: int) -> int:
        """Return where the first undecided match begins, or the text's length."""
        size = len(text)
        first = self._first_of_heads(text, done)
        for row in self._anywhere:
            opening = row.opening
            if opening is None:
                first = min(first, max(done, size - row.detector.max_length))
            elif match := opening.search(text, done):
                first = min(first, match.start())
        for row in self._swallowing:
            first = min(first, _swallowed(row, text, done, first))
        return first

    def _first_of_heads(self, text: bytes, done: int) -> int:
        lowered, tails = text.lower(), _Tails(text)
        for at in self._places(lowered, done):
            rows, begun = self.rows(lowered, at)
            if begun or any(tails.may_open(row, at) for row in rows):
                return at
        return len(text)

    def _places(self, lowered: bytes, done: int) -> Iterable[int]:
        size, heads = len(lowered), self.heads
        low = done
        found: list[int] = []
        if size - done > _LARGE:
            low = max(done, size - self._longest)
            try:
                found = self._hits(lowered, done)
            except EngineError:  # so many that looking everywhere is as fast
                low = done
        near = [at for at in range(low, size) if lowered[at : at + _HEAD] in heads]
        return [*(at for at in found if at < low), *near]

    def _hits(self, lowered: bytes, done: int) -> list[int]:
        rest = lowered[done:]
        hits = {done + at for engine, _ in self._engines for at, _ in engine.hits(rest)}
        return sorted(hits)

    def stretches(self, text: bytes, done: int) -> list[tuple[int, int]]:
        """Return the stretches that matches cover: those that overlap are one."""
        lowered, tails = text.lower(), _Tails(text)
        found = [
            (at, end)
            for at in self._places(lowered, done)
            for row in self.rows(lowered, at)[0]
            if (end := tails.end(row, at)) > at
        ]
        for row in self._anywhere:
            match = None if row.detector.finder else row.regex.search(text, done)
            while match:
                found.append(match.span())
                match = row.regex.search(text, match.start() + 1)
        merged: list[tuple[int, int]] = []
        for low, high in sorted(found):
            if merged and low < merged[-1][1]:
                merged[-1] = merged[-1][0], max(high, merged[-1][1])
            else:
                merged.append((low, high))
        return merged

    def endings(self, text: bytes, done: int) -> Endings:
        """List where matches may begin and end if a marker follows.

        Some tokens are none while a letter stands behind them. Where a value begins
        there, that letter becomes a marker.
        """
        lowered = text.lower()
        found = Endings([], [])
        for at in self._places(lowered, done):
            end = _loose_end(self.rows(lowered, at)[0], text, at)
            if end > at:
                found.begins.append(at)
                found.ends.append(max([end, *found.ends[-1:]]))
        return found

    def swallows(self, text: bytes) -> re.Pattern[bytes] | None:
        """Return what ends the open-ended credential that a text begins with."""
        for row in self._swallowing:
            if row.ends is not None and row.regex.match(text):
                return row.ends
        return None


class _Tails:
    """What rows make of one text, whose long runs are read once and not once a row.

    Args:
        text: The text.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._last: dict[bytes, int] = {}
        self._runs: dict[Row, Runs] = {}

    def may_open(self, row: Row, at: int) -> bool:
        """Tell whether a match of a row may begin here and end behind the text."""
        run = row.run
        if run is not None and len(self._text) - at > _LARGE + run.reach:
            known = run.rest.pattern
            if known not in self._last:
                self._last[known] = last_run(run, self._text)
            if at + run.reach < self._last[known]:
                return False
        return opens(row, self._text, at)

    def end(self, row: Row, at: int) -> int:
        """Return where the match of a row that begins here ends; -1 without one."""
        if row.run is None:
            match = row.regex.match(self._text, at)
            return match.end() if match else -1
        runs = self._runs.get(row)
        if runs is None:
            runs = self._runs[row] = Runs(row.run, self._text)
        span = runs.span(at)
        return span[1] if span else -1


def opens(row: Row, text: bytes, at: int) -> bool:
    """Tell whether a match of a row may begin here; yes where that is not known."""
    opening = row.opening  # compiled when a text first has one of the row's heads
    return opening is None or opening.match(text, at) is not None


def ends(rows: Iterable[Row], text: bytes, at: int, cut: int) -> bool:
    """Tell whether a match of a row, but for what stands around it, ends past a cut."""
    return _loose_end(rows, text, at) >= cut


def _loose_end(rows: Iterable[Row], text: bytes, at: int) -> int:
    """Return where the longest match ends, but for what stands around it; else -1."""
    gates = (_loose(row.gate) for row in rows if row.gate is not None)
    matches = (gate.match(text, at) for gate in gates)
    return max((match.end() for match in matches if match), default=-1)


@functools.lru_cache(maxsize=1024)
def _loose(gate: bytes) -> re.Pattern[bytes]:
    return re.compile(gate, re.DOTALL)


@functools.lru_cache(maxsize=16)
def openings(rows: tuple[Row, ...]) -> Openings:
    """Sort rows by how their matches begin, once a process."""
    return Openings(rows)


def _by_head(literals: Iterable[bytes]) -> dict[bytes, tuple[bytes, ...]]:
    """Sort literals by their first one to three bytes, and whatever follows two."""
    found: dict[bytes, tuple[bytes, ...]] = {}
    for literal in literals:
        keys = {literal[:size] for size in range(1, _HEAD + 1)}
        if len(literal) < _HEAD:
            keys |= {literal + bytes((code,)) for code in range(256)}
        for key in keys:
            found[key] = (*found.get(key, ()), literal)
    return found


def _swallowed(row: Row, text: bytes, done: int, before: int) -> int:
    """Hold back from a beginning whose end has not come yet."""
    match = row.regex.search(text, done)
    while match and match.start() < before:
        end = row.ends.search(text, match.end()) if row.ends is not None else None
        if end is None:
            return match.start()
        match = row.regex.search(text, end.end())
    return before
