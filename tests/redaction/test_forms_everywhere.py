"""The forms that DESIGN promises, for values of all sorts, wherever they stand."""

from __future__ import annotations

import base64
import html
import json
import random
import shlex
import textwrap
import unicodedata
import urllib.parse
from xml.sax import saxutils

import pytest

from langchain_tyrum.redaction import Redactor

PEM = "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n".format(
    "\n".join(
        textwrap.wrap(
            base64.b64encode(random.Random(5).randbytes(240)).decode(), width=64
        )
    )
)
VALUES = {
    "token": "tok_8Fq2Lz0Vb7Xn4Mw1Rc6Yd3Ks9",
    "wide": "pä$s-wörd-98-ключ-日本-x🙂y",
    "lines": PEM,
    "url": "https://app:S3cr3t%2Fx@db.internal:5432/main?a=1&b=<2>",
    "quotes": 'it\'s "q" \\ `b` $x & <y> \t 98',
    "eight": "x7#Kq/2v",
    "long": base64.b64encode(random.Random(7).randbytes(75_000)).decode(),
}


def _u8(text: str) -> bytes:
    return text.encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _percent(value: str, spell: str) -> str:
    return "".join(spell.format(byte) for byte in _u8(value))


#: The 31 forms; those of the last line are documented limits.
FORMS = {
    "raw": str,
    "json": lambda v: json.dumps(v)[1:-1],
    "json, not ASCII": lambda v: json.dumps(v, ensure_ascii=False)[1:-1],
    "json twice": lambda v: json.dumps(json.dumps(v)[1:-1])[1:-1],
    "json twice, not ASCII": lambda v: json.dumps(
        json.dumps(v, ensure_ascii=False)[1:-1], ensure_ascii=False
    )[1:-1],
    "repr": lambda v: repr(v)[1:-1],
    "base64": lambda v: _b64(_u8(v)).rstrip("="),
    "base64, shift 1": lambda v: _b64(b"a" + _u8(v) + b"bc"),
    "base64, shift 2": lambda v: _b64(b"ab" + _u8(v) + b"c"),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(_u8(v)).decode(),
    "base64 wrapped at 64": lambda v: "\n".join(textwrap.wrap(_b64(_u8(v)), 64)),
    "base64 wrapped at 76": lambda v: base64.encodebytes(_u8(v)).decode(),
    "base64 of base64": lambda v: _b64(base64.b64encode(_u8(v))),
    "basic auth": lambda v: "Basic " + _b64(b"user:" + _u8(v)),
    "base32": lambda v: base64.b32encode(_u8(v)).decode(),
    "hex": lambda v: _u8(v).hex(),
    "hex, upper case": lambda v: _u8(v).hex().upper(),
    "hex with colons": lambda v: _u8(v).hex(":"),
    "percent": lambda v: urllib.parse.quote(v, safe=""),
    "percent, all lower case": lambda v: _percent(v, "%{:02x}"),
    "percent, plus": urllib.parse.quote_plus,
    "percent twice": lambda v: urllib.parse.quote(urllib.parse.quote(v)),
    "html": html.escape,
    "xml": lambda v: saxutils.escape(v, {'"': "&quot;", "'": "&apos;"}),
    "entities": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "unicode escapes": lambda v: json.dumps(
        "".join(f"\\u{unit:04x}" for unit in _units(v))
    )[1:-1].replace("\\\\", "\\"),
    "NFD": lambda v: unicodedata.normalize("NFD", v),
    "shell": shlex.quote,
    "CRLF": lambda v: v.replace("\n", "\r\n"),
    "zero-width": "\u200b".join,
    "reversed": lambda v: v[::-1],
}
#: DESIGN asks for this many.
LEAST = 27


def _units(text: str) -> list[int]:
    wide = text.encode("utf-16-be")
    return [int.from_bytes(wide[at : at + 2]) for at in range(0, len(wide), 2)]


def _left_of(shown: str, written: str) -> int:
    """Measure the longest stretch of a form that is still readable in a text."""
    for size in (len(written), 64, 24, 12, 8):
        step = max(1, size // 2) if size > 64 else 1
        ends = range(0, max(1, len(written) - size + 1), step)
        if size <= len(written) and any(
            written[at : at + size] in shown for at in ends
        ):
            return size
    return 0


class TestTable:
    @pytest.mark.parametrize(
        "kind",
        [
            pytest.param(kind, marks=pytest.mark.slow) if kind == "long" else kind
            for kind in VALUES
        ],
    )
    def test_the_promised_forms_are_hidden(self, kind):
        """At least 27 of 31 forms of each value leave no eight characters in a row."""
        redactor = Redactor(detectors=[])
        value = VALUES[kind]
        redactor.register("n", value)
        host = "so: {} / end of it"
        table = {}
        for form, write in FORMS.items():
            written = write(value)
            shown = redactor.redact_text(host.format(written))
            assert shown.startswith("so: ")
            assert shown.endswith(" / end of it")
            core = written.removeprefix("Basic ").strip("\n'=")
            cut = 24 if form.startswith(("base64", "basic")) else 8
            table[form] = _left_of(shown, core) < min(cut, len(core))

        rows = "\n".join(
            f"{'hidden' if ok else 'SHOWN':7}{f}" for f, ok in table.items()
        )
        assert len(table) == 31
        assert sum(table.values()) >= LEAST, f"{kind}\n{rows}"


HOSTS = {
    "text": "{0}{1}{2}",
    "bytes": "{0}{1}{2}",
    "json": '{{"k": "{0}{1}{2}"}}',
}
QUICK = ["raw", "json", "base64", "hex", "base32", "percent", "reversed", "html"]


class TestPlaces:
    @pytest.mark.parametrize("form", QUICK)
    @pytest.mark.parametrize("kind", ["token", "wide", "quotes", "eight"])
    def test_every_alignment(self, form, kind):
        """Whatever stands before a form, and however much of it, it is found."""
        redactor = Redactor(detectors=[])
        for number in range(30):
            redactor.register(f"n{number}", f"another-{number:04d}-{number * 7919:x}")
        redactor.register("n", VALUES[kind])
        written = FORMS[form](VALUES[kind])
        for before in (*range(35), 62, 63, 64, 65, 4095, 4096, 65_535):
            text = "." * before + written + "." * (before % 7)
            shown = redactor.redact_text(text)
            assert "." * before + "[REDACTED:n]" in shown, before
            assert redactor.redact_bytes(text.encode()) == shown.encode(), before

    @pytest.mark.parametrize("shift", range(6))
    @pytest.mark.parametrize("kind", ["token", "wide", "eight"])
    def test_base64_of_anything_around(self, kind, shift):
        """In base64 of a larger text no three bytes of a value can be decoded."""
        redactor = Redactor(detectors=[])
        redactor.register("n", VALUES[kind])
        for tail in range(4):
            blob = b"A" * shift + _u8(VALUES[kind]) + b"B" * tail
            shown = redactor.redact_text(_b64(blob))
            core = _b64(blob)[-(-8 * shift // 6) : 8 * (shift + len(blob)) // 6]
            assert "[REDACTED:n]" in shown
            assert core[4:12] not in shown

    def test_short_values_in_their_forms(self):
        """A short value is hidden as a word, and as the long forms that it has."""
        redactor = Redactor(detectors=[])
        redactor.register("pin", "q7Rz9", allow_short=True)
        for form in ("raw", "hex", "hex, upper case", "percent, all lower case"):
            written = FORMS[form]("q7Rz9")
            assert redactor.redact_text(f"a {written} b") == "a [REDACTED:pin] b", form


class TestNeighbors:
    def test_values_beside_each_other(self):
        """Values without a gap are each hidden, in any order, in any form."""
        redactor = Redactor(detectors=[])
        one, two = VALUES["token"], VALUES["quotes"]
        redactor.register("one", one)
        redactor.register("two", two)
        for form in ("raw", "json", "hex", "percent", "reversed"):
            write = FORMS[form]
            for a, b in ((one, two), (two, one), (one, one)):
                shown = redactor.redact_text(f"<{write(a)}{write(b)}>")
                assert shown.count("[REDACTED:") == 2, form
                assert len(shown) == 2 + 2 * len("[REDACTED:one]"), form

    @pytest.mark.parametrize("cut", range(1, 24))
    def test_values_that_overlap(self, cut):
        """Two values that share a stretch are one marker, whatever they share."""
        redactor = Redactor(detectors=[])
        whole = "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk"
        first, second = whole[: 8 + cut], whole[max(0, 7 - cut // 4) :]
        redactor.register("first", first)
        redactor.register("second", second)
        shown = redactor.redact_text(f"<{whole}>")

        assert shown in ("<[REDACTED:first]>", "<[REDACTED:second]>")

    @pytest.mark.parametrize("size", [8, 12, 31])
    def test_one_value_inside_another(self, size):
        """Nothing of the outer value is left when the inner one is known too."""
        redactor = Redactor(detectors=[])
        whole = "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk"
        redactor.register("outer", whole)
        for at in range(0, len(whole) - size + 1, 3):
            redactor.register(f"inner{at}", whole[at : at + size])
        for form in ("raw", "hex", "base64", "reversed"):
            shown = redactor.redact_text(f"<{FORMS[form](whole)}>")
            assert shown.count("REDACTED") == 1, form

    def test_a_marker_never_brings_a_value_about(self):
        """Names that hold a value, or complete one at their edge, are not written."""
        redactor = Redactor(detectors=[])
        redactor.register("left", "first-value-1")
        redactor.register("edge", "x9[REDACT")
        for name in ("my-first-value-1", "first-value-1", "a/first-value-1@x"):
            redactor.register(name, f"other-{name[:3]}-4711")
            shown = redactor.redact_text(f"x9other-{name[:3]}-4711")
            assert "first-value-1" not in shown
            assert redactor.redact_text(shown) == shown
