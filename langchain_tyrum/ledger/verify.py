"""Checking a chain of ledger rows: pure, over any source of rows."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_PROGRESS_EVERY = 1_000


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
        kind: `edited`, `missing`, `out_of_order`, `broken_chain`, `head_mismatch`,
            `truncated`, `rolled_back` or `other_ledger`.
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


def verify_chain(
    rows: Iterable[Mapping[str, Any]],
    *,
    ledger_id: str,
    genesis: str,
    sign: Callable[[Mapping[str, Any]], str],
    head: LedgerHead | None,
    expected: LedgerHead | None = None,
    progress: Callable[[int], None] | None = None,
) -> LedgerReport:
    """Walk a chain once and name everything that does not fit.

    Args:
        rows: The rows by rising `seq`.
        ledger_id: The ledger they must belong to.
        genesis: The hash before the first row.
        sign: Computes the hash a row must carry.
        head: Where the database says the chain ends.
        expected: A head noted earlier, through which the chain must run.
        progress: Called with the number of rows checked so far.

    Returns:
        The report.
    """
    problems: list[LedgerProblem] = []
    previous, last_seq, count, met = genesis, 0, 0, False
    for row in rows:
        count += 1
        seq = row["seq"]
        problems += _check_row(row, previous, last_seq, sign)
        if expected and seq == expected.seq:
            met = row["hash"] == expected.hash
        previous, last_seq = row["hash"], seq
        if progress and count % _PROGRESS_EVERY == 0:
            progress(count)
    if head is None or (head.seq, head.hash) != (last_seq, previous):
        problems.append(
            LedgerProblem(
                "head_mismatch", last_seq, "the chain does not end where its head says"
            )
        )
    if expected:
        problems += _check_expected(expected, ledger_id, last_seq, met=met)
    return LedgerReport(count, tuple(problems), head)


def _check_row(
    row: Mapping[str, Any],
    previous: str,
    last_seq: int,
    sign: Callable[[Mapping[str, Any]], str],
) -> list[LedgerProblem]:
    seq = row["seq"]
    found = []
    if seq != last_seq + 1:
        found.append(LedgerProblem("missing", seq, f"row {last_seq + 1} is not there"))
    if row["prev_hash"] != previous:
        found.append(
            LedgerProblem("broken_chain", seq, "it does not follow the row before it")
        )
    if not hmac.compare_digest(sign(row), row["hash"]):
        found.append(
            LedgerProblem(
                "edited", seq, "its hash is not this ledger's hash of its fields"
            )
        )
    return found


def _check_expected(
    expected: LedgerHead, ledger_id: str, last_seq: int, *, met: bool
) -> list[LedgerProblem]:
    if expected.ledger_id != ledger_id:
        return [LedgerProblem("other_ledger", 0, "the head belongs to another ledger")]
    if expected.seq > last_seq:
        return [
            LedgerProblem(
                "truncated", last_seq, f"rows up to {expected.seq} had been written"
            )
        ]
    if not met and expected.seq > 0:
        return [
            LedgerProblem(
                "rolled_back", expected.seq, "another row stands where the head was"
            )
        ]
    return []
