from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell

VALUES = {
    "alpha": "abcdabcdabcX9",
    "beta": "abcX9-second-Value",
    "gamma": 'pä$s/w+rd "q" 98',
    "lines": "line-one-1234\nline-two-5678",
    "pin": "4711",
    "edge": "foo12345xyz[",
}
REDACTOR = Redactor()
for _name, _value in VALUES.items():
    REDACTOR.register(_name, _value, allow_short=True)

_TOKEN = "beta-like Zq7"
PIECES = [
    *VALUES.values(),
    *(json.dumps(value) for value in VALUES.values()),
    *(base64.b64encode(value.encode()).decode() for value in VALUES.values()),
    "".join(f"\\u{ord(c):04x}" for c in VALUES["alpha"]),
    "".join(f"%{b:02x}" for b in VALUES["beta"].encode()),
    VALUES["beta"].encode().hex(":"),
    "\0".join(VALUES["beta"]),
    "\u200b".join(VALUES["alpha"]),
    *(spell(row.positive[0]) for row in DETECTORS if len(spell(row.positive[0])) < 120),
    *(spell(row.negative[0]) for row in DETECTORS if row.negative),
    "abcd",
    "abcX9",
    "foo12345xyz",
    "[REDACTED:alpha]",
    "[REDACTED",
    "tyrum://h_k7Qm2ZpX9wRt4VbN8cJh5L",
    "password: ",
    "my token is ",
    "\n",
    " ",
    ", ",
    "é€",
    "x",
]


def _streamed(redactor, text, cuts):
    with redactor.stream() as stream:
        parts, last = [], 0
        for cut in sorted({c % (len(text) + 1) for c in cuts} | {len(text)}):
            parts.append(stream.feed(text[last:cut]))
            last = cut
        parts.append(stream.close())
    return "".join(parts) if isinstance(text, str) else b"".join(parts)


class TestSameAsWhole:
    @pytest.mark.parametrize("piece", PIECES)
    def test_every_split_point(self, piece):
        """Cut anywhere, a stream says what redacting the whole text says."""
        text = f"so: {piece} end"
        whole = REDACTOR.redact_text(text)
        for cut in range(len(text) + 1):
            assert whole == _streamed(REDACTOR, text, [cut]), cut

    @pytest.mark.parametrize("piece", PIECES)
    def test_character_by_character(self, piece):
        """Fed one character at a time, a stream says what the whole text says."""
        text = f"so: {piece} end"
        assert REDACTOR.redact_text(text) == _streamed(REDACTOR, text, range(len(text)))

    @settings(max_examples=800, deadline=None)
    @given(
        st.lists(st.sampled_from(PIECES), max_size=8),
        st.sampled_from(["", " ", "\n", "-"]),
        st.lists(st.integers(0, 2000), max_size=12),
    )
    def test_any_text_cut_anywhere(self, pieces, between, cuts):
        """Values, shapes and near misses beside each other come out as in one text."""
        text = between.join(pieces)
        assert REDACTOR.redact_text(text) == _streamed(REDACTOR, text, cuts)

    @settings(max_examples=400, deadline=None)
    @given(
        st.lists(st.sampled_from(PIECES), max_size=8), st.sampled_from(["", " ", "-"])
    )
    def test_redacting_twice_changes_nothing(self, pieces, between):
        """What was redacted is clean, and no long value is left in it."""
        once = REDACTOR.redact_text(between.join(pieces))

        assert REDACTOR.redact_text(once) is once
        assert REDACTOR.scan(once) == []
        assert not [v for k, v in VALUES.items() if k != "pin" and v in once]

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_overlapping_values_cut_anywhere(self, data):
        """Values over a small alphabet, nested and overlapping, come out the same."""
        letters = st.text("ab1", min_size=8, max_size=12)
        redactor = Redactor(detectors=[])
        for index, value in enumerate(
            data.draw(st.lists(letters, min_size=1, max_size=4))
        ):
            if len(set(value)) > 2:
                redactor.register(f"n{index}", value)
        text = data.draw(st.text("ab1 ", max_size=60))
        cuts = data.draw(st.lists(st.integers(0, 60), max_size=8))
        assert redactor.redact_text(text) == _streamed(redactor, text, cuts)

    def test_bytes(self):
        """A stream of bytes may be cut within a character."""
        text = f"é {VALUES['gamma']} €".encode()
        for cut in range(len(text) + 1):
            assert REDACTOR.redact_bytes(text) == _streamed(REDACTOR, text, [cut])

    def test_wrapped_base64(self):
        """Base64 wrapped over lines is recognized across chunks."""
        blob = base64.encodebytes(
            b"x" * 60 + VALUES["beta"].encode() + b"y" * 30
        ).decode()
        whole = REDACTOR.redact_text(blob)
        assert "[REDACTED:beta]" in whole
        for cut in range(len(blob)):
            assert whole == _streamed(REDACTOR, blob, [cut])


class TestHoldingBack:
    def test_clean_text_is_hardly_held(self):
        """On clean text a stream holds back two bytes on average, or fewer."""
        rng = random.Random(7)
        redactor = Redactor()
        for index in range(300):
            redactor.register(f"n{index}", f"{rng.getrandbits(160):040x}")
        said = (
            "the agent reads a file and then writes what it found there so that "
            "nobody has to ask for the password twice, which is quite nice of it"
        )
        words = said.split(" ")
        text = " ".join(rng.choice(words) for _ in range(2000))
        held = []
        with redactor.stream() as stream:
            out = 0
            for start in range(0, len(text), 4):
                out += len(stream.feed(text[start : start + 4]))
                held.append(min(start + 4, len(text)) - out)
        assert sum(held) / len(held) <= 2

    def test_an_endless_key_is_not_kept(self):
        """A private key without an end is swallowed without being stored."""
        with REDACTOR.stream() as stream:
            out = stream.feed("-----BEGIN PRIVATE KEY-----\n")
            for _ in range(600):
                out += stream.feed("MIIE" * 64 + "\n")
            size = len(stream._held)
            out += stream.close()
        assert out == "[REDACTED:private-key]"
        assert size < 150_000

    def test_a_late_registration_counts(self):
        """A value registered while a stream is open is covered from then on."""
        redactor = Redactor()
        with redactor.stream() as stream:
            first = stream.feed("start ")
            redactor.register("late", "late-value-1234")
            rest = stream.feed("late-va") + stream.feed("lue-1234 end") + stream.close()
        assert first + rest == "start [REDACTED:late] end"


class TestClosing:
    def test_leaving_the_block_drops_what_is_held(self):
        """An error on the way drops the held text; nothing raw comes out later."""
        stream = REDACTOR.stream()
        with pytest.raises(ZeroDivisionError), stream:
            stream.feed("abcdabcdab")
            raise ZeroDivisionError
        assert stream.close() == ""

    def test_closing_twice_gives_nothing_more(self):
        """A closed stream has nothing left."""
        stream = REDACTOR.stream()
        stream.feed("abcdabcd")
        assert stream.close() == "abcdabcd"
        assert stream.close() == ""

    def test_nothing_fed_closes_as_text(self):
        """A stream that was fed nothing closes with an empty string."""
        assert REDACTOR.stream().close() == ""

    def test_refused_shapes_raise(self):
        """In refuse mode a stream raises before it shows the credential."""
        stream = Redactor(shapes="refuse").stream()
        with pytest.raises(RawSecretFound):
            stream.feed(spell("x ghp_<a36> y"))
        assert stream.close() == ""
