"""Numbers that are values, however they are spelled, and numbers that never are."""

from __future__ import annotations

import array
from decimal import Decimal
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.chunks import MessageStreamGuard

MARK = "[REDACTED:pin]"


def _redactor(value: str) -> Redactor:
    made = Redactor()
    made.register("pin", value, allow_short=True)
    return made


class TestSpellings:
    @pytest.mark.parametrize(
        ("registered", "number"),
        [
            ("1.5e300", 1.5e300),
            ("1.5E+300", 1.5e300),
            ("1.5e+300", 1.5e300),
            ("6.02214076e23", 6.02214076e23),
            ("6.02214076E23", 6.02214076e23),
            ("602214076000000000000000", 6.02214076e23),
            ("1.234567e-10", 1.234567e-10),
            ("1.234567E-10", 1.234567e-10),
            ("2e-77", 2e-77),
            ("0.0000012345678", 1.2345678e-06),
            ("12345678.25", 12345678.25),
            ("5829107", 5829107),
            ("582910", Decimal(582910)),
        ],
    )
    def test_a_float_is_found_as_anybody_spells_it(self, registered, number):
        """With an exponent, its sign and its letter, or written out."""
        redactor = _redactor(registered)

        assert {"a": [MARK]} == redactor.redact({"a": [number]})
        assert ["pin"] == [each.name for each in redactor.scan([number])]

    def test_other_floats_are_themselves(self):
        """Numbers near it, with other digits or another exponent."""
        redactor = _redactor("1.5e300")
        numbers = [1.5e301, 1.25e300, -1.5e-300, 15.0, 1e23, float("inf")]

        assert numbers is redactor.redact(numbers)

    def test_arrays_are_looked_at_too(self):
        """Their numbers are spelled in the same ways."""
        redactor = _redactor("1.5e300")

        assert ["[REDACTED]"] == redactor.redact([array.array("d", [1.5e300])])


class TestCounts:
    USAGE: dict[str, Any] = {  # noqa: RUF012 - pytest makes an object for each test
        "input_tokens": 482910,
        "output_tokens": 1,
        "total_tokens": 482911,
        "input_token_details": {"cache_read": 482910},
    }

    @pytest.mark.parametrize("kind", [AIMessage, AIMessageChunk])
    def test_counts_of_tokens_stay(self, kind):
        """A value of so few digits is such a number by accident; the rest is hidden."""
        redactor = _redactor("482910")
        message = kind("pin 482910", usage_metadata=self.USAGE)
        message.response_metadata = {"echo": 482910}

        hidden = redactor.redact(message)

        assert self.USAGE == hidden.usage_metadata
        assert {"echo": MARK} == hidden.response_metadata
        assert f"pin {MARK}" == hidden.content

    def test_chunks_still_add_up(self):
        """LangChain adds the tokens of chunks, which a marker would break."""
        redactor = _redactor("482910")
        chunk = AIMessageChunk("482910", usage_metadata=self.USAGE)

        shown = MessageStreamGuard(redactor).feed(chunk)
        whole = shown + AIMessageChunk("", usage_metadata=self.USAGE)

        assert 965820 == whole.usage_metadata["input_tokens"]

    @pytest.mark.parametrize(
        "change",
        [
            {"total_tokens": 5829107366},
            {"482910": 1},
            {"input_token_details": {"x": {"y": {"z": 482910}}}},
            {"note": "482910"},
        ],
    )
    def test_what_is_no_count_is_looked_at(self, change):
        """Numbers too large for one, names, and what is put among them."""
        redactor = _redactor("482910")
        redactor.register("key", "5829107366")
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2, **change}
        message = AIMessage("x")
        message.usage_metadata = usage  # type: ignore[assignment]

        assert "[REDACTED:" in repr(redactor.redact(message).usage_metadata)

    def test_fewer_than_six_digits_are_no_value(self):
        """Such numbers count and index; their text is looked at all the same."""
        redactor = _redactor("48291")
        state = {"step": 48291, "rows": [48291]}

        assert state is redactor.redact(state)
        assert MARK == redactor.redact("48291")
