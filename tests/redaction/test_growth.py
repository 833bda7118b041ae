"""Work grows with the text, not with its square, whatever the text is made of."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.shapes.rows import Row
from langchain_tyrum.redaction.text import TextGuard

if TYPE_CHECKING:
    import re

SMALL = 1000
#: Four times the text may cost at most this many times the work; its square is 16.
MOST = 8
VALUE = "foo12345xyz"


def _events(function, *arguments):
    """Count the calls that a call makes, C functions too: work on any machine."""
    count = 0

    def profile(*_: object) -> None:
        nonlocal count
        count += 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.setprofile(before)
    return count


def _fill(unit, size):
    return (unit * (size // len(unit) + 1))[:size]


UNITS = {
    "values": f"{VALUE} ",
    "markers and values": f"[REDACTED:x] {VALUE} ",
    "markers": "[REDACTED:x]",
    "open markers": "[REDACTED:",
    "sealed markers": "[REDACTED:~AAAA]",
    "handles": "tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L ",
    "glued handles": "password=Winter2026!tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L:",
    "passwords": "a://:b@c ",
    "elements": "<pw>hunter2x</pw>",
    "assignments": "password=Winter2026! ",
    "names": "token=",
    "headers": "Authorization: Bearer ",
    "escapes": "\\u0041\\u0042\\u0043 ",
    "percents": "%41%42%43%44 ",
    "colons": "41:42:43:44:45:46 ",
    "zero-width": "a\u200bb",
    "NUL": "a\0",
    "wrapped base64": "A" * 64 + "\n",
    "code blocks": "```\n",
    "glued values": VALUE,
    "glued values and letters": f"{VALUE}q",
    "markers and passwords": "[REDACTED:x] a://:b@c ",
}


class TestTexts:
    @pytest.mark.parametrize("name", UNITS)
    def test_four_times_the_text_is_no_more_than_eight_times_the_work(self, name):
        """A text that repeats what guards look for is no way to stop them."""
        unit = UNITS[name]
        redactor = Redactor()
        redactor.register("a", VALUE)
        redactor.redact_text(_fill(unit, 5000) + " warm")

        small = _events(redactor.redact_text, _fill(unit, SMALL))
        large = _events(redactor.redact_text, _fill(unit, 4 * SMALL))

        assert large <= MOST * max(small, 1000)

    @pytest.mark.parametrize("name", UNITS)
    def test_streams_too(self, name):
        """Fed in chunks of 50, the same texts grow as slowly."""
        redactor = Redactor()
        redactor.register("a", VALUE)

        def stream(text: str) -> None:
            with redactor.stream() as opened:
                for at in range(0, len(text), 50):
                    opened.feed(text[at : at + 50])
                opened.close()

        stream(_fill(UNITS[name], 600))
        small = _events(stream, _fill(UNITS[name], SMALL // 2))
        large = _events(stream, _fill(UNITS[name], 2 * SMALL))

        assert large <= MOST * max(small, 1000)


class TestNeighbors:
    @pytest.mark.parametrize(
        "unit", [VALUE, f"{VALUE}q", "a://:b@c", "<pw>hunter2x</pw>"]
    )
    def test_what_is_glued_is_looked_at_a_few_times(self, monkeypatch, unit):
        """Values without a gap do not have what follows them searched anew each."""
        redactor, looked = Redactor(), []
        redactor.register("a", VALUE)
        spans = TextGuard.spans

        def counting(self: TextGuard, data: bytes, **options: bool) -> object:
            looked.append(len(data))
            return spans(self, data, **options)

        monkeypatch.setattr(TextGuard, "spans", counting)
        for size in (2000, 16_000):
            looked.clear()
            assert "REDACTED" in redactor.redact_text(_fill(unit, size))
            assert sum(looked) <= 60 * size


SWALLOWING = [row for row in DETECTORS if row.ends]


class _Counting:
    """An expression that counts the bytes it may have to look at."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self._pattern = pattern
        self.looked = 0

    def search(self, data: bytes, at: int = 0) -> re.Match[bytes] | None:
        found = self._pattern.search(data, at)
        self.looked += (found.end() if found else len(data)) - at
        return found


class TestSwallowing:
    @pytest.mark.parametrize("row", SWALLOWING, ids=lambda row: row.name)
    def test_headers_without_end(self, row):
        """Many headers without a footer are looked through once, not each."""
        looked = []
        for size in (SMALL, 4 * SMALL):
            compiled = Row(row)
            begin = compiled.regex.search(f"{spell(row.positive[0])}\n".encode())
            data = _fill(f"{begin.group().decode()}\n", size).encode()
            counting = _Counting(compiled.ends)
            compiled.__dict__["ends"] = counting
            assert list(compiled.spans(data))
            looked.append(counting.looked)

        assert looked[1] <= MOST * looked[0]


class TestRegistrations:
    def test_values_with_a_common_beginning(self):
        """A hit costs the same whether hundred values begin so or four hundred."""
        work = []
        for count in (100, 400):
            redactor = Redactor(detectors=[])
            for number in range(count):
                redactor.register(
                    f"n{number}", f"{'common-beginning-' * 3}{number:05d}"
                )
            text = ("common-beginning-" * 3 + "! ") * 40
            redactor.redact_text(text)
            work.append(_events(redactor.redact_text, text))

        assert work[1] <= 2 * work[0]

    def test_one_value_under_many_names(self):
        """A value that many registered is replaced once, without asking all of them."""
        work = []
        for count in (50, 200):
            redactor = Redactor(detectors=[])
            for number in range(count):
                redactor.register(f"n{number}", VALUE)
            text = f"{VALUE} " * 40
            redactor.redact_text(text)
            work.append(_events(redactor.redact_text, text))

        assert work[1] <= MOST * work[0]


@pytest.mark.slow
class TestLargeTexts:
    @pytest.mark.parametrize(
        "unit",
        ["a", "\0", "%", "\\", "é", "{", '"', "=", "\n", "A1", "-----BEGIN "],
    )
    def test_megabytes_of_one_thing(self, unit):
        """Megabytes of anything come out as they are, but for a value in them."""
        redactor = Redactor()
        redactor.register("a", VALUE)
        half = unit * (1_000_000 // len(unit))
        shown = redactor.redact_text(f"{half} {VALUE} {half}")

        assert shown == f"{half} [REDACTED:a] {half}" or shown == "[REDACTED]"
        assert VALUE not in shown

    @pytest.mark.parametrize("count", [60_000, 70_000])
    def test_a_flood_is_hidden_or_withheld(self, count):
        """Below the limit each value is hidden; above, the text is."""
        redactor = Redactor(detectors=[])
        redactor.register("a", "abcabcab")
        shown = redactor.redact_text("abcabcab " * count)

        assert shown in ("[REDACTED:a] " * count, "[REDACTED]")
        assert (shown == "[REDACTED]") == (count > 1 << 16)

    def test_one_letter_a_megabyte_of_times(self):
        """A value of one letter is no value, so a megabyte of it is let be."""
        text = "a" * 1_000_000
        assert Redactor().redact_text(text) is text
