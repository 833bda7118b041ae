from __future__ import annotations

import base64
import copy
import importlib

import pytest

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction import kingfisher as room
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.kingfisher import kingfisher

FLICKR = "flickr = '3f9c07be51a8d2463f9c07be51a8d24a'"
TOKEN = spell("ghp_<a36>")


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(detectors=[*DETECTORS, kingfisher(cache=False)])


class TestFinding:
    def test_finds_what_the_built_in_rows_do_not(self, redactor):
        """Keys without a prefix are found by rules that know their service."""
        assert Redactor().redact_text(FLICKR) is FLICKR
        assert redactor.redact_text(FLICKR) == (
            "flickr = '[REDACTED:flickr-access-token]'"
        )

    def test_finds_tokens_in_base64(self, redactor):
        """A token inside base64 is found, and all of the base64 is hidden."""
        blob = base64.b64encode(f"x {TOKEN} y".encode()).decode()
        assert redactor.redact_text(f"é {blob} z") == "é [REDACTED:github-pat] z"

    def test_reports_like_any_row(self, redactor):
        """Findings say path, rule and offsets of the string."""
        (finding,) = redactor.scan({"a": [FLICKR]})
        assert (finding.path, finding.rule) == ("a[0]", "flickr-access-token")
        assert FLICKR[finding.start : finding.end] == FLICKR[10:42]

    @pytest.mark.parametrize(
        "text",
        [
            FLICKR,
            f"two: {TOKEN}, {FLICKR}",
            "token: tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L",
            "password=[REDACTED:password] and [REDACTED]",
            "nothing to see here",
        ],
    )
    def test_settles_and_streams(self, redactor, text):
        """Redacting twice changes nothing, and streams say what texts say."""
        once = redactor.redact_text(text)
        with redactor.stream() as stream:
            parts = [stream.feed(char) for char in text] + [stream.close()]

        assert redactor.redact_text(once) == once
        assert once == "".join(parts)

    def test_text_the_engine_reads_otherwise(self, redactor):
        """What it may take for UTF-16 is hidden all the same."""
        wide = f"key {TOKEN}".encode("utf-16-le").decode("latin-1")
        shown = redactor.redact_bytes(f"key {TOKEN}".encode("utf-16-le"))

        assert TOKEN not in redactor.redact_text(wide).replace("\0", "")
        assert TOKEN not in shown.decode("utf-16-le", "replace")

    def test_is_one_row(self):
        """The same arguments give the same row, so that it is compiled once."""
        assert kingfisher(cache=False) is kingfisher(cache=False)
        assert copy.copy(kingfisher(cache=False)).name == "kingfisher"


class TestFailing:
    def test_without_the_extra(self, monkeypatch):
        """Without the extra the row cannot be had, and the error says what to type."""

        def missing(name):
            raise ImportError(name)

        monkeypatch.setattr(importlib, "import_module", missing)
        room._row.cache_clear()
        with pytest.raises(ConfigError) as caught:
            kingfisher()
        room._row.cache_clear()

        assert "pip install 'langchain-tyrum[detect]'" in str(caught.value)
        assert caught.value.__context__ is None

    def test_an_engine_that_fails_withholds_the_text(self):
        """A text that the engine could not look through is withheld."""
        row = kingfisher(confidence="high", cache=False)

        def broken(data):
            raise RuntimeError(data)

        twin = type(row)(name="k", kind="k", finder=broken)
        assert Redactor(detectors=[twin]).redact_text("anything") == "[REDACTED]"
        assert Redactor(detectors=[twin]).redact(["anything"]) == "[REDACTED]"
