"""Text that was written to hurt: for each pattern, and for all of them together."""

from __future__ import annotations

import re
from re import _constants as op
from re import _parser

import pytest

from langchain_tyrum.redaction import DETECTORS, Redactor
from langchain_tyrum.redaction.detectors import spell
from langchain_tyrum.redaction.shapes.rows import Row

ROWS = [row for row in DETECTORS if row.pattern]
REDACTOR = Redactor()
FILLERS = "a1A.-_/=;:%+\\\n\t \"'\x00@<|,"
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT)


def _core(row):
    text = f"see: {spell(row.positive[0])} <".encode()
    match = re.search(row.pattern.encode(), text)
    assert match
    return match.group().decode()


def _hostile(row, size):
    """Texts that keep beginning to match, and fail late or never."""
    core = _core(row)
    begins = [head.decode() for head in sorted(Row(row).heads or ())][:3] or [core[:3]]
    for unit in (core, core[:-1] + "\0", core[: len(core) // 2], *begins):
        yield (unit * (size // len(unit) + 1))[:size]
    for cut in (len(core) // 3, 2 * len(core) // 3, len(core)):
        for filler in FILLERS:
            yield core[:cut] + filler * (size - cut)


def _repeats(items):
    """Yield (least, most, body) of every repeat in a pattern, at any depth."""
    for kind, value in items:
        if kind in REPEATS:
            yield value
            yield from _repeats(value[2])
        elif kind is op.SUBPATTERN:
            yield from _repeats(value[3])
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield from _repeats(branch)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from _repeats(value[1])


class TestBounds:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_every_repeat_is_bounded(self, row):
        """No pattern repeats anything without a limit, so each look is short."""
        assert all(
            most is not op.MAXREPEAT
            for _, most, _ in _repeats(_parser.parse(row.pattern))
        )

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_no_match_is_longer_than_the_row_says(self, row):
        """A match is at most `max_length` long, but for rows that swallow."""
        longest = _parser.parse(row.pattern).getwidth()[1]
        assert longest <= row.max_length

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_repeats_of_repeats_are_told_apart(self, row):
        """A repeated stretch that holds repeats ends in a character of its own."""
        for _, most, body in _repeats(_parser.parse(row.pattern)):
            if most > 1 and any(
                least < longest for least, longest, _ in _repeats(body)
            ):
                assert _last_is_fixed(body)


def _last_is_fixed(body):
    """Tell whether a literal stands behind the last longer repeat of a stretch."""
    for kind, value in reversed(list(body)):
        if kind is op.LITERAL:
            return True
        if kind in REPEATS and value[1] == 1:
            continue
        if kind in (op.ASSERT, op.ASSERT_NOT):
            continue
        # one character that may or may not be the last of another
        return kind in (op.IN, op.NOT_LITERAL, op.ANY)
    return False


class TestHostileTexts:
    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
    def test_each_pattern_ends(self, row):
        """Texts that keep beginning to match come out, and come out settled."""
        redactor = Redactor(detectors=[row])
        for text in _hostile(row, 3000):
            once = redactor.redact_text(text)
            assert redactor.redact_text(once) == once

    @pytest.mark.parametrize("row", ROWS[::7], ids=lambda row: row.name)
    def test_streams_of_them_say_the_same(self, row):
        """The same texts, in chunks of 500, say what the whole text says."""
        for text in list(_hostile(row, 2000))[::5]:
            with REDACTOR.stream() as stream:
                parts = [
                    stream.feed(text[at : at + 500]) for at in range(0, len(text), 500)
                ]
                parts.append(stream.close())
            assert REDACTOR.redact_text(text) == "".join(parts)


class TestFloods:
    @pytest.mark.parametrize("unit", ["a://:b@c ", "<pw>hunter2x</pw>"])
    def test_each_of_many_matches_is_hidden(self, unit):
        """A text that is one credential after another loses all of them."""
        count = 200_000 // len(unit)
        shown = REDACTOR.redact_text(unit * count)
        assert shown.count("[REDACTED:password]") == count

    @pytest.mark.slow
    def test_a_hundred_thousand_matches(self):
        """A hundred thousand credentials in one megabyte are all hidden."""
        shown = REDACTOR.redact_text("a://:b@c " * 100_000)
        assert shown.count("[REDACTED:password]") == 100_000

    def test_tokens_without_a_gap(self):
        """Hundreds of tokens glued to each other leave nothing readable."""
        token = spell("AKIA<u16>")
        assert token[4:12] not in REDACTOR.redact_text(token * 200)


class TestOddCharacters:
    @pytest.mark.parametrize("before", ["access_token=", "Authorization: Bearer "])
    def test_a_token_of_16_kilobytes(self, before):
        """A token of 16 KB is hidden to its end."""
        token = "k7Qm2ZpX9wRt4VbN" * 1024
        shown = REDACTOR.redact_text(f"{before}{token} end")
        assert shown.startswith(f"{before}[REDACTED:")
        assert shown.endswith("] end")

    @pytest.mark.parametrize(
        "odd", ["\0", chr(0xD800), chr(0xDFFF), "\ufeff", "\x1b[0m"]
    )
    def test_odd_characters_beside_a_token(self, odd):
        """NUL, lone surrogates and the like beside a token neither hide nor break."""
        token = spell("ghp_<a36>")
        shown = REDACTOR.redact_text(f"{odd}{token}{odd}")
        assert shown == f"{odd}[REDACTED:github-pat]{odd}"

    @pytest.mark.parametrize(
        "color",
        ["\x1b[31m", "\x1b[0;32m", "\x1b[38;5;196m", "\x1b[01;31m\x1b[K", "\\u001b[1m"],
    )
    def test_colored_tokens(self, color):
        """A token that follows a color code is found, however the code is written."""
        token = spell("sk-proj-<a48>")
        shown = REDACTOR.redact_text(f"key {color}{token}\x1b[0m")
        assert shown == f"key {color}[REDACTED:openai-key]\x1b[0m"

    def test_a_host_behind_anything(self):
        """A webhook is found when another token has swallowed what it begins with."""
        hook = spell("hooks.slack.com/services/T<u9>/B<u9>/<a24>")
        shown = REDACTOR.redact_text(
            spell("gsk_<a52>") + hook + spell("glsa_<a32>_<h8>")
        )
        assert shown.endswith("[REDACTED:slack-webhook]")
        assert hook[-24:] not in shown
