from __future__ import annotations

import base64
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import Detector, spell
from langchain_tyrum.redaction.structure import pass_structure
from langchain_tyrum.redaction.text import TextGuard

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

    def test_the_end_of_a_name_says_nothing(self):
        """Of a name that is out of sight, what is left is no name of a credential."""
        redactor = Redactor()
        name = "CACHE_KEY=3f9c07be51a8d2463f9c07be51a8d2463f9c07be"
        key = "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"
        for size in range(40):
            text = f"{'a' * size}-{name}-{key}-POSTGRES_PASSWORD=letmeinplease"
            assert redactor.redact_text(text) == _streamed(redactor, text, []), size

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
        words = 3 * said.replace("password", "word").split(" ") + ["password"]
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
            size = stream._size
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


class TestGlued:
    def test_tokens_and_values_without_a_separator(self):
        """Tokens and values glued together come out as in one text, cut anywhere."""
        tokens = ["glpat-<a20>", "ghp_<a36>", "pk_prod_<u28>", "AstraCS:<a24>:<h64>"]
        spelled = [spell(each) for each in tokens]
        edge = VALUES["edge"]
        for turn in range(len(spelled)):
            turned = [*spelled[turn:], *spelled[:turn]]
            for text in ("".join([*turned, edge]), "".join([edge, *turned]) + "abcdX"):
                whole = REDACTOR.redact_text(text)
                assert whole == _streamed(REDACTOR, text, range(len(text)))
                for cut in range(0, len(text), 5):
                    assert whole == _streamed(REDACTOR, text, [cut]), cut

    def test_a_token_that_a_value_ends(self):
        """A token that may not go on is held while what follows may be a value."""
        text = spell("pk_prod_<u28>") + VALUES["beta"]
        assert REDACTOR.redact_text(text).startswith("[REDACTED:courier-key]")
        assert REDACTOR.redact_text(text) == _streamed(REDACTOR, text, range(99))


class TestPlanted:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.one_of(st.sampled_from(PIECES), st.text("ab -\n:[\\%é", max_size=9)),
            min_size=1,
            max_size=3,
        ),
        st.sampled_from(["", " ", ": "]),
    )
    def test_all_split_points(self, pieces, between):
        """Values and shapes planted in random text come out the same at all cuts."""
        text = between.join(pieces)
        whole = REDACTOR.redact_text(text)
        for cut in range(0, len(text) + 1, 1 + len(text) // 40):
            assert whole == _streamed(REDACTOR, text, [cut]), cut

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=3),
        st.integers(1, 7),
    )
    def test_bytes_in_small_chunks(self, pieces, size):
        """Bytes cut within characters come out as one text does."""
        text = "é".join(pieces)
        data = text.encode("utf-8", "surrogatepass")
        whole = REDACTOR.redact_text(text).encode("utf-8", "surrogatepass")
        assert whole == _streamed(REDACTOR, data, range(0, len(data), size))

    @pytest.mark.parametrize("size", [1, 3, 4, 1000])
    def test_partitions(self, size):
        """A view's stream hides its own values and lets foreign ones pass."""
        redactor = Redactor()
        redactor.register("own", "own-value-12345", tenant="t", owner="ann")
        redactor.register("foreign", "foreign-value-12345", tenant="u")
        view = redactor.view(Principal("t", "ann"))
        text = "x own-value-12345, foreign-value-12345; own-value-1234"
        assert view.redact_text(text) == _streamed(view, text, range(0, 99, size))
        assert "x [REDACTED:own], foreign" in view.redact_text(text)

    @pytest.mark.parametrize("text", ["a\ud83d", "\ud83d\ude00", "\udc80 abcX9 \ud800"])
    def test_lone_surrogates(self, text):
        """Halves of characters pass a stream as they are."""
        for cut in range(len(text) + 1):
            assert text == _streamed(REDACTOR, text, [cut])

    def test_names_of_a_graph(self):
        """What turns out to be an identifier is left alone, as in one text."""
        redactor = Redactor()
        redactor.register("n", "look_up_it", owner="ann")
        pass_structure(redactor, ["look_up_it_all"])
        for text in ("see look_up_it_all", "see look_up_it then", "look_up_it_alx"):
            whole = redactor.redact_text(text)
            assert whole == _streamed(redactor, text, range(len(text)))
        assert "see look_up_it_all" == redactor.redact_text("see look_up_it_all")

    def test_escapes_of_which_few_have_come(self):
        """A value is held while the run of escapes in which it ends still grows."""
        value = VALUES["beta"]
        text = value[:-4] + "".join(f"%{ord(c):02x}" for c in value[-4:])
        text = f"so {text}%20%20 end"
        assert REDACTOR.redact_text(text) == _streamed(REDACTOR, text, range(99))


class TestWork:
    """Steps are counted, not timed: each is bounded by the length of the stream."""

    @staticmethod
    def _searched(monkeypatch, redactor, chunks):
        searched = []
        spans = TextGuard.spans

        def counted(self, data, **options):
            searched.append(len(data))
            return spans(self, data, **options)

        monkeypatch.setattr(TextGuard, "spans", counted)
        with redactor.stream() as stream:
            out = "".join([*map(stream.feed, chunks), stream.close()])
        return out, sum(searched)

    def test_many_values_in_one_chunk(self, monkeypatch):
        """A large chunk full of values is searched a few times, not once a value."""
        text = f"so {VALUES['alpha']} and " * 400
        out, searched = self._searched(monkeypatch, REDACTOR, [text])
        assert "so [REDACTED:alpha] and " * 400 == out
        assert searched < 8 * len(text)

    def test_what_is_held_for_long(self, monkeypatch):
        """A credential that grows by single characters is not searched at each."""
        text = "password: 1" + "a" * 3000
        out, searched = self._searched(monkeypatch, REDACTOR, text)
        assert "password: [REDACTED:password]" == out
        assert searched < 40 * len(text)

    def test_clean_chunks_reach_no_engine(self, monkeypatch):
        """Ordinary words pass without a search."""
        text = "quiet words float by and more of them come " * 20
        out, searched = self._searched(monkeypatch, REDACTOR, text)
        assert (text, 0) == (out, searched)

    def test_many_line_breaks(self):
        """Blank lines at the end of a chunk are passed, however many."""
        text = "\n" * 5000 + "x" + "\0" * 300 + ": -" * 50 + "\\" * 300
        assert text == _streamed(REDACTOR, text, [5000, 5200, 5301])

    @pytest.mark.parametrize("size", [700, 60_000])
    def test_held_for_too_long(self, size):
        """What stays undecided is withheld: bounded, and without its middle."""
        row = Detector(name="r", kind="odd", pattern=r"<<[a-z ]{9,}>>[a-z ]{9,}==")
        redactor = Redactor(detectors=[row])
        redactor.register("v", VALUES["alpha"])
        text = "x <<" + "quiet words " * (100_000 // 12)
        held = []
        with redactor.stream() as stream:
            out = ""
            for at in range(0, len(text), size):
                out += stream.feed(text[at : at + size])
                held.append(stream._size)
            out += stream.feed("? end") + stream.close()
        assert out.startswith("x [REDACTED]")
        assert out.endswith("quiet words ? end")
        assert max(held) < 120_000


class TestOver:
    def test_after_a_failure_nothing_comes(self, monkeypatch):
        """Where a search fails all is withheld, also the rest of what was held."""
        stream = REDACTOR.stream()
        stream.feed("quiet abcdabcdab")
        monkeypatch.setattr(TextGuard, "spans", lambda *_, **__: 1 / 0)
        assert "[REDACTED]" == stream.feed("cdX!")
        assert "" == stream.feed("cX9 and more") + stream.close()

    def test_after_a_refusal_nothing_comes(self):
        """A refused credential has no rest that a later chunk could show."""
        stream = Redactor(shapes="refuse").stream()
        with pytest.raises(RawSecretFound):
            stream.feed(spell("ghp_<a36> "))
        assert "" == stream.feed(spell("<a36>")) + stream.close()

    def test_refused_only_when_certain(self):
        """What turns out to be no credential is not refused."""
        redactor = Redactor(shapes="refuse")
        text = "token: getToken12(x) "
        assert text == redactor.redact_text(text)
        assert text == _streamed(redactor, text, range(len(text)))

    def test_a_left_block_shows_no_rest(self):
        """After a block was left with text held, nothing of its end is shown."""
        with REDACTOR.stream() as stream:
            stream.feed("abcdabcdab")
        assert "" == stream.feed("cdabcX9") + stream.close()

    def test_feeding_after_closing(self):
        """After closing, what is fed is another text."""
        stream = REDACTOR.stream()
        assert "abcdabcd" == stream.feed("abcdabcd") + stream.close()
        assert (
            "b [REDACTED:beta]" == stream.feed(f"b {VALUES['beta']}") + stream.close()
        )

    def test_empty_chunks(self):
        """Empty chunks change nothing."""
        text = f"a {VALUES['alpha']} b"
        with REDACTOR.stream() as stream:
            out = "".join(stream.feed(each) for c in text for each in ("", c, ""))
            out += stream.close()
        assert "a [REDACTED:alpha] b" == out
