"""Wrapped values: told by what is left of them, without a look at each line's end."""

from __future__ import annotations

import random
import string

import pytest

from langchain_tyrum.redaction import Redactor, tiers
from langchain_tyrum.redaction.anchors import anchors, pair_anchors
from langchain_tyrum.redaction.copies import STRICT, Copy
from langchain_tyrum.redaction.encodings import derived_forms
from langchain_tyrum.redaction.engines.base import MAX_HITS
from langchain_tyrum.redaction.engines.hyper import Database
from langchain_tyrum.redaction.known import is_known
from langchain_tyrum.redaction.secretive import is_form
from langchain_tyrum.redaction.tiers import TRACE, Tier

LETTERS = string.ascii_letters + string.digits
#: What a wrap stands behind.
BEFORE = b"Kx7" * 20
WORDS = "the agent reads a file\nand writes it 22:18:03\n"
VALUES = {
    "token": "ghp_8Fq2Lz0Vb7Xn4Mw1Rc6Yd3Ks9Tj5Hg2P",
    "of sixteen": "aQ3kZ8wB5nX1vR7t",
    "of twelve": "aQ3kZ8wB5nX1",
    "odd": "p/8Fq+2Lz-0Vb_7Xn4Mw1Rc6=Yd3Ks",
    "hexadecimal": "0c1d2e3f4a5b6978a7b6c5d4",
    "address": "postgresql://app:8Fq2Lz0Vb7Xn4Mw1Rc6@db.example.com:5432/m",
    "words": "correct horse battery staple",
    "joined words": "my-production-key",
    "more words": "development-key-for-production-only",
    "many words": "my-production-key-of-the-staging-database",
    "not ASCII": "pässwörd-8Fq2Lz0Vb7Xn",
    "long": "".join(random.Random(5).choices(LETTERS, k=100)),
}
#: Of these, too little is left for a trace.
UNFIT = {
    "short": "aQ3kZ8wB",
    "of few letters": "abcabcabcabcabcabc7",
    "digits": "1212121212121219",
}


def _forms(value: str) -> list[bytes]:
    forms = derived_forms(value.encode())
    return [form for form in forms if is_form(form) or form == value.encode()]


def _wrapped(form: bytes, at: int, fill: bytes = b"\n") -> bytes:
    return BEFORE + form[:at] + fill + form[at:]


def _is_wrapped(data: bytes, form: bytes) -> bool:
    """Tell, without an engine, whether a form stands in a text once unwrapped."""
    return form in Copy(data, STRICT).data


@pytest.fixture
def knowing():
    """Redactors of values, that have compiled them."""

    def make(*values: str) -> Redactor:
        redactor = Redactor(detectors=[])
        for number, value in enumerate(values):
            redactor.register(f"n{number}", value)
        redactor.redact_text("what there is to look for is compiled now " * 3)
        return redactor

    return make


@pytest.fixture
def scans(monkeypatch):
    """The sizes of what databases looked at."""
    sizes, scan = [], Database.scan

    def counted(self, data):
        sizes.append(len(data))
        return scan(self, data)

    monkeypatch.setattr(Database, "scan", counted)
    return sizes


class TestPieces:
    @pytest.mark.parametrize("kind", VALUES)
    def test_one_stays_whole_wherever_a_form_is_wrapped(self, kind):
        """Whatever place a wrap falls into, one of the pieces is not cut by it."""
        for form in _forms(VALUES[kind]):
            pieces = [form[low:high] for low, high in anchors(form)]
            for at in range(1, len(form)):
                data = _wrapped(form, at)
                if _is_wrapped(data, form):
                    assert any(piece in data for piece in pieces), (form, at)

    @pytest.mark.parametrize("size", range(12, 50))
    def test_pairs_with_hyphens_have_two(self, size):
        """A wrap between pairs of digits leaves one of the two whole."""
        form = "".join(random.Random(size).choices("0123456789abcdef", k=size)).encode()
        pairs = [form[at : at + 2] for at in range(0, size - 1, 2)]
        left = pair_anchors(form, wraps=True)[1:]
        for at in range(1, len(pairs)):
            data = b"-".join(pairs[:at]) + b"\n" + b"-".join(pairs[at:])
            assert any(text in data for text in left), at


class TestTraces:
    @pytest.mark.parametrize("kind", [*VALUES, *UNFIT])
    @pytest.mark.parametrize("limit", [None, 0])
    def test_a_value_is_found_wherever_it_is_wrapped(
        self, kind, limit, knowing, monkeypatch
    ):
        """Every form is hidden, wherever it is cut, with traces and without."""
        if limit is not None:
            monkeypatch.setattr(tiers, "_MOST_TRACED", limit)
        value = {**VALUES, **UNFIT}[kind]
        redactor = knowing(value, "another-Value-that-is-no-part-of-it")
        (tier,) = redactor._registry.tiers()
        assert tier.wraps == (kind in VALUES and limit is None)
        for number, form in enumerate(_forms(value)):
            step = 1 if number < 2 else 6
            for at in range(1, len(form), step):
                data = _wrapped(form, at, (b"\n", b"\r\n", b"\\n", b"\n \t")[at % 4])
                if _is_wrapped(data, form):
                    assert redactor.contains(data), (form, at)

    def test_what_contains_another_form_is_found_too(self, knowing):
        """Where a shorter value stands whole, a longer one that is cut is hidden."""
        inner = VALUES["token"]
        outer = f"{inner}-{VALUES['of sixteen']}-{VALUES['of twelve']}"
        redactor = knowing(inner, outer)
        for at in range(len(inner) + 1, len(outer)):
            shown = redactor.redact_text(_wrapped(outer.encode(), at).decode())
            assert shown == f"{BEFORE.decode()}[REDACTED:n1]"

    @pytest.mark.parametrize("fill", ["\n", "\\n", "\r\n"])
    def test_lines_may_be_set_in_however_far(self, fill, knowing):
        """A wrap is followed by any number of blanks."""
        value = VALUES["token"]
        redactor = knowing(value)
        for at in range(1, len(value)):
            data = _wrapped(value.encode(), at, f"{fill}{' ' * 300}".encode())
            assert redactor.contains(data), at

    def test_pairs_are_found_wherever_they_are_wrapped(self, knowing):
        """Digits between hyphens are hidden though a line ends among them."""
        value = VALUES["token"]
        redactor, form = knowing(value), value.encode().hex("-").encode()
        for at in range(17, len(form) - 17, 3):
            data = BEFORE + form[:at] + b"\n" + form[at + 1 :]
            shown = redactor.redact_bytes(data)
            assert b"[REDACTED:n0]" in shown, at

    @pytest.mark.parametrize("seed", range(4))
    def test_any_values_are_found_as_without_traces(self, seed, knowing, monkeypatch):
        """Values that overlap, contain each other and share beginnings hide no other.

        Nor do they when some are taken back, and when what is left is merged.
        """
        rng = random.Random(seed)
        values = ["common-beginning-of-all/" + VALUES["of twelve"]]
        while len(values) < 12:
            old = rng.choice(values)
            values.append(
                rng.choice(
                    [
                        "".join(rng.choices(LETTERS + "+/_- ", k=rng.randint(12, 90))),
                        old[rng.randint(0, 4) :] + rng.choice(LETTERS) * 12,
                        "common-beginning-of-all/" + "".join(rng.choices(LETTERS, k=9)),
                        "".join(rng.choices(LETTERS, k=9)) + old[:40],
                    ]
                )
            )
        told = knowing(*values)
        with monkeypatch.context() as patch:
            patch.setattr(tiers, "_MOST_TRACED", 0)
            looked = knowing(*values)
        for redactor in (told, looked):
            redactor.unregister("n3")
        assert [tier.wraps for tier in looked._registry.tiers()] == [False]
        for _ in range(100):
            form = rng.choice(_forms(rng.choice(values)))
            data = _wrapped(form, rng.randint(0, len(form)))
            data += rng.choice([b"", b"\n", b" "]) + rng.choice(_forms(values[0]))
            text = data.decode("utf-8", "replace")
            assert looked.redact_text(text) == told.redact_text(text)

    def test_it_is_found_beside_many_others(self, knowing, monkeypatch):
        """Where there are many values, none leaves a trace, and each is found."""
        monkeypatch.setattr(tiers, "_MOST_TRACED", 100)
        redactor = knowing(*VALUES.values())
        redactor.register("late", "Late-" + VALUES["token"][::-1])
        form = ("Late-" + VALUES["token"][::-1]).encode()
        assert redactor.contains(_wrapped(form, 12))
        for tier in redactor._registry.tiers():
            assert not tier.wraps
            assert not tier.pairs

    @pytest.mark.parametrize("late", ["short", "token"])
    def test_tiers_with_traces_and_without_are_looked_at_alike(self, late, knowing):
        """Whichever comes last, each tier's values are found."""
        values = [VALUES["token"], UNFIT["short"]]
        redactor = knowing(*values)
        forms = {value: _forms(value) for value in values}
        order = values if late == "short" else values[::-1]
        redactor._registry._tiers = tuple(Tier(forms[value]) for value in order)
        assert {tier.wraps for tier in redactor._registry.tiers()} == {True, False}
        for value in values:
            for form in forms[value]:
                data = _wrapped(form, len(form) // 2)
                assert redactor.contains(data) == _is_wrapped(data, form), form


class TestCost:
    def test_lines_take_no_pass_of_their_own(self, knowing, scans):
        """A text of many lines is looked at once."""
        redactor, text = knowing(*VALUES.values()), WORDS * 200
        redactor.redact_text(text)
        del scans[:]
        assert redactor.redact_text(text) is text
        assert scans == [len(text)]

    def test_a_trace_is_no_value(self, knowing):
        """What is left of a value is looked at again, and shown."""
        value = VALUES["token"]
        redactor = knowing(value)
        for part in (value[:-1], value[1:], value[:30] + "\n"):
            text = WORDS + part + WORDS
            assert redactor.redact_text(text) is text
            assert not redactor.contains(text.encode())
            assert not is_known(text.encode(), redactor._registry)
            assert redactor.scan(text) == []

    @pytest.mark.parametrize("end", ["", "developmENT-key-7"])
    def test_a_text_full_of_what_a_value_begins_with_is_shown(self, end, knowing):
        """Half of a form may be a word: however often that stands there."""
        redactor = knowing("developmENT-key-7")
        assert redactor._registry.tiers()[0].wraps
        text = "the developm of " * (MAX_HITS + 1)
        shown = "[REDACTED:n0]" if end else ""
        assert redactor.redact_text(text + end) == text + shown
        assert redactor.contains((text + end).encode()) == bool(end)

    def test_a_whole_value_leaves_no_trace(self):
        """Where a form stands, its second piece says nothing more."""
        form = VALUES["token"].encode()
        tier = Tier([form])
        assert tier.find(b" " * 70 + form) == [(70, form)]
        (_, (low, high)) = anchors(form)
        assert tier.find(b" " * 70 + form[low:high] + b"\n") == [(70, TRACE)]
        assert tier.find(b" " * 70 + form[low:high] + b" ") == []
