"""Timing in turns: every contestant of a cell, in one process, by CPU time.

The machine may be shared, so what counts is the ratio of what ran in the same minute.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: A sample lasts at least so many seconds: shorter calls are made many times, after
#: one that is not timed, since the contestant before has emptied the caches.
_SAMPLE = 6e-4
_MOST_CALLS = 500
#: Shares of a cell's budget. What one call of takes more than the first is sampled
#: three times, what takes more than the second once.
_SLOW, _SLOWEST = 0.05, 0.3
_numbers = count()


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way of doing the work of a cell.

    Attributes:
        run: Does it once, to one argument.
        make: Makes the argument of each call, outside of what is timed; the cell's
            when not given.
        scale: By how much its work is smaller than the cell's.
        note: What `scale` means, for the table.
    """

    run: Callable[[Any], object]
    make: Callable[[int], Any] | None = None
    scale: float = 1.0
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of CPU time that one call takes, as if the whole work were done."""

    median: float
    least: float
    samples: int
    note: str = ""


def measure(
    contestants: Mapping[str, Contestant | None],
    make: Callable[[int], Any],
    *,
    budget: float,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, Timing | None]:
    """Time contestants in turns.

    Args:
        contestants: By name; None stands for one that is not installed.
        make: Makes the argument of the nth call. A new one each time, lest a memo of
            whoever has one be measured in place of the work.
        budget: Seconds after which no further round begins.
        clock: CPU time of the process, threads included; or of this thread.

    Returns:
        Timings, None where there is no contestant.
    """
    present = {name: each for name, each in contestants.items() if each is not None}
    calls = {
        name: _calibrated(each, make, clock, budget) for name, each in present.items()
    }
    rounds = {name: _rounds(took, budget) for name, (took, _) in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in present}
    end = time.perf_counter() + budget
    gc.collect()
    gc.disable()
    try:
        while any(len(t) < min(rounds[name], 3) for name, t in times.items()) or (
            time.perf_counter() < end
        ):
            for name, each in present.items():
                if len(times[name]) < rounds[name]:
                    times[name].append(_sample(each, make, calls[name][1], clock))
    finally:
        gc.enable()
    return {
        name: _timing(each, times[name]) if each is not None else None
        for name, each in contestants.items()
    }


def _calibrated(
    each: Contestant,
    make: Callable[[int], Any],
    clock: Callable[[], float],
    budget: float,
) -> tuple[float, int]:
    """Warm up, and see how many calls make a sample."""
    took = _sample(each, make, 1, clock)
    if took < _SLOWEST * budget:
        took = min(_sample(each, make, 2, clock) for _ in range(2))
    return took, max(1, min(_MOST_CALLS, int(_SAMPLE / max(took, 1e-9))))


def _rounds(took: float, budget: float) -> int:
    if took > _SLOWEST * budget:
        return 1
    return 3 if took > _SLOW * budget else 1_000_000


def _sample(
    each: Contestant,
    make: Callable[[int], Any],
    calls: int,
    clock: Callable[[], float],
) -> float:
    make = each.make or make
    arguments = [make(next(_numbers)) for _ in range(calls)]
    run = each.run
    if calls > 1:
        run(make(next(_numbers)))
    start = clock()
    for argument in arguments:
        run(argument)
    return (clock() - start) / calls


def _timing(each: Contestant, times: list[float]) -> Timing:
    scale = each.scale
    return Timing(
        median=statistics.median(times) * scale,
        least=min(times) * scale,
        samples=len(times),
        note=each.note,
    )


def fresh(*bases: str) -> Callable[[int], str]:
    """Return a maker of texts like the given ones, none of which was ever seen."""
    kept = [base[:-9] for base in bases]
    return lambda number: f"{kept[number % len(kept)]} {number:08d}"
