"""Checking a chain of ledger rows: pure, over any source of rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from langchain_tyrum.ledger.chain import genesis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from langchain_tyrum.ledger.signatures import Signatures

_PROGRESS_EVERY = 1_000
#: After so many problems the rest is only counted, so that memory stays flat; among
#: the first few of them, rows that do not fit are looked for elsewhere.
_MOST, _TRACED = 1_000, 50


@dataclass(frozen=True)
class LedgerHead:
    """Where a chain ends: which ledger, which row, which hash."""

    ledger_id: str
    seq: int
    hash: str


@dataclass(frozen=True)
class LedgerProblem:
    """One thing that is wrong with a ledger.

    Attributes:
        kind: What it looks like:

            - `edited`: a row is not what was written in its place: a field was
              changed, or the row is another ledger's or nobody's.
            - `replayed`: a row is a copy of another row of this ledger.
            - `out_of_order`: a row was written under another number.
            - `missing`: a number is not there.
            - `broken_chain`: a row does not follow the one before it.
            - `head_mismatch`: the chain does not end where the database says.
            - `truncated`: rows at the end are gone, or the database is an older copy.
            - `rolled_back`: another row stands where the kept head was: an older copy
              of the database went on, or two copies of it did.
            - `other_ledger`: rows, head or kept head belong to another ledger.
            - `head_lost`: the file that keeps the head is gone.
            - `key_lost`: a key of an earlier part of the ledger is gone or altered.
            - `key_change`: the row at which the master key changed is another one.
            - `more`: so many further problems.
        seq: The row at which it shows.
        detail: The finding in words.
    """

    kind: str
    seq: int
    detail: str


@dataclass(frozen=True)
class LedgerReport:
    """What `Audit.verify` found."""

    rows: int
    problems: tuple[LedgerProblem, ...]
    head: LedgerHead | None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok


class Walk:
    """Walks a chain once, row by row, and names everything that does not fit.

    Args:
        signatures: Tells whether a row is signed as it must be.
        expected: A head noted earlier, through which the chain must run.
        progress: Called with the number of rows checked so far.
    """

    def __init__(
        self,
        signatures: Signatures,
        *,
        expected: LedgerHead | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._signatures = signatures
        self._expected = expected
        self._progress = progress
        self._problems: list[LedgerProblem] = []
        self._more = self._count = self._fitting = self._seq = 0
        self._hash = genesis(signatures.ledger_id)
        self._met = False
        #: Hashes of rows that do not fit, by row; of the first few only.
        self.odd: dict[int, str] = {}
        for detail in signatures.lost:
            self._found("key_lost", 0, detail)

    def take(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Check rows by rising `seq`."""
        for row in rows:
            self._count += 1
            self._row(row)
            if self._expected and row["seq"] == self._expected.seq:
                self._met = row["hash"] == self._expected.hash
            self._seq, self._hash = row["seq"], row["hash"]
            if self._progress and self._count % _PROGRESS_EVERY == 0:
                self._progress(self._count)

    def report(
        self, head: LedgerHead | None, *, copied: frozenset[str] = frozenset()
    ) -> LedgerReport:
        """Say what was found, the rows being at their end.

        Args:
            head: Where the database says the chain ends.
            copied: Hashes that more than one row carries.
        """
        self._end(head)
        problems = [self._replayed(problem, copied) for problem in self._problems]
        if self._more:
            rest = f"{self._more} further problems"
            problems.append(LedgerProblem("more", self._seq, rest))
        return LedgerReport(self._count, tuple(problems), head)

    def _row(self, row: Mapping[str, Any]) -> None:
        seq, signatures = row["seq"], self._signatures
        if seq != self._seq + 1:
            self._found("missing", seq, f"row {self._seq + 1} is not there")
        if row["prev_hash"] != self._hash:
            self._found("broken_chain", seq, "it does not follow the row before it")
        if signatures.ends.get(seq, row["hash"]) != row["hash"]:
            self._found(
                "key_change", seq, "it is not the row at which the master key changed"
            )
        if signatures.fits(row):
            self._fitting += 1
        elif not signatures.doubtful(seq):
            self._misfit(row)

    def _misfit(self, row: Mapping[str, Any]) -> None:
        seq, other = row["seq"], None
        if len(self.odd) < _TRACED:
            self.odd[seq] = row["hash"]
            other = self._signatures.other_place(row)
        if other is None:
            detail = "its hash is not this ledger's hash of its fields"
            self._found("edited", seq, detail)
        else:
            self._found("out_of_order", seq, f"it was written as row {other}")

    def _end(self, head: LedgerHead | None) -> None:
        if head is None or (head.seq, head.hash) != (self._seq, self._hash):
            detail = "the chain does not end where its head says"
            self._found("head_mismatch", self._seq, detail)
        ledger_id = self._signatures.ledger_id
        if head and head.ledger_id != ledger_id:
            self._found("other_ledger", 0, "the head row is another ledger's")
        elif self._count and not (self._fitting or self._signatures.lost):
            self._found("other_ledger", 0, "no row of it was written for this ledger")
        for seq in self._signatures.ends:
            if seq > self._seq:
                detail = f"the row {seq}, at which the master key changed, is gone"
                self._found("truncated", self._seq, detail)
        if self._expected:
            self._meet(self._expected, ledger_id)

    def _meet(self, expected: LedgerHead, ledger_id: str) -> None:
        if expected.ledger_id != ledger_id:
            self._found("other_ledger", 0, "the kept head is another ledger's")
        elif expected.seq > self._seq:
            detail = f"rows up to {expected.seq} had been written"
            self._found("truncated", self._seq, detail)
        elif not self._met and expected.seq > 0:
            detail = "another row stands where the kept head was"
            self._found("rolled_back", expected.seq, detail)

    def _replayed(
        self, problem: LedgerProblem, copied: frozenset[str]
    ) -> LedgerProblem:
        if problem.kind not in ("edited", "out_of_order"):
            return problem
        if self.odd.get(problem.seq) not in copied:
            return problem
        detail = "it is a copy of another row of this ledger"
        return replace(problem, kind="replayed", detail=detail)

    def _found(self, kind: str, seq: int, detail: str) -> None:
        if len(self._problems) < _MOST:
            self._problems.append(LedgerProblem(kind, seq, detail))
        else:
            self._more += 1
