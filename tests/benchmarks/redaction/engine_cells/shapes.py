"""Shapes: our rows beside whatever else finds credentials that nobody registered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_cells.corpus import texts, tokens
from engine_cells.exact import EVERY, limits, sized
from engine_cells.report import OURS, Row, against
from engine_cells.rivals import rivals
from engine_cells.timing import Contestant, fresh, measure

from langchain_tyrum.redaction import DETECTORS, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOZEN, KINGFISHER = "LangSmith, 12 rules", "Kingfisher"


def shapes(size: int, *, dirty: bool, budget: float) -> Row:
    """Measure one cell of the grid."""
    redactor = Redactor()
    redactor.redact_text("compiled by whoever reads first")
    spots = max(1, size // EVERY) if dirty else 0
    bases = texts(size, *(tokens(64) if dirty else ()), each=spots)
    contestants: dict[str, Contestant | None] = {
        OURS: Contestant(run=redactor.redact_text)
    }
    for name, rival in rivals().items():
        if rival is None:
            contestants[name] = None
            continue
        run, longest = rival
        contestants[name] = _sampled(run, bases, longest)
    make = fresh(*bases)
    contestants |= limits(make)
    assert dirty or all(redactor.redact_text(base) == base for base in bases)
    timings = measure(contestants, make, budget=budget)
    promised = {DOZEN: 15.0 if dirty else 100.0, KINGFISHER: 1.0}
    kind = f"dirty, {spots} findings" if dirty else "clean"
    return Row(
        name=f"shapes, {sized(size)}, {len(DETECTORS)} rows, {kind}",
        timings=timings,
        size=size,
        targets=against(timings, promised) if size == 100_000 else (),
        found=_found(redactor.redact_text) if dirty else {},
        planted=len(tokens(100)),
    )


def _sampled(run: Callable[[str], str], bases: list[str], longest: int) -> Contestant:
    base = bases[0]
    if len(base) <= longest * 1.01:  # what is planted makes them longer
        return Contestant(run=run)
    return Contestant(
        run=run,
        make=fresh(base[:longest]),
        scale=len(base) / longest,
        note=f"{longest:,} characters, scaled",
    )


_FOUND: dict[str, int] = {}


def _found(ours: Callable[[str], str]) -> dict[str, int]:
    """Count, once, how many of 100 tokens each one hides."""
    if not _FOUND:
        sought = tokens(100)
        lines = [f'the call returned "{each}" at last' for each in sought]
        runs = {OURS: ours, **{n: r[0] for n, r in rivals().items() if r}}
        for name, run in runs.items():
            out = run("\n".join(lines))
            _FOUND[name] = sum(each not in out for each in sought)
    return _FOUND


def cells(*, quick: bool) -> Iterator[Callable[[], Row]]:
    """Yield what to measure."""
    budget = 1.5 if quick else 4.0
    for size in (1_000, 100_000) if quick else (1_000, 100_000, 10_000_000):
        for dirty in (False, True):
            yield lambda s=size, d=dirty: shapes(s, dirty=d, budget=budget)  # type: ignore[misc]
