"""What a stream does at its open end, one guard a test."""

from __future__ import annotations

import random

import pytest

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.registry import Registry
from langchain_tyrum.redaction.undecided_rows import Openings

VALUE = "abcdefgh12345"


def _streamed(redactor, text, size=1):
    stream = redactor.stream()
    parts = [stream.feed(text[at : at + size]) for at in range(0, len(text), size)]
    parts.append(stream.close())
    return "".join(parts) if isinstance(text, str) else b"".join(parts)


def _knowing(*values, **options):
    redactor = Redactor(**options)
    for index, value in enumerate(values):
        redactor.register(f"n{index}", value)
    return redactor


class TestObserved:
    TEXTS = (
        f"password: {VALUE}-suffix99",
        f"postgres://u:{VALUE}xx@h/db",
        f"password: x-{VALUE}",
    )

    @pytest.mark.parametrize("text", TEXTS)
    def test_a_value_within_a_shape_is_hidden(self, text):
        """A shape that is only observed does not show the value within it."""
        redactor = _knowing(VALUE, shapes="observe")
        wanted = text.replace(VALUE, "[REDACTED:n0]")

        assert wanted == redactor.redact_text(text)
        assert [wanted] == redactor.redact([text])
        assert wanted.encode() == redactor.redact(text.encode())
        assert wanted == _streamed(redactor, text, 3)
        assert {"registered", "password"} == {f.rule for f in redactor.scan(text)}

    @pytest.mark.parametrize("text", TEXTS)
    def test_a_refusal_says_nothing_of_it(self, text):
        """A refused shape with a value in it raises, in a stream too, without it."""
        redactor = _knowing(VALUE, shapes="refuse")
        for work in (redactor.redact_text, redactor.redact, redactor.refuse):
            with pytest.raises(RawSecretFound) as caught:
                work(text)
            assert VALUE not in repr(caught.value)
        with pytest.raises(RawSecretFound):
            _streamed(redactor, text, 3)


class TestDisguises:
    VALUES = ("foo12345xyz", "ab%41cdefgh", "pa:ad:be-1234")

    @pytest.mark.parametrize("before", ["%", "%25", "\\x", "\\u00", "%41", "%41%42"])
    @pytest.mark.parametrize("mark", [":", "-"])
    def test_pairs_behind_what_looks_like_an_escape(self, before, mark):
        """Pairs of digits are held, whatever the sign before them looks like."""
        redactor = _knowing(*self.VALUES, detectors=[])
        for index, value in enumerate(self.VALUES):
            text = f"so {before}{value.encode().hex(mark)} end"
            whole = redactor.redact_text(text)
            assert f"[REDACTED:n{index}]" in whole
            assert whole == _streamed(redactor, text)

    def test_what_looks_escaped_and_is_not(self):
        """Escapes and pairs that a value holds as they are do not hide it."""
        redactor = _knowing(*self.VALUES, detectors=[])
        for value in self.VALUES:
            text = "x " + "\u200b".join([value[:6], *value[6:]]) + " y"
            assert value[-3:] not in redactor.redact_text(text).replace("\u200b", "")
            assert redactor.redact_text(text) == _streamed(redactor, text)

    def test_any_mix_of_them(self):
        """Pairs, escapes and fillers in any mix come out as in one text."""
        rng = random.Random(3)
        redactor = _knowing(*self.VALUES, detectors=[])

        def written(value):
            return "".join(
                rng.choice([c, c, f"%{ord(c):02x}", f"\\u{ord(c):04x}", f"{c}\u200b"])
                for c in value
            )

        for _ in range(60):
            value = rng.choice(self.VALUES)
            hexed = value.encode().hex(rng.choice(":-"))
            pieces = [
                hexed,
                written(value),
                "%",
                "%4",
                "\\x",
                "41",
                "%41%42",
                "x ",
                ":",
            ]
            text = "".join(rng.choices(pieces, k=rng.randint(2, 8)))
            for size in (1, 3, 7):
                assert redactor.redact_text(text) == _streamed(redactor, text, size)

    @pytest.mark.parametrize("escaped", [1, 2, 3])
    def test_a_run_of_escapes_that_still_grows(self, escaped):
        """A value is held while the run of escapes that ends it may get long enough."""
        value = "k7Qm2ZpX9wRt"
        redactor = _knowing(value, detectors=[])
        end = "".join(f"%{ord(char):02x}" for char in value[-escaped:])
        text = f"so {value[:-escaped]}{end}%20%20 end"
        assert "so [REDACTED:n0]%20%20 end" == redactor.redact_text(text)
        for size in (1, 2, 3, 5):
            assert redactor.redact_text(text) == _streamed(redactor, text, size)

    def test_a_run_behind_what_came_out(self, caplog):
        """A value that is out does not hold, or withhold, the run that follows it."""
        redactor = Redactor()
        redactor.register("n", "fox tulip 99")
        text = "fox tulip 994-20-41-66-6f-11 and then a long harmless text"
        wanted = "[REDACTED:n]4-20-41-66-6f-11 and then a long harmless text"
        assert wanted == redactor.redact_text(text)
        for size in (1, 2, 3):
            assert wanted == _streamed(redactor, text, size)
        assert [] == caplog.records


class TestFailing:
    def test_registered_values_that_cannot_be_listed(self, monkeypatch):
        """Where values cannot be looked up, a stream withholds and raises nothing."""
        redactor = _knowing(VALUE)
        stream = redactor.stream()
        shown = stream.feed("quiet ")
        redactor.register("late", "late-value-1234")

        def fail(_):
            raise MemoryError

        monkeypatch.setattr(Registry, "tiers", fail)
        shown += stream.feed(f"{VALUE} and ") + stream.feed("more") + stream.close()

        assert "quiet [REDACTED]" == shown

    def test_an_object_of_an_odd_class(self):
        """A class that cannot be compared costs itself, not the object around it."""

        class Odd(type):
            def __eq__(cls, other):
                raise RuntimeWarning

            __hash__ = type.__hash__

        class Leaf(metaclass=Odd):
            pass

        shown = _knowing(VALUE).redact({"a": f"so {VALUE}", "b": Leaf(), "c": "kept"})

        assert ("so [REDACTED:n0]", "kept") == (shown["a"], shown["c"])


class TestWork:
    @pytest.mark.parametrize("unit", ["Authorization: Bearer ", "password: "])
    def test_matches_are_looked_for_once_a_look(self, unit, monkeypatch):
        """However many matches are held, each of them is looked at a few times."""
        looked = []
        rows = Openings.rows

        def counted(self, lowered, at):
            looked.append(at)
            return rows(self, lowered, at)

        monkeypatch.setattr(Openings, "rows", counted)
        text = unit * 100
        redactor = _knowing(VALUE)
        stream = redactor.stream()
        shown = stream.feed(text) + stream.close()

        assert redactor.redact_text(text) == shown
        assert 0 < len(looked) <= 10 * 100


class TestCuts:
    def test_half_a_character_is_held(self):
        """Bytes come out in whole characters, so what comes out can be decoded."""
        redactor = _knowing("€uro-value-12", detectors=[])
        data = "aé€😀 €uro-value-1 €".encode()
        stream = redactor.stream()
        shown = [stream.feed(data[at : at + 1]) for at in range(len(data))]
        shown.append(stream.close())

        assert data == b"".join(shown)
        assert "aé€😀 €uro-value-1 €" == "".join(part.decode() for part in shown)

    def test_a_match_across_the_cut_is_held(self):
        """A command of which the password has come is held until that has ended."""
        redactor = Redactor()
        for text in (" -storepass nter2x l", "keytool -storepass hunter2x -alias a"):
            whole = redactor.redact_text(text)
            assert "[REDACTED:password]" in whole
            assert whole == _streamed(redactor, text)

    def test_tokens_glued_to_each_other(self):
        """A token that begins beside a marker only is held until it has ended."""
        redactor = Redactor()
        names = ["ebay-secret", "flutterwave-key", "tailscale-key"]
        rows = {row.name: row for row in DETECTORS}
        tokens = [spell(rows[name].positive[0]) for name in names]
        for text in ("".join(tokens), "".join(tokens[1:]), "".join(tokens[::-1])):
            whole = redactor.redact_text(text)
            for size in (1, 2, 3, 5):
                assert whole == _streamed(redactor, text, size)
