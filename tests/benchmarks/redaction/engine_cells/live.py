"""While an agent runs: one more value, a stream of chunks, and what it keeps."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine_cells.corpus import text, values
from engine_cells.exact import LOOP, compiling, forms_of, knowing, settle
from engine_cells.report import OURS, Row, Target
from engine_cells.timing import Contestant, Timing, measure

from langchain_tyrum.handles import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_tyrum.redaction import Redactor

_CHUNK = 4
_MEMORY = Path(__file__).with_name("memory.py")


def register(count: int, *, late: int) -> Row:
    """Register one among many until it is covered, while another thread scans."""
    redactor = knowing(count)
    anew = compiling[count]
    scanned, stop = [0], threading.Event()

    def scan() -> None:
        message = text(4_000)
        while not stop.is_set():
            assert message is redactor.redact_text(message)
            scanned[0] += 1

    thread = threading.Thread(target=scan, daemon=True)
    thread.start()
    try:
        walls, works = _registered(redactor, late)
    finally:
        stop.set()
        thread.join()
        settle()
    took = Timing(
        median=statistics.median(walls), least=min(walls), samples=late, note="wall"
    )
    work = statistics.median(works)
    return Row(
        name=f"register one value among {count:,} until covered, scans going on",
        timings={
            OURS: took,
            "compiling all anew": Timing(median=anew, least=anew, samples=1),
        },
        targets=(
            Target(
                what="until covered",
                figure=took.median * 1e3,
                limit=30,
                sense="most",
                unit=" ms",
            ),
        ),
        notes=(
            f"worst {max(walls) * 1e3:.1f} ms, CPU of the thread {work * 1e3:.1f} ms",
            f"{scanned[0]:,} scans of 4 KB meanwhile",
        ),
    )


def one_of_many(count: int, *, late: int) -> Iterator[Row]:
    """Register one among many, and drop it: both until a view's next stream says so."""
    root = knowing(count, shapes=True)
    view = root.view(Principal(user="ann"))
    _used(view, "compiled by whoever reads first ")
    times: dict[str, list[float]] = {"register": [], "drop": []}
    for index, value in enumerate(values(late)):
        fresh = f"view-{index}-{value}"
        start = time.thread_time()
        root.register(f"view{index}", fresh)
        hidden = _used(view, f"say {fresh} again")
        times["register"].append(time.thread_time() - start)
        start = time.thread_time()
        root.unregister(f"view{index}")
        shown = _used(view, f"say {fresh} anew")
        times["drop"].append(time.thread_time() - start)
        assert all(fresh not in text for text in hidden)
        assert all("view" not in text.partition("[")[2] for text in shown)
    for name, took in times.items():
        yield _until_used(f"{name} one value among {count:,}", took, compiling[count])


def _used(view: Redactor, text: str) -> tuple[str, str]:
    """Redact through a view, in one piece and as a stream."""
    with view.stream() as stream:
        return view.redact_text(text), stream.feed(text) + stream.close()


def _until_used(name: str, took: list[float], anew: float) -> Row:
    timing = Timing(
        median=statistics.median(took),
        least=min(took),
        samples=len(took),
        note="CPU of the thread",
    )
    return Row(
        name=f"{name} until a view's next text and stream are through",
        timings={
            OURS: timing,
            "compiling all anew": Timing(median=anew, least=anew, samples=1),
        },
        targets=(
            Target(
                what="until through",
                figure=timing.median * 1e3,
                limit=10,
                sense="most",
                unit=" ms",
            ),
        ),
        notes=(f"worst {max(took) * 1e3:.1f} ms",),
    )


def _registered(redactor: Redactor, late: int) -> tuple[list[float], list[float]]:
    walls, works = list[float](), list[float]()
    for index, value in enumerate(values(late)):
        fresh = f"late-{index}-{value}"
        wall, work = time.perf_counter(), time.thread_time()
        redactor.register(f"late{index}", fresh)
        shown = redactor.redact_text(f"say {fresh} again")
        works.append(time.thread_time() - work)
        walls.append(time.perf_counter() - wall)
        assert fresh not in shown
        time.sleep(0.003)
    return walls, works


def stream(count: int, *, with_shapes: bool, budget: float) -> Row:
    """Feed chunks of four bytes, and see how much is held back."""
    redactor = knowing(count, shapes=with_shapes)
    said = text(4_000)
    chunks = [said[at : at + _CHUNK] for at in range(0, len(said), _CHUNK)]
    held = _held(redactor, chunks)

    def feed(pieces: list[str]) -> None:
        with redactor.stream() as opened:
            for piece in pieces:
                opened.feed(piece)

    timings = measure(
        {
            OURS: Contestant(run=feed, scale=1 / len(chunks)),
            "longest held, " + LOOP: _naive(forms_of(count), chunks),
        },
        lambda _: chunks,
        budget=budget,
    )
    ours = timings[OURS]
    assert ours is not None
    return Row(
        name=f"stream, {_CHUNK}-byte chunks, {count:,} values"
        + (" and shapes" if with_shapes else ""),
        timings=timings,
        size=_CHUNK,
        targets=(
            Target(
                what="a chunk",
                figure=ours.median * 1e6,
                limit=10,
                sense="most",
                unit=" us",
            ),
            Target(what="held back", figure=held, limit=2, sense="most", unit=" bytes"),
        ),
    )


def _held(redactor: Redactor, chunks: list[str]) -> float:
    fed = out = total = 0
    with redactor.stream() as opened:
        for chunk in chunks:
            fed += len(chunk)
            out += len(opened.feed(chunk))
            total += fed - out
    return total / len(chunks)


def _naive(forms: tuple[str, ...], chunks: list[str]) -> Contestant:
    """Hold back as much as the longest form is long, and replace in that."""
    some, few = forms[:1_000], chunks[:20]
    longest = max(map(len, forms))

    def feed(pieces: list[str]) -> None:
        held = "x" * longest
        for piece in pieces:
            held += piece
            for form in some:
                held = held.replace(form, "[REDACTED]")
            held = held[-longest:]

    return Contestant(
        run=feed,
        make=lambda _: few,
        scale=len(forms) / len(some) / len(few),
        note=f"{len(some):,} forms, scaled; holds {longest} bytes",
    )


def memory(count: int) -> Row:
    """Weigh a fresh process that knows so many values."""
    done = subprocess.run(
        [sys.executable, str(_MEMORY), str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    weighed = json.loads(done.stdout)
    shown = {
        name: f"{figure / 1e6:.0f} MB" if figure > 1e5 else f"{figure:.1f} s"
        for name, figure in weighed.items()
    }
    added = (weighed["after"] - weighed["before"]) / 1e6
    return Row(
        name=f"memory of {count:,} values with all forms",
        timings={},
        targets=(
            Target(what="added", figure=added, limit=250, sense="most", unit=" MB"),
        ),
        notes=tuple(f"{name}: {figure}" for name, figure in shown.items()),
    )


def cells(*, quick: bool) -> Iterator[Callable[[], Row]]:
    """Yield what to measure."""
    budget = 0.4 if quick else 1.5
    yield lambda: stream(1_000, with_shapes=False, budget=budget)
    yield lambda: stream(1_000, with_shapes=True, budget=budget)
    count, late = (1_000, 20) if quick else (10_000, 60)
    yield lambda: register(count, late=late)
    rows = one_of_many(count, late=late)
    yield lambda: next(rows)
    yield lambda: next(rows)
    yield lambda: memory(count)
