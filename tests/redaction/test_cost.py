from __future__ import annotations

import random
import re

import pytest

from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor, tiers
from langchain_tyrum.redaction.detectors import Detector, spell
from langchain_tyrum.redaction.engines.hyper import Database
from langchain_tyrum.redaction.findings import Span, merge
from langchain_tyrum.redaction.known import _is_plain
from langchain_tyrum.redaction.markers import MARKER_BYTES, NAMELESS
from langchain_tyrum.redaction.shapes.disguises import looks_disguised
from langchain_tyrum.redaction.shapes.rows import Row
from langchain_tyrum.redaction.shapes.spared import Spared

VALUE = "Zq7-canary_Value.93x/K+w"
TOKEN = spell("ghp_<a36>")
WORDS = "the agent reads a file: {'name': 12-30} and writes it 22:18:03 "


@pytest.fixture
def scans(monkeypatch):
    """The sizes of what databases looked at."""
    sizes, scan = [], Database.scan

    def counted(self, data):
        sizes.append(len(data))
        return scan(self, data)

    monkeypatch.setattr(Database, "scan", counted)
    return sizes


@pytest.fixture
def many():
    """Redactors of some values, without shapes and with them."""

    def make(**options):
        redactor = Redactor(**options)
        redactor.register("a", VALUE)
        for number in range(20):
            redactor.register(f"n{number}", f"value-{number * 7919:06d}-{number:x}tail")
        redactor.redact_text("what there is to look for is compiled now " * 3)
        return redactor

    return make


class TestPasses:
    def test_known_values_take_one_pass(self, many, scans):
        """A plain text is looked at once, for all values, forms and disguises."""
        redactor, text = many(detectors=[]), WORDS * 2000
        del scans[:]
        assert redactor.redact_text(text) is text
        assert scans == [len(text)]

        del scans[:]
        assert not redactor.contains(text.encode())
        assert scans == [len(text)]

    def test_shapes_take_one_more(self, many, scans):
        """All shapes together are one more pass."""
        redactor, text = many(), WORDS * 2000
        redactor.redact_text(text)
        del scans[:]
        assert redactor.redact_text(text) is text
        assert scans == [len(text)] * 2

    @pytest.mark.parametrize(
        ("text", "passes"), [(WORDS + "\n", 1), (WORDS + "\\n%&\0\1é\n", 2)]
    )
    def test_a_short_text_takes_one_for_all_disguises(self, many, scans, text, passes):
        """One pass tells however many disguises are likely in it; plain lines none."""
        redactor = many(detectors=[])
        text = text * 10
        redactor.redact_text(text)
        del scans[:]
        redactor.redact_text(text)
        assert len(scans) == passes

    @pytest.mark.parametrize(
        "piece",
        [TOKEN, VALUE + "word", VALUE, VALUE + TOKEN, VALUE + "eyJ" + "a" * 30],
    )
    def test_neighbors_take_no_pass_of_their_own(self, many, scans, piece):
        """Twice as many gapless tokens are looked at no more often."""
        redactor, passes = many(), []
        for count in (400, 800):
            redactor.redact_text(piece * count)
            del scans[:]
            assert "[REDACTED" in redactor.redact_text(piece * count)
            passes.append(len(scans))
        assert passes[0] == passes[1] <= 20


class TestDisguises:
    @pytest.mark.parametrize("around", [b"", b" " * 80, WORDS.encode() * 100])
    @pytest.mark.parametrize("others", [b"", b" \\n % & \r\n \xc3\xa9 \xe2\x80\x99 "])
    def test_each_is_told_in_texts_of_any_size(self, around, others):
        """A trace is seen alone and among others, in short texts and in long ones."""
        samples = [
            b"a\0b", b"a\xe2\x80\x8bb", b"a\xc2\xadb", b"\xef\xbb\xbf", b"\\u200b",
            b"\\\\x00", b"A" * 60 + b"\n", b"A" * 60 + b"\\n", b"A" * 60 + b"\r",
            b"\\u0041" * 3, b"\\x41" * 3, b"%41" * 3, b"%2541" * 3, b"&#65;" * 3,
            b"41-42-43-44-45-46", b"41:42:43:44:45:46",
        ]  # fmt: skip
        assert not looks_disguised(around + others)
        assert (len(around) < 4000 and not others) == _is_plain(around + others)
        for sample in samples:
            text = around + others + sample + b" "
            assert looks_disguised(text)
            assert looks_disguised(text, ascii_only=text.isascii())
            line = b" abcdefgh-abcdefgh\n"  # ends like a wrapped one, and is none
            assert looks_disguised(line + text) != looks_disguised(line + around)
            assert sample[:3] in b"41-41:" or not _is_plain(text)


class TestPairs:
    @pytest.fixture(params=["few values", "many values"])
    def paired(self, request, monkeypatch):
        """Redactors that tell pairs by an anchor, and by their looks."""
        if request.param == "many values":
            monkeypatch.setattr(tiers, "_MOST_TRACED", 0)
        redactor = Redactor(detectors=[])
        redactor.register("a", VALUE)
        return redactor

    @pytest.mark.parametrize("mark", [":", "-"])
    @pytest.mark.parametrize("upper", [False, True])
    @pytest.mark.parametrize("size", [0, 10, 5000])
    def test_a_value_in_pairs_is_hidden(self, paired, mark, upper, size):
        """Pairs of digits are found in either case, with either mark."""
        form = f"key {VALUE}!".encode().hex(mark)
        form = form.upper() if upper else form
        text = WORDS * size + form
        assert paired.contains(text.encode())
        hidden = paired.redact_text(text)
        assert "[REDACTED:a]" in hidden
        assert VALUE.encode()[4:8].hex(mark) not in hidden.lower()

    def test_part_of_it_is_no_value(self, paired):
        """A trace is not taken for what it is a trace of."""
        text = WORDS * 3 + VALUE.encode()[:18].hex(":")
        assert paired.redact_text(text) is text
        assert not paired.contains(text.encode())
        assert paired.scan(text) == []

    def test_a_value_that_is_itself_pairs_is_hidden(self, paired):
        """A fingerprint is a value like any other, and hides no other one."""
        pairs = VALUE.encode().hex(":")
        paired.register("b", pairs[12:27])
        assert paired.redact_text(pairs[12:27]) == "[REDACTED:b]"
        assert "[REDACTED:a]" in paired.redact_text(WORDS + pairs)


class TestShortTexts:
    @pytest.mark.parametrize("length", [4, 5, 6, 7, 8, 23])
    def test_a_form_is_seen_wherever_it_stands(self, length):
        """Looking at a short text without an engine misses no offset."""
        form = b"Zq7canaryValue93xKpw8mN"[:length]
        tier = tiers.Tier([form, b"another-one"])
        for before in range(64 - length):
            assert tier.find(b"x" * before + form) == [(before, form)]


def _beside(guard, data, spans):
    """Find neighbors by looking at all that follows each span, as if for itself."""
    mark, at = NAMELESS.encode(), 0
    while at < len(spans):
        end = spans[at].end
        at += 1
        if not data[end : end + 1].strip(b" .,[]"):
            continue
        shift = end - len(mark)
        beside = [
            span._replace(start=max(span.start + shift, end), end=span.end + shift)
            for span in guard.covered(mark + data[end : end + (1 << 14)])
            if span.start < len(mark) + 64 and span.end > len(mark)
        ]
        spans = [*spans[:at], *merge([*spans[at:], *beside])]
    return spans


class TestNeighbors:
    @pytest.mark.parametrize("seed", range(40))
    def test_they_are_what_a_look_at_all_that_follows_finds(self, seed):
        """What stands beside a marker is found as if the text began there."""
        rng = random.Random(seed)
        redactor = Redactor()
        redactor.register("a", VALUE)
        redactor.register("s", "ab1", allow_short=True)
        guard = redactor.view(Principal(), everyone=True)._guard
        pieces = [
            VALUE, TOKEN, "ab1", "ab1-", "word", " ", ".", "password=", "hunter2xyz9 ",
            spell("AKIA<u16>"), "eyJ", "[REDACTED:x]", "tyrum://h_abcdefghijklmnop",
            "-----BEGIN PRIVATE KEY-----\nMIIE", "-----END PRIVATE KEY-----",
        ]  # fmt: skip
        data = VALUE + "".join(rng.choices(pieces, k=rng.randint(2, 30)))
        data = data.encode()
        spans = guard.covered(data)

        assert _beside(guard, data, spans) == guard.with_neighbors(
            data, spans, shapes=True
        )

    def test_a_chain_of_them_is_hidden(self):
        """However long tokens stand gapless, each of them is found."""
        redactor = Redactor()
        redactor.register("a", VALUE)
        hidden = redactor.redact_text((VALUE + TOKEN + "-") * 300 + " end")
        assert hidden == "[REDACTED:a][REDACTED:github-pat]-" * 300 + " end"

    def test_markers_stay_whole_among_many(self):
        """A token that touches no marker is found between any number of them."""
        text = f"[REDACTED:x] {TOKEN} " * 300
        hidden = Redactor().redact_text(text)
        assert hidden == "[REDACTED:x] [REDACTED:github-pat] " * 300
        assert len(MARKER_BYTES.findall(hidden.encode())) == 600

    @pytest.mark.parametrize("seed", range(20))
    def test_what_touches_a_marker_or_handle_is_left_alone(self, seed):
        """Spans are spared by where markers and handles stand, however many."""
        rng = random.Random(seed)
        pieces = [
            "[REDACTED:x]",
            "[REDACTED]",
            "tyrum://h_abcdefghijklmnop",
            "word",
            " ",
        ]
        data = "".join(rng.choices(pieces, k=60)).encode()
        starts = [rng.randrange(len(data) - 8) for _ in range(80)]
        spans = [Span(at, at + rng.randint(1, 8), "x", "x") for at in starts]
        spared, row = Spared(data), Row(Detector(name="x", kind="x", pattern="x"))

        def apart(pattern: re.Pattern[bytes]) -> list[Span]:
            places = [match.span() for match in pattern.finditer(data)]
            return [
                span
                for span in spans
                if all(high <= span.start or span.end <= low for low, high in places)
            ]

        found = [(span.start, span) for span in spans]
        assert apart(MARKER_BYTES) == list(spared.rest(row, found, data)) != spans
        handles = re.compile(rb"tyrum://h_abcdefghijklmnop(?:word)*")
        assert apart(handles) == [
            span for span in spans if not spared.handles.between(span.start, span.end)
        ]

    def test_keys_that_never_end_are_one(self):
        """What a key swallows is not looked at again."""
        text = "-----BEGIN RSA PRIVATE KEY-----\n" * 300
        assert Redactor().redact_text(text) == "[REDACTED:private-key]"
