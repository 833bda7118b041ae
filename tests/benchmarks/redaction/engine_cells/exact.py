"""Known values: one pass for all their forms, beside a loop, `re` and the limits."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import ormsgpack
from engine_cells.corpus import planted, text, texts, values
from engine_cells.report import OURS, Row, against
from engine_cells.timing import Contestant, Timing, fresh, measure

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.encodings import derived_forms
from langchain_tyrum.redaction.engines import build_engines
from langchain_tyrum.redaction.secretive import is_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LOOP, FIND = "str.replace loop", "one bytes.find"
_RE, _PLANTED = "re alternation", "the planted ones"
#: Each finding stands in so many characters.
EVERY = 10_000
#: So many forms times characters are given to the loop, and to `re`, at once.
_LOOP_WORK, _RE_WORK = 100_000_000, 3_000_000
_MOST_ALTERNATIVES = 1_000
_PROMISED: dict[tuple[int, int], dict[str, float]] = {
    (1_000, 10): {LOOP: 8},
    (100_000, 10): {LOOP: 30, FIND: 0.6},
    (100_000, 100): {LOOP: 250, FIND: 0.5},
    (100_000, 1_000): {LOOP: 1_200, FIND: 0.25},
    (100_000, 10_000): {LOOP: 5_000, FIND: 0.1},
}


#: By how many values: the seconds it took to register and compile them all.
compiling: dict[int, float] = {}


@lru_cache(maxsize=8)
def knowing(count: int, *, shapes: bool = False) -> Redactor:
    """Return a redactor that knows so many values, all compiled."""
    start = time.perf_counter()
    redactor = Redactor() if shapes else Redactor(detectors=[])
    for index, value in enumerate(values(count)):
        redactor.register(f"n{index}", value)
    redactor.redact_text("compiled by whoever reads first " * 10)
    compiling[count] = time.perf_counter() - start
    settle()
    return redactor


def settle() -> None:
    """Wait for the threads that merge what was compiled."""
    for thread in threading.enumerate():
        if thread.name == "tyrum-merge":
            thread.join(timeout=30)


@lru_cache(maxsize=8)
def forms_of(count: int) -> tuple[str, ...]:
    """Return every form that is looked for, of so many values."""
    return tuple(
        dict.fromkeys(
            form.decode("utf-8", "replace")
            for value in values(count)
            for form in derived_forms(value.encode())
            if is_form(form) or form == value.encode()
        )
    )


def exact(count: int, size: int, *, dirty: bool, budget: float) -> Row:
    """Measure one cell of the grid."""
    redactor, forms = knowing(count), forms_of(count)
    needles = _needles(count) if dirty else []
    spots = max(1, size // EVERY) if dirty else 0
    bases = texts(size, *needles, each=spots)
    make, length = fresh(*bases), len(bases[0])
    contestants = {
        OURS: Contestant(run=redactor.redact_text),
        **_loops(forms, needles, length),
        _RE: _alternation(forms, needles, bases),
        **limits(make),
    }
    hidden = _hidden(contestants, needles)
    assert dirty or all(redactor.redact_text(base) == base for base in bases)
    timings = _joined(measure(contestants, make, budget=budget))
    promised = {} if dirty else _PROMISED.get((size, count), {})
    kind = f"dirty, {spots} findings" if dirty else "clean"
    return Row(
        name=f"exact, {sized(size)}, {count:,} values ({len(forms):,} forms), {kind}",
        timings=timings,
        size=length,
        targets=against(timings, promised),
        found=hidden,
        planted=len(needles),
    )


def _hidden(
    contestants: Mapping[str, Contestant], needles: list[str]
) -> dict[str, int]:
    """Count, once, how many of the planted values each one hides."""
    shown = planted(text(5_000), needles)
    runs = {
        OURS: contestants[OURS].run,
        LOOP: lambda data: contestants[LOOP].run(contestants[_PLANTED].run(data)),
        _RE: contestants[_RE].run,
    }
    return {
        name: sum(each not in run(shown) for each in needles)  # type: ignore[operator]
        for name, run in runs.items()
        if needles
    }


def _needles(count: int) -> list[str]:
    """Choose what is planted: raw values, and one other form of each."""
    chosen = list[str]()
    for value in values(count)[:5]:
        chosen.append(value)
        chosen.append(value.encode().hex())
    return chosen


def sized(size: int) -> str:
    return f"{size // 1_000_000} MB" if size >= 1_000_000 else f"{size // 1_000} KB"


def _loops(
    forms: tuple[str, ...], needles: list[str], size: int
) -> dict[str, Contestant]:
    """Replace form by form: a part of those that are absent, all that are there."""
    absent = tuple(form for form in forms if form not in needles)
    some = absent[: max(10, _LOOP_WORK // size)]
    scale = max(1.0, len(absent) / len(some))
    note = f"{len(some):,} forms, scaled" if scale > 1 else ""
    loop = Contestant(run=_replacing(some), scale=scale, note=note)
    return {LOOP: loop, _PLANTED: Contestant(run=_replacing(tuple(needles)))}


def _replacing(forms: tuple[str, ...]) -> Callable[[str], str]:
    def replace(data: str) -> str:
        for form in forms:
            data = data.replace(form, "[REDACTED]")
        return data

    return replace


def _joined(timings: dict[str, Timing | None]) -> dict[str, Timing | None]:
    """Add up the two parts of the loop."""
    loop, rest = timings[LOOP], timings.pop(_PLANTED)
    assert loop is not None
    assert rest is not None
    both = replace(
        loop, median=loop.median + rest.median, least=loop.least + rest.least
    )
    return {**timings, LOOP: both}


def _alternation(
    forms: tuple[str, ...], needles: list[str], bases: list[str]
) -> Contestant:
    some = tuple(dict.fromkeys((*needles, *forms)))[:_MOST_ALTERNATIVES]
    pattern = _compiled(some)
    most, size = max(1_000, _RE_WORK // len(some)), len(bases[0])
    short = [base[:most] for base in bases]
    scale = max(1.0, len(forms) / len(some)) * size / min(size, most)
    note = f"{len(some):,} forms, {len(short[0]):,} characters, scaled"
    return Contestant(
        run=lambda data: pattern.sub("[REDACTED]", data),
        make=fresh(*short),
        scale=scale,
        note=note if scale > 1 else "",
    )


@lru_cache(maxsize=8)
def _compiled(forms: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, forms)))


def limits(make: Callable[[int], str]) -> dict[str, Contestant]:
    """Return what one pass over the bytes costs at least.

    How fast `bytes.find` is depends on its needle, so it is the mean of fourteen.
    """
    needles = [f"{value}.".encode() for value in values(14)]

    def encoded(number: int) -> bytes:
        return make(number).encode()

    def find(data: bytes) -> None:
        for needle in needles:
            data.find(needle)

    return {
        FIND: Contestant(run=find, make=encoded, scale=1 / len(needles)),
        "memcpy": Contestant(run=bytearray, make=encoded),
        "ormsgpack.packb": Contestant(run=ormsgpack.packb),
    }


def few(count: int, size: int, *, budget: float) -> Row:
    """Measure the engine for one to three patterns, each as it is."""
    needles = [value for value in values(10) if value.isascii()][:count]
    ((engine, _),) = build_engines([needle.encode() for needle in needles])
    make = fresh(*texts(size))
    timings = measure(
        {
            OURS: Contestant(run=engine.hits, make=lambda n: make(n).encode()),
            LOOP: Contestant(run=_replacing(tuple(needles))),
        },
        make,
        budget=budget,
    )
    return Row(
        name=f"engine, {sized(size)}, {count} patterns",
        timings=timings,
        size=size,
        targets=against(timings, {LOOP: 0.95}),
        notes=("0.95: as fast, less what the clock may err",),
    )


def foreign(count: int, size: int, *, budget: float) -> Row:
    """Measure text that is not ASCII: to encode it costs more than to search it."""
    redactor, base = knowing(count), text(size, foreign=True)
    make = fresh(base)
    contestants: Mapping[str, Contestant] = {
        OURS: Contestant(run=redactor.redact_text),
        "str.encode": Contestant(run=str.encode),
        **_loops(forms_of(count), [], len(base)),
        **limits(make),
    }
    timings = _joined(measure(contestants, make, budget=budget))
    return Row(
        name=f"exact, {sized(size)} not all ASCII, {count:,} values, clean",
        timings=timings,
        size=len(base.encode()),
    )


def cells(*, quick: bool) -> Iterator[Callable[[], Row]]:
    """Yield what to measure, cheap things first."""
    budget = 0.35 if quick else 0.8
    for size in (1_000, 100_000):
        for count in (1, 2, 3):
            yield lambda c=count, s=size: few(c, s, budget=budget / 3)  # type: ignore[misc]
    sizes = (1_000, 100_000) if quick else (1_000, 100_000, 10_000_000)
    for count in (1, 10, 100, 1_000) if quick else (1, 10, 100, 1_000, 10_000):
        for size in sizes:
            for dirty in (False, True):
                yield lambda c=count, s=size, d=dirty: exact(  # type: ignore[misc]
                    c, s, dirty=d, budget=budget
                )
    yield lambda: foreign(100, 100_000, budget=budget)
