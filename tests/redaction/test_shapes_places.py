"""Rows are tried where their triggers end, and find what trying everywhere finds."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from langchain_tyrum.redaction import DETECTORS, Detector, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.engines import EngineError
from langchain_tyrum.redaction.engines.hyper import Database
from langchain_tyrum.redaction.findings import Span, merge
from langchain_tyrum.redaction.shapes import compiled
from langchain_tyrum.redaction.shapes.heads import heads, occurrences
from langchain_tyrum.redaction.shapes.places import Alarms
from langchain_tyrum.redaction.shapes.rows import Row
from langchain_tyrum.redaction.shapes.spared import Spared, folded
from langchain_tyrum.redaction.shapes.triggers import trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = [row for row in DETECTORS if row.pattern]
POSITIVE = [spell(text) for row in ROWS for text in row.positive]
GLUE = [
    "tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L",
    "token=1tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L:",
    "[REDACTED:x]",
    "api_key=1",
    "password=1",
    "bearer+1",
]


def _everywhere(data: bytes) -> list[tuple[int, int]]:
    """Try each pattern at each place, without triggers and without runs."""
    spared, spans = Spared(data), list[Span]()
    for row in compiled(DETECTORS).rows:
        if row.ends:
            spans += row.spans(data)
            continue
        spans += spared.rest(row, _matches(row, data), data)
        again = spared.around_handles(row, _matches(row, folded(data)))
        spans += spared.rest(row, again, folded(data))
    return [(span.start, span.end) for span in merge(spans)]


def _matches(row: Row, data: bytes) -> Iterator[tuple[int, Span]]:
    lowered, begins = data.lower(), tuple(row.heads or ())
    for at in range(len(data)):
        match = row.regex.match(data, at) if lowered.startswith(begins, at) else None
        if match and match.group(row.group):
            yield at, Span(*match.span(row.group), row.detector.kind)


class TestPlaces:
    @pytest.mark.parametrize("seed", range(16))
    def test_nothing_is_missed(self, seed):
        """Examples in a row, cut, repeated and glued are found as by trying all."""
        rng = random.Random(seed)
        some = rng.choices(POSITIVE, k=4) + rng.choices(GLUE, k=3)
        rng.shuffle(some)
        text = rng.choice([" ", "", "\n", ";"]).join(some)
        unit = rng.choice(POSITIVE)
        text += (unit[: rng.randint(4, len(unit))] + rng.choice(["", "1", '"'])) * 6
        data = text.encode()[:1000]

        found = merge(compiled(DETECTORS).find(data))
        assert _everywhere(data) == [(span.start, span.end) for span in found]

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_a_trigger_ends_within_its_reach(self, row):
        """In each example, where the match begins is among the places to try."""
        alarms = Alarms([trigger(row.pattern)])
        for text in row.positive:
            data = f"see: {spell(text)} <".encode()
            match = re.search(row.pattern.encode(), data)
            (places,) = alarms.places(data).values()
            assert any(low <= match.start() < high for low, high in places)

    def test_calm_talk_of_passwords_tries_no_row(self):
        """Words like token and password alone send no row over the text."""
        text = (
            "def tokens(self, passwords: int = 3): return self._tokens[secrets]; "
            "The key and the secret of good tokens: max_tokens=12, token: str, "
            "the password is not here, keys and passwords for the agent are many. "
        ) * 20
        assert compiled(DETECTORS)._likely(text.encode(), None) == ([], False)


class TestFloods:
    def test_a_text_with_more_hits_than_an_engine_takes(self):
        """Hits without number are taken block by block, and none is missed."""
        row = Detector(name="x", kind="x", pattern=r"ab[0-9]{2}")
        found = compiled((row,)).find(b"ab12 " * 70_000)
        assert [(at * 5, at * 5 + 4) for at in range(70_000)] == [
            span[:2] for span in found
        ]

    def test_a_row_that_reaches_far_is_tried_all_over(self):
        """In blocks, a match that none of them holds is found all the same."""
        far = Detector(
            name="far", kind="far", pattern=r"<a>[^\0-~]{40000}<b>", max_length=1 << 16
        )
        near = Detector(name="x", kind="x", pattern=r"ab[0-9]{2}")
        data = b"ab12 " * 75_000 + b"<a>" + b"\x7f" * 40_000 + b"<b>"
        found = compiled((far, near)).find(data)
        assert 75_001 == len(found)
        assert Span(375_000, len(data), "far", "far") in found

    def test_an_engine_that_fails_is_not_asked_in_blocks(self, monkeypatch):
        """What cannot be searched raises, also in a text of many blocks."""

        def fail(*_: object) -> None:
            raise EngineError("x")

        alarms = Alarms([trigger("ab[0-9]")])
        monkeypatch.setattr(Database, "scan", fail)
        with pytest.raises(EngineError):
            alarms.places(b"ab1" * 100_000)


class TestRuns:
    @pytest.mark.parametrize("unit", ["api_key=1a", "password=1.....", "bearer+1"])
    def test_names_in_a_run_are_read_once(self, unit):
        """A run that holds many names is one credential, found as by trying all."""
        data = (unit * 150).encode()
        found = merge(compiled(DETECTORS).find(data))
        assert _everywhere(data) == [(span.start, span.end) for span in found]

    def test_a_run_ends_at_its_limit(self):
        """Where a run is longer than a credential may be, names go on from there."""
        row = Detector(name="x", kind="x", pattern=r"k=([a-z0-9=]{4,300}(?<!=))")
        data = b"k=" + b"a" * 250 + b"k=" + b"b" * 400 + b"====" + b"k=cccc "
        row_spans = [span[:2] for span in Row(row).spans(data)]
        expected = [
            match.span(1)
            for at in range(len(data))
            if (match := re.compile(row.pattern.encode()).match(data, at))
        ]
        assert expected == row_spans


class TestHeads:
    def test_other_scripts_have_no_case(self):
        """A row that begins with the bytes of Cyrillic is found as it is written."""
        pattern = r"\xd0\x9f\xd0\x90: ([a-z0-9]{6,20})"
        row = Detector(name="x", kind="x", pattern=pattern)
        shown = Redactor(detectors=[row]).redact_text("\u041f\u0410: hunter2x")
        assert shown == "\u041f\u0410: [REDACTED:x]"

    def test_heads_that_overlap_are_all_found(self):
        """Literals are found at each place, one within another too."""
        literals = frozenset(f"a{chr(98 + n)}a".encode() for n in range(20))
        assert occurrences(b"abacadab", literals) == [0, 2, 4]
        assert heads("(?:ab|cd)x") == frozenset({b"abx", b"cdx"})
