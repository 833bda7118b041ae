"""What holds of any text, any value and any way to cut them."""

from __future__ import annotations

import base64
import copy
import html
import json
import textwrap
import unicodedata
import urllib.parse

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from langchain_tyrum.errors import WeakSecret
from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.markers import MARKER

SOME = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
ANY = st.characters(codec=None, exclude_categories=())
ALPHABETS = [
    "abc1",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "a\\\"'/+=%&<>[]:{}~ 1b",
    "äöüé\u0301中文🙂a1\u202e\u200b\u200d\ufeff",
    "ab1\n\r \t",
    "\0\x01ab1\x1b",
    "-_.REDACTED[]:~",
    "\ud800\udfffab1",
]


def _u8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


FORMS = {
    "raw": str,
    "json": lambda v: json.dumps(v)[1:-1],
    "json twice": lambda v: json.dumps(json.dumps(v)[1:-1])[1:-1],
    "repr": lambda v: repr(v)[1:-1],
    "base64": lambda v: base64.b64encode(_u8(v)).decode().rstrip("="),
    "base64 shifted": lambda v: base64.b64encode(b"ab" + _u8(v) + b"c").decode(),
    "base64 wrapped": lambda v: "\n".join(
        textwrap.wrap(base64.b64encode(b"x" * 50 + _u8(v) + b"y" * 9).decode(), 64)
    ),
    "hex": lambda v: _u8(v).hex(),
    "colons": lambda v: _u8(v).hex(":"),
    "base32": lambda v: base64.b32encode(_u8(v)).decode().rstrip("="),
    "percent": lambda v: urllib.parse.quote(_u8(v)),
    "all percent": lambda v: "".join(f"%{byte:02x}" for byte in _u8(v)),
    "html": html.escape,
    "entities": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "reversed": lambda v: v[::-1],
    "NUL": "\0".join,
    "zero-width": "\u200b".join,
}
#: Forms that may not be in what comes out, whatever stands around them.
CERTAIN = ("raw", "json", "base64", "hex", "base32", "percent", "reversed")
SHAPED = [spell(row.positive[0]) for row in DETECTORS]
NEAR = [
    "[REDACTED:n0]",
    "[REDACTED",
    "[REDACTED]",
    "]",
    "tyrum://h_abc",
    "password: ",
    "token=",
    "-----BEGIN EC PRIVATE KEY-----",
    "\\u00",
    "%2",
    "\\",
    "\r\n",
]


@st.composite
def values(draw):
    """One to four values over one small alphabet, so that they overlap."""
    letters = st.text(draw(st.sampled_from(ALPHABETS)), min_size=8, max_size=24)
    drawn = draw(st.lists(letters, min_size=1, max_size=4))
    if len(drawn) > 1:
        drawn.append(drawn[0][4:] + drawn[1][:8])
    return drawn


@st.composite
def cases(draw):
    """A redactor, the values that it took, and a text full of them."""
    redactor, known = Redactor(), []
    for number, value in enumerate(draw(values())):
        try:
            redactor.register(f"n{number}", value)
        except WeakSecret:
            continue
        bare = value.strip()
        known.append(bare if len(bare) >= 8 else value)
    pieces = [st.sampled_from(SHAPED), st.sampled_from(NEAR), st.text(ANY, max_size=12)]
    if known:
        shown = st.builds(
            lambda value, form, cut: FORMS[form](value)[:cut],
            st.sampled_from(known),
            st.sampled_from(sorted(FORMS)),
            st.sampled_from([None, None, None, 7, -1]),
        )
        pieces += [shown, shown]
    joint = draw(st.sampled_from(["", " ", "\n", "-", "x", '"', "[", "\0"]))
    text = joint.join(draw(st.lists(st.one_of(pieces), max_size=6)))
    return redactor, known, text


class TestText:
    @SOME
    @given(cases())
    def test_no_form_of_a_value_is_left(self, case):
        """Searched for by force, none of them stands in what came out."""
        redactor, known, text = case
        shown = redactor.redact_text(text)

        for value in known:
            for form in CERTAIN:
                written = FORMS[form](value)
                assert written not in shown or len(set(written)) < 3, form

    @SOME
    @given(cases())
    def test_twice_is_once(self, case):
        """What came out is clean: the same object, without a finding."""
        redactor, _, text = case
        once = redactor.redact_text(text)

        assert redactor.redact_text(once) is once
        assert redactor.scan(once) == []
        assert redactor.redact([once])[0] is once

    @SOME
    @given(cases())
    def test_findings_and_markers_go_together(self, case):
        """A text is changed where, and only where, there is something to find."""
        redactor, _, text = case
        shown = redactor.redact_text(text)

        assert (shown is text) == (redactor.scan(text) == [])
        assert shown is text or MARKER.search(shown)
        if any(each.rule == "registered" for each in redactor.scan(text)):
            assert redactor.contains(_u8(text))

    @SOME
    @given(cases(), st.lists(st.integers(0, 400), max_size=10), st.booleans())
    def test_a_stream_says_what_the_text_says(self, case, cuts, single):
        """Cut anywhere, or fed one character at a time."""
        redactor, _, text = case
        points = (
            range(len(text)) if single else sorted(c % (len(text) + 1) for c in cuts)
        )
        ends = [*points, len(text)]
        with redactor.stream() as stream:
            parts = [
                stream.feed(text[start:end])
                for start, end in zip([0, *ends], ends, strict=False)
            ]
            parts.append(stream.close())

        assert redactor.redact_text(text) == "".join(parts)

    @SOME
    @given(cases())
    def test_an_object_says_what_its_texts_say(self, case):
        """Each leaf of an object comes out as the text alone does."""
        redactor, _, text = case
        obj = {"k": text, "list": [text, (text,)], "data": {1: {text}}}
        before = copy.deepcopy(obj)
        shown = redactor.redact_text(text)

        hidden = redactor.redact(obj)

        assert hidden == {"k": shown, "list": [shown, (shown,)], "data": {1: {shown}}}
        assert obj == before
        assert (hidden is obj) == (shown is text)

    @SOME
    @given(cases())
    def test_bytes_say_what_texts_say(self, case):
        """Text in bytes comes out the same, or is withheld as a whole."""
        redactor, _, text = case
        shown = redactor.redact_bytes(_u8(text))
        whole = _u8(redactor.redact_text(text))

        assert shown == whole or MARKER.fullmatch(shown.decode())

    @SOME
    @given(values(), st.binary(max_size=80), st.binary(max_size=80))
    def test_any_bytes_around_a_value(self, known, before, after):
        """Invalid UTF-8 around a value hides it no better."""
        redactor = Redactor(detectors=[])
        try:
            redactor.register("n", known[0])
        except WeakSecret:
            return
        raw = _u8(known[0].strip() if len(known[0].strip()) >= 8 else known[0])
        shown = redactor.redact_bytes(before + raw + after)

        assert raw not in shown
        assert redactor.redact_bytes(shown) is shown
        assert redactor.contains(before + raw + after)


class TestBinaryValues:
    @SOME
    @given(st.binary(min_size=8, max_size=40), st.binary(max_size=20))
    def test_values_of_any_bytes(self, value, around):
        """A value that is no text is hidden raw, in hexadecimal and in base64."""
        redactor = Redactor(detectors=[])
        try:
            redactor.register("n", value)
        except WeakSecret:
            return
        bare = value.strip()
        raw = bare if len(bare) >= 8 else value
        assert raw not in redactor.redact_bytes(around + raw + around)
        assert raw.hex() not in redactor.redact_text(f"<{raw.hex()}>")
        encoded = base64.b64encode(raw).decode()
        assert encoded not in redactor.redact_text(f"<{encoded}>")


CHARACTERS = {
    "combining": "pässwörd-e\u0301-x9",
    "composed": "pässwörd-é-x9",
    "wide": "🙂🙃-secret-𐐷𐐨-9",
    "right to left": "\u202eterces\u202c-سر-سود-9",
    "zero-width inside": "ab\u200bcd\u200def\ufeffgh-19",
    "lone surrogates": "ab\ud800cd\udfffef-19",
    "NUL inside": "ab\0cd\0ef\0gh-19",
    "NUL in front": "\0\0abcdefgh-19",
    "CRLF": "first-8f3a91\r\nsecond-77c0de\r\nthird-x9y8z7",
    "tabs": "ab\tcd\tef gh-19",
    "controls": "ab\x1b[0mcd\x07ef-19",
    "16 KB": "k7Qm2ZpX9wRt4VbN" * 1024,
    "16,001 bytes": "k7Qm2ZpX9wRt4VbN" * 1000 + "x",
    "100 KB": "k7Qm2ZpX9wRt4VbN8" * 6000,
    "quotes": "'\"`\\'\"`\\ab1",
    "brackets": "]abc123-xyz[",
}


class TestCharacters:
    @pytest.mark.parametrize("kind", CHARACTERS)
    def test_values_of_odd_characters(self, kind):
        """Hidden in text, bytes, objects and streams, whatever they are made of."""
        value = CHARACTERS[kind]
        redactor = Redactor(detectors=[])
        for number in range(80):
            redactor.register(f"n{number}", f"another-{number:04d}-{number * 7919:x}")
        redactor.register("odd", value)
        text = f"so: {value} / {json.dumps(value)} / {_u8(value).hex()} end"
        with redactor.stream() as stream:
            size = max(5, len(text) // 300)
            parts = [
                stream.feed(text[at : at + size]) for at in range(0, len(text), size)
            ]
            parts.append(stream.close())

        expected = 'so: [REDACTED:odd] / "[REDACTED:odd]" / [REDACTED:odd] end'
        assert expected == redactor.redact_text(text)
        assert expected == "".join(parts)
        assert expected == redactor.redact({"a": [text]})["a"][0]
        assert _u8(value) not in redactor.redact_bytes(_u8(text))

    @pytest.mark.parametrize("registered", ["NFC", "NFD"])
    @pytest.mark.parametrize("written", ["NFC", "NFD"])
    def test_both_spellings(self, registered, written):
        """A value is hidden composed and decomposed, however it was registered."""
        redactor = Redactor(detectors=[])
        value = CHARACTERS["composed"]
        redactor.register("odd", unicodedata.normalize(registered, value))
        text = f"<{unicodedata.normalize(written, value)}>"
        assert redactor.redact_text(text) == "<[REDACTED:odd]>"
