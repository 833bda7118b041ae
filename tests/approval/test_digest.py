from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import PurePosixPath
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from langchain_tyrum.approval import BoundCall
from langchain_tyrum.approval.canonical import canonical
from langchain_tyrum.approval.digest import call_digest, request_digest
from langchain_tyrum.handles import SecretRecord

NOW = datetime(2026, 11, 21, tzinfo=UTC)
RECORD = SecretRecord(
    handle_id="h_" + "a" * 22,
    name="github/token",
    provider="database",
    scope="github:issues:write",
    created_at=NOW,
    updated_at=NOW,
)
CALL = BoundCall(
    name="create_issue",
    tool_id="create_issue",
    tool_call_id="c1",
    arguments={"title": "bug"},
    records=(RECORD,),
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


class Color(Enum):
    RED = "r"


class Shade(StrEnum):
    RED = "r"


class Model(BaseModel):
    x: int


@dataclass
class Point:
    x: int


class TestCanonical:
    @pytest.mark.parametrize(
        ("number", "written"),
        [
            (0.0, "0"),
            (-0.0, "0"),
            (5e-324, "5e-324"),
            (-5e-324, "-5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (9007199254740992.0, "9007199254740992"),
            (295147905179352830000.0, "295147905179352830000"),
            (9.999999999999997e22, "9.999999999999997e+22"),
            (1e23, "1e+23"),
            (1e21, "1e+21"),
            (999999999999999900000.0, "999999999999999900000"),
            (9.999999999999997e-7, "9.999999999999997e-7"),
            (0.000001, "0.000001"),
            (333333333.3333332, "333333333.3333332"),
            (4.5, "4.5"),
            (2e-3, "0.002"),
            (1e-27, "1e-27"),
            (1e30, "1e+30"),
            (100.0, "100"),
        ],
    )
    def test_numbers_are_written_as_rfc_8785_says(self, number, written):
        """Floats take the form that ECMAScript gives them."""
        assert written.encode() == canonical(number)

    def test_example_of_rfc_8785(self):
        """The sample of RFC 8785 comes out byte by byte."""
        sample = {
            "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 1e-27],
            "string": '€$\u000f\nA\'B"\\\\"/',
            "literals": [None, True, False],
        }

        assert (
            canonical(sample)
            == (
                '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,'
                '0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
            ).encode()
        )

    def test_keys_are_sorted_by_utf_16(self):
        """Keys stand in the order of their UTF-16 code units."""
        keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
        ordered = ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]

        written = canonical(dict.fromkeys(keys, 0)).decode()

        assert ordered == list(json.loads(written))

    @given(JSON)
    def test_json_reads_back(self, value):
        """Canonical JSON is JSON, and says what the value said."""
        read = json.loads(canonical(value), parse_int=_number, parse_float=float)
        assert read == _tagged(value)

    @given(JSON, JSON)
    def test_different_data_is_written_differently(self, one, other):
        """Two values that are not the same never share a form."""
        same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
        if same:
            assert canonical(one) == canonical(other)
        if canonical(one) == canonical(other):
            assert one == other

    def test_what_json_cannot_say_has_a_form_of_its_own(self):
        """Values that JSON cannot say are told apart, from each other and from text."""
        values = [
            b"x",
            "x",
            {"x"},
            ["x"],
            date(2026, 1, 1),
            "2026-01-01",
            Decimal("1.0"),
            1.0,
            "1.0",
            UUID(int=1),
            PurePosixPath("x"),
            Color.RED,
            Shade.RED,
            "r",
            Model(x=1),
            Point(x=1),
            {"x": 1},
            {1: "x"},
            {"1": "x"},
            {"$type": "bytes", "value": "eA=="},
            math.inf,
            "inf",
            2**53,
            2**53 + 1,
        ]

        assert len(values) == len({canonical(value) for value in values})

    def test_sets_have_one_order(self):
        """A set is written in one order, however it was built."""
        assert canonical({"b", "a", "c"}) == canonical({"c", "b", "a"})

    def test_what_has_no_form_is_refused_by_its_type(self):
        """An object without a stable form is refused; its text is not quoted."""

        class Odd:
            def __repr__(self):
                return "CANARY"

        with pytest.raises(TypeError, match="Odd") as caught:
            canonical({"x": Odd()})

        assert "CANARY" not in str(caught.value)


class TestDigest:
    def digest(self, bound, thread_id="t", request_id="r"):
        return call_digest(bound, thread_id=thread_id, request_id=request_id)

    def test_anything_that_matters_changes_it(self):
        """Tool, arguments, scope, secret, version, call, thread and request count."""
        other = RECORD.model_copy(update={"handle_id": "h_" + "b" * 22})
        changed = [
            self.digest(CALL),
            self.digest(replace(CALL, tool_id="other")),
            self.digest(replace(CALL, arguments={"title": "bug "})),
            self.digest(replace(CALL, arguments={"title": "bug", "x": None})),
            self.digest(replace(CALL, tool_call_id="c2")),
            self.digest(replace(CALL, records=())),
            self.digest(replace(CALL, records=(RECORD, other))),
            self.digest(replace(CALL, records=(other,))),
            self.digest(
                replace(CALL, records=(RECORD.model_copy(update={"version": 2}),))
            ),
            self.digest(
                replace(CALL, records=(RECORD.model_copy(update={"scope": "x"}),))
            ),
            self.digest(CALL, thread_id="t2"),
            self.digest(CALL, thread_id=None),
            self.digest(CALL, request_id="r2"),
        ]

        assert len(changed) == len(set(changed))

    def test_what_does_not_matter_does_not(self):
        """Order of keys and of secrets, and what else a record says, change nothing."""
        other = RECORD.model_copy(update={"handle_id": "h_" + "b" * 22})
        one = replace(CALL, arguments={"a": 1, "b": 2}, records=(RECORD, other))
        two = replace(CALL, arguments={"b": 2, "a": 1}, records=(other, RECORD))
        later = RECORD.model_copy(update={"allowed_hosts": ("x",)})

        assert self.digest(one) == self.digest(two)
        assert self.digest(CALL) == self.digest(replace(CALL, records=(later,)))

    def test_question_covers_its_calls_in_order(self):
        """A question's digest depends on each call and on their order."""
        other = replace(CALL, tool_call_id="c2")
        ask = lambda *calls: request_digest(  # noqa: E731
            calls, thread_id="t", request_id="r"
        )

        assert 4 == len({ask(CALL), ask(other), ask(CALL, other), ask(other, CALL)})


def _number(text):
    number = int(text)
    return number if abs(number) <= 2**53 else float(text)


def _tagged(value):
    """What the canonical form says: plain data, floats that are whole as integers."""
    if type(value) is int and abs(value) > 2**53:
        return {"$type": "int", "value": str(value)}
    if isinstance(value, list):
        return [_tagged(one) for one in value]
    if isinstance(value, dict):
        if "$type" in value:
            pairs = sorted(
                value.items(),
                key=lambda one: one[0].encode("utf-16-be", "surrogatepass"),
            )
            return {
                "$type": "object",
                "value": [[key, _tagged(one)] for key, one in pairs],
            }
        return {key: _tagged(one) for key, one in value.items()}
    return value
