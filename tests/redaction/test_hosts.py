"""What carries a value beside what it is: subclasses, arrays, buffers, files."""

from __future__ import annotations

import array
import datetime as dt
import decimal
import enum
import fractions
import io
import mmap
import pathlib
import pickle
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

VALUE = "Zq7-canary_Value.93x/K+w"
WIDE = "pä$s-wörd-98-ключ-x"
NUMBER = "955871794576607"


class Bytes(bytearray):
    pass


class Numbers(array.array):
    pass


class Grid(np.ndarray):
    pass


class Money(decimal.Decimal):
    pass


class Share(fractions.Fraction):
    pass


class Id(uuid.UUID):
    __slots__ = ("token",)
    __setattr__ = object.__setattr__


class Moment(dt.datetime):
    pass


class Span(dt.timedelta):
    pass


class Where(pathlib.PurePosixPath):
    pass


class Real(np.float64):
    pass


class Level(enum.Enum):
    LOW = 1

    def __init__(self, number: int) -> None:
        self.token = VALUE


class NoHash(type):
    def __hash__(cls) -> int:
        raise RuntimeError

    def __eq__(cls, other: object) -> bool:
        raise RuntimeError


class NoAnswer(type):
    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class Unhashed(metaclass=NoHash):
    def __init__(self) -> None:
        self.token = VALUE


class Mute(metaclass=NoAnswer):
    def __init__(self) -> None:
        self.token = VALUE


def _wearing(obj: Any) -> Any:
    obj.token = VALUE
    return obj


def _named(obj: Any) -> Any:
    setattr(obj, VALUE, 1)
    return obj


def _record(text: str, code: str = "U30") -> Any:
    return np.array([(text, 1)], dtype=[("a", code), ("b", "i4")])


def _mapped() -> Any:
    mapped = mmap.mmap(-1, 64)
    mapped.write(VALUE.encode())
    return mapped


def _strange(text: str) -> Any:
    return np.array([text], dtype=np.dtypes.StringDType())


HOSTS = {
    "bytearray attribute": lambda: _wearing(Bytes(b"x")),
    "array attribute": lambda: _wearing(Numbers("b", b"x")),
    "ndarray attribute": lambda: _wearing(np.arange(3).view(Grid)),
    "scalar attribute": lambda: _wearing(Real(1)),
    "decimal attribute": lambda: _wearing(Money("1")),
    "fraction attribute": lambda: _wearing(Share(1, 2)),
    "uuid slot": lambda: _wearing(Id(int=3)),
    "datetime attribute": lambda: _wearing(Moment(2026, 1, 1, tzinfo=dt.UTC)),
    "timedelta attribute": lambda: _wearing(Span(1)),
    "path attribute": lambda: _wearing(Where("x")),
    "enum attribute": lambda: Level.LOW,
    "dict attribute name": lambda: _named(type("Bag", (dict,), {})()),
    "field name": lambda: np.zeros(2, dtype=[(VALUE, "i4")]),
    "field title": lambda: np.zeros(2, dtype=[((VALUE, "a"), "i4")]),
    "type metadata": lambda: np.zeros(2, dtype=np.dtype("i4", metadata={"k": VALUE})),
    "field metadata": lambda: np.zeros(
        2, dtype=[("a", np.dtype("i4", metadata={"k": VALUE}))]
    ),
    "bare type metadata": lambda: np.dtype("i4", metadata={"k": VALUE}),
    "nested field name": lambda: np.zeros(2, dtype=[("a", [(VALUE, "i4")])]),
    "masked bytes": lambda: np.ma.array([VALUE.encode()], mask=[True]),
    "masked text": lambda: np.ma.array([VALUE], mask=[True]),
    "fill value": lambda: np.ma.array(["a" * 30], mask=[True], fill_value=VALUE),
    "record": lambda: _record(VALUE),
    "wide record": lambda: _record(WIDE),
    "wide record, big end first": lambda: _record(WIDE, ">U30"),
    "record of bytes": lambda: _record(VALUE, "S30"),
    "void": lambda: _record(WIDE)[0],
    "void with objects": lambda: _record(VALUE, "O")[0],
    "objects": lambda: np.array([[VALUE]], dtype=object),
    "strings": lambda: _strange(VALUE),
    "text without dimension": lambda: np.array(VALUE),
    "wide text": lambda: np.array([WIDE]),
    "backward view": lambda: np.array([VALUE, "b"])[::-1],
    "integers": lambda: np.array([int(NUMBER)]),
    "floats": lambda: np.array([float(NUMBER)]),
    "array of integers": lambda: array.array("q", [int(NUMBER)]),
    "array of text": lambda: array.array("u", WIDE),
    "view of integers": lambda: memoryview(array.array("q", [int(NUMBER)])),
    "range": lambda: range(int(NUMBER)),
    "two-dimensional view": lambda: memoryview(VALUE.encode()).cast("B", (2, 12)),
    "stepped view": lambda: memoryview(
        b"x".join(VALUE[i : i + 1].encode() for i in range(24))
    )[::2],
    "text file": lambda: io.TextIOWrapper(io.BytesIO(VALUE.encode())),
    "buffered file": lambda: io.BufferedReader(io.BytesIO(VALUE.encode())),
    "random file": lambda: io.BufferedRandom(io.BytesIO(VALUE.encode())),
    "file pair": lambda: io.BufferedRWPair(io.BytesIO(VALUE.encode()), io.BytesIO()),
    "memory map": _mapped,
    "pickle buffer": lambda: pickle.PickleBuffer(VALUE.encode()),
    "metaclass without hash": Unhashed,
    "metaclass without answers": Mute,
}

CLEAN = {
    "bytearray": lambda: _kept(Bytes(b"x")),
    "ndarray": lambda: _kept(np.arange(3).view(Grid)),
    "masked": lambda: np.ma.array([1, 2], mask=[True, False]),
    "record": lambda: _record("plain"),
    "void": lambda: _record("plain")[0],
    "decimal": lambda: _kept(Money("1")),
    "uuid": lambda: Id(int=4),
    "datetime": lambda: Moment(2026, 1, 1, tzinfo=dt.UTC),
    "path": lambda: _kept(Where("x")),
    "integers": lambda: np.arange(4) + 10**12,
    "floats": lambda: np.array([1.5, float("nan"), float("inf")]),
    "complex": lambda: np.array([1j]),
    "times": lambda: np.array(["2026-01-01"], dtype="datetime64[D]"),
    "bits": lambda: np.array([True]),
    "array": lambda: array.array("d", [1.5]),
    "array of text": lambda: array.array("u", "plain"),
    "range": lambda: range(10),
    "view": lambda: memoryview(b"plain"),
    "released type": lambda: np.dtype([("a", "i4")]),
}


def _kept(obj: Any) -> Any:
    obj.note = "kept"
    return obj


@pytest.fixture
def numerate(redactor: Redactor) -> Redactor:
    redactor.register("wide", WIDE)
    redactor.register("number", NUMBER)
    return redactor


class TestHosts:
    @pytest.mark.parametrize("host", HOSTS)
    def test_none_of_them_passes(self, numerate, host):
        """What holds a value is replaced, and what stands beside it stays."""
        obj, beside = HOSTS[host](), ["clean"]
        hidden = numerate.redact({"a": [obj], "b": beside})

        assert hidden["a"][0] is not obj
        assert hidden["b"] is beside
        told = f"{hidden['a'][0]!r} {getattr(hidden['a'][0], 'tolist', str)()!r}"
        assert not [each for each in (VALUE, WIDE, NUMBER) if each in told]
        assert numerate.redact(hidden) is hidden

    @pytest.mark.parametrize("host", CLEAN)
    def test_clean_ones_are_themselves(self, numerate, host):
        """Without a value in it, each of them is the very same object."""
        obj = CLEAN[host]()
        assert numerate.redact([obj])[0] is obj

    def test_a_mask_does_not_come_off(self, redactor):
        """What a mask hides is not shown by an array that lost it."""
        masked = np.ma.array([VALUE, "under"], mask=[False, True])
        assert "under" not in repr(redactor.redact([masked]))
