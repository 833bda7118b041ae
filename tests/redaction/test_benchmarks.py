"""The benchmarks of the redactor run, on inputs so small that they prove no speed."""

from __future__ import annotations

import importlib
import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from langchain_tyrum.redaction import Redactor

FOLDER = Path(__file__).parents[1] / "benchmarks" / "redaction"
PARTS = (
    "corpus",
    "exact",
    "live",
    "markdown",
    "report",
    "rivals",
    "shapes",
    "states",
    "timing",
    "traces",
)
BUDGET = 0.002


@pytest.fixture(autouse=True)
def _logging_goes_on():
    """The scripts silence logging for their own process, which is ours here."""
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        entry = importlib.import_module("bench_engines")
        parts = {
            part: importlib.import_module(f"engine_cells.{part}") for part in PARTS
        }
        # these take seconds to compile, or a second for each text
        slow = ("Kingfisher", "detect-secrets", "LangSmith, its 24 rules")
        few = {k: v for k, v in parts["rivals"]._RIVALS.items() if k not in slow}
        few["gone"] = ("no_such_module_anywhere", None, 1)
        patch.setattr(parts["rivals"], "_RIVALS", few)
        parts["rivals"].rivals.cache_clear()
        yield SimpleNamespace(entry=entry, **parts)
        parts["rivals"].rivals.cache_clear()


def cell(bench, name):
    """Measure one small cell of each kind."""
    return {
        "few": lambda: bench.exact.few(2, 500, budget=BUDGET),
        "clean": lambda: bench.exact.exact(2, 1_000, dirty=False, budget=BUDGET),
        "dirty": lambda: bench.exact.exact(2, 20_000, dirty=True, budget=BUDGET),
        "foreign": lambda: bench.exact.foreign(2, 1_000, budget=BUDGET),
        "shapes": lambda: bench.shapes.shapes(1_000, dirty=True, budget=BUDGET),
        "stream": lambda: bench.live.stream(2, with_shapes=False, budget=BUDGET),
        "register": lambda: bench.live.register(2, late=3),
        "late": lambda: next(bench.live.one_of_many(2, late=3)),
        "message": lambda: bench.states.new_message(50, budget=BUDGET),
        "holding": lambda: bench.states.holding(10, 50, budget=BUDGET),
        "serializer": lambda: bench.states.serializer(10, 50, budget=BUDGET),
        "memory": lambda: bench.states.checkpoint(
            10, 50, "InMemorySaver", budget=BUDGET
        ),
        "sqlite": lambda: bench.states.checkpoint(10, 50, "SqliteSaver", budget=BUDGET),
        "trace": lambda: bench.traces.trace(50, cold=False, budget=BUDGET),
        "cold": lambda: bench.traces.trace(50, cold=True, budget=BUDGET),
    }[name]()


class TestCorpus:
    @pytest.mark.parametrize("foreign", [False, True])
    def test_holds_no_credential(self, bench, foreign):
        """The text of the benchmarks has its length, and nothing in it to be found."""
        text = bench.corpus.text(50_000, foreign=foreign)

        assert (50_000, not foreign) == (len(text), text.isascii())
        assert text is Redactor().redact_text(text)

    def test_needles_are_planted(self, bench):
        """What is planted stands in the text once, and we find all of it."""
        needles = bench.corpus.tokens(10)
        text = bench.corpus.planted(bench.corpus.text(20_000), needles)
        clean = Redactor().redact_text(text)

        assert [1] * 10 == [text.count(each) for each in needles]
        assert [0] * 10 == [clean.count(each) for each in needles]


class TestTiming:
    def test_nothing_is_measured_twice(self, bench):
        """Each call gets an argument of its own, and what is scaled says so."""
        seen = []
        timing = bench.timing
        contestants = {
            "ours": timing.Contestant(run=seen.append),
            "scaled": timing.Contestant(run=seen.append, scale=1e6, note="a part"),
            "gone": None,
        }

        timings = timing.measure(contestants, timing.fresh("x" * 20), budget=BUDGET)

        assert len(seen) == len(set(seen))
        assert {20} == set(map(len, seen))
        assert timings["gone"] is None
        assert "a part" == timings["scaled"].note
        assert timings["scaled"].median > timings["ours"].median > 0


class TestCells:
    @pytest.mark.parametrize(
        "name",
        [
            "few",
            "clean",
            "dirty",
            "foreign",
            "shapes",
            "stream",
            "register",
            "message",
            "holding",
            "serializer",
            "memory",
            "sqlite",
            "trace",
            "cold",
        ],
    )
    def test_each_kind_runs(self, bench, name):
        """Each kind of cell measures us and somebody else, and can be shown."""
        row = cell(bench, name)

        assert row.timings["ours"].median > 0
        assert len(row.timings) > 1
        assert row.name in bench.report.show(row)

    def test_what_hides_nothing_is_shown(self, bench):
        """Dirty cells say how many of the planted findings each contestant hides."""
        known, shapes = cell(bench, "dirty"), cell(bench, "shapes")

        assert {"ours", "str.replace loop", "re alternation"} == set(known.found)
        assert {known.planted} == set(known.found.values())
        assert shapes.planted == shapes.found["ours"]
        assert 0 == shapes.found["PIIMiddleware, 5 built-in"]
        assert "gone                       not installed" in bench.report.show(shapes)

    @pytest.mark.slow
    def test_memory_is_weighed_apart(self, bench):
        """A fresh process says what it weighs with and without the values."""
        (target,) = bench.live.memory(5).targets

        assert 250 == target.limit
        assert target.figure > 0


class TestReport:
    def test_says_what_is_met(self, bench):
        """A target is met or missed by its own sense."""
        target = bench.report.Target
        least = target(what="x rival", figure=7, limit=8)
        most = target(what="a chunk", figure=7, limit=8, sense="most", unit=" us")

        assert (False, True) == (least.met, most.met)
        assert str(least).endswith("measured 7x: MISSED")
        assert str(most).endswith("measured 7 us: MET")

    def test_prints_and_saves(self, bench, tmp_path, capsys, monkeypatch):
        """One command prints the rows, the targets and the table, and saves all."""
        sections = {
            "exact": lambda *, quick: iter([lambda: cell(bench, "clean")]),
            "broken": lambda *, quick: iter([lambda: 1 / 0]),
            "states": lambda *, quick: iter([lambda: cell(bench, "message")]),
        }
        monkeypatch.setattr(bench.entry, "SECTIONS", sections)
        file = tmp_path / "out.json"
        arguments = ["bench", "--quick", "--json", str(file), "--markdown"]
        monkeypatch.setattr("sys.argv", arguments)
        bench.entry.main()
        out = capsys.readouterr().out

        assert "broken: a cell failed" in out
        assert "2 rows in" in out
        assert "| one new 4 KB message" in out
        assert 20 >= sum(line.startswith("|") for line in out.splitlines())
        assert 2 == len(json.loads(file.read_text("utf-8")))
