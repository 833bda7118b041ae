"""Credentials that are longer than anybody expects are hidden to their end."""

from __future__ import annotations

import random
import string

import pytest

from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.shapes import runs
from langchain_tyrum.redaction.shapes.rows import Row
from langchain_tyrum.redaction.undecided_rows import Openings, opens

REDACTOR = Redactor()
_RNG = random.Random(7)
_LETTERS = string.ascii_letters + string.digits


def _letters(size):
    return "q7" + "".join(_RNG.choices(_LETTERS, k=size - 2))


def _streamed(text, size):
    with REDACTOR.stream() as stream:
        parts = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
        return "".join(parts) + stream.close()


WITH_RUNS = [row for row in map(Row, DETECTORS) if row.run]
FRAMES = {
    "quoted": ('password = "', '" and more'),
    "JSON": ('{"private_key": "', '", "x": 1}'),
    "bare": ("API_TOKEN=", " and more"),
    "at the end": ("client_secret: ", ""),
    "environment": ("DB_PASSWORD=", "\nHOME=/root"),
    "key": ("MAPS_KEY=", "\nHOME=/root"),
    "service": ("datadog_api = '", "' and more"),
    "Kubernetes": ("- name: DB_PASSWORD\n  value: ", "\n- name: X"),
    "Docker": ("ENV DB_PASSWORD ", "\nRUN x"),
    "bearer": ("Authorization: Bearer ", " and more"),
    "cookie": ("Cookie: session=", "; Path=/"),
    "query": ("GET /x?access_token=", " HTTP/1.1"),
}


class TestAssignedValues:
    @pytest.mark.parametrize("size", [300, 1500, 40_000])
    @pytest.mark.parametrize("frame", FRAMES)
    def test_nothing_is_left_of_a_long_value(self, frame, size):
        """Up to where it ends, a value that its name gives away is one marker."""
        before, after = FRAMES[frame]
        value = _letters(size)
        shown = REDACTOR.redact_text(f"x {before}{value}{after}")

        assert shown.startswith(f"x {before}[REDACTED:")
        assert shown.endswith(f"]{after}")
        assert value[-6:] not in shown
        assert len(shown) < 120

    @pytest.mark.parametrize("frame", FRAMES)
    def test_streams_say_the_same(self, frame):
        """A stream, which holds back less than all of it, ends the marker there too."""
        before, after = FRAMES[frame]
        for size, chunk in ((40_000, 997), (90_000, 4096), (40_000, 100_000)):
            text = f"x {before}{_letters(size)}{after}"
            assert REDACTOR.redact_text(text) == _streamed(text, chunk)

    def test_a_stream_holds_no_more_than_its_ends(self):
        """What a stream holds of a value does not grow with the value."""
        with REDACTOR.stream() as stream:
            parts = [stream.feed('password = "q7')]
            for _ in range(60):
                parts.append(stream.feed(_letters(4096)))
                assert stream._size <= 44 * 1024
            parts += [stream.feed('" and'), stream.close()]

        assert "".join(parts) == 'password = "[REDACTED:password]" and'


class TestUrls:
    @pytest.mark.parametrize("size", [257, 400, 4096, 8000])
    def test_long_passwords_are_hidden(self, size):
        """A password of up to 8,192 characters in a URL is hidden, in streams too."""
        text = f"at postgres://u:{_letters(size)}@h:5432/db?x=1 and"
        shown = REDACTOR.redact_text(text)

        assert shown == "at postgres://u:[REDACTED:password]@h:5432/db?x=1 and"
        assert shown == _streamed(text, 61)

    def test_a_port_is_none(self):
        """A port with a path behind it, and an address far behind, stay."""
        text = f"http://localhost:8080/{'a' * 500} to me@example.com"
        assert REDACTOR.redact_text(text) is text


class TestWork:
    @pytest.mark.parametrize("unit", ["api_key=1", "password=1", "MAPS_KEY=1a"])
    def test_runs_are_read_once_by_streams(self, monkeypatch, unit):
        """Names that follow each other in one long word are no way to stop a stream."""
        read = []

        def counting(row, text, at):
            read.append((row, len(text) - at))
            return opens(row, text, at)

        monkeypatch.setattr("langchain_tyrum.redaction.undecided_rows.opens", counting)
        text = (unit * 6000).encode() + b" 0 "
        openings = Openings(WITH_RUNS)

        assert openings.first(text, 0) == len(text)
        assert read
        assert all(rest < row.run.reach + 1000 for row, rest in read)

    @pytest.mark.parametrize("row", WITH_RUNS, ids=lambda row: row.detector.name)
    def test_what_is_ruled_out_would_not_open(self, row):
        """Wherever a row's opening matches, the last run says that it may."""
        found = 0
        for example in row.detector.positive:
            filled = f"x {spell(example)} y"
            for end in range(1, len(filled) + 1):
                text = filled[:end].encode()
                last = runs.last_run(row.run, text)
                for at in range(end):
                    if opens(row, text, at):
                        found += 1
                        assert at + row.run.reach >= last
        assert found
