"""Objects that are no plain data: looked into, let be, or withheld."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import datetime as dt
import decimal
import enum
import functools
import hashlib
import io
import itertools
import logging
import operator
import pickle
import re
import sqlite3
import threading
import types
import uuid
import xml.etree.ElementTree as ET
from concurrent.futures import Future
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from pydantic import BaseModel, ConfigDict

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor, contains_marker

VALUE = "Zq7-canary_Value.93x/K+w"
NUMBER = "955871794576607"
KEY = "3f2c9a54-8d1e-4b7a-9c60-51aa27e0d4b8"


class Ring(collections.deque):
    pass


class Bag(dict):
    pass


class Row(list):
    pass


class Heap(set):
    pass


class Text(str):  # noqa: SLOT000 - it is to have attributes
    pass


class Raw(bytes):
    pass


class Count(int):
    pass


class Marked(dict):
    __slots__ = ("token",)


class Loud(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return VALUE


class LoudCount(int):
    def __str__(self) -> str:
        return VALUE


class Pair(collections.namedtuple("Pair", "a b")):  # noqa: PYI024
    __slots__ = ()

    def __repr__(self) -> str:
        return f"Pair({VALUE})"


class Liar(dict):
    def items(self) -> Any:
        return {}.items()

    def __iter__(self) -> Any:
        return iter(())


class ListLiar(list):
    def __iter__(self) -> Any:
        return iter(())


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")


class Session:
    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return f"Session({self.token})"

    def close(self) -> None:
        """Do nothing."""


def _wearing(obj: Any) -> Any:
    obj.token = VALUE
    return obj


def _match() -> Any:
    return re.match(r"\S{60}.*", "x" * 60 + VALUE)


def _row() -> Any:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row = connection.execute("select ? as a", (VALUE,)).fetchone()
    connection.close()
    return row


def _element() -> Any:
    element = ET.Element("a")
    element.text = VALUE
    return element


def _cookie() -> Any:
    cookie: SimpleCookie = SimpleCookie()
    cookie["sid"] = VALUE
    return cookie


async def _resolved() -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_result({"deep": [VALUE]})
    return future


def _future() -> Any:
    future: Future[str] = Future()
    future.set_result(VALUE)
    return future


ODD = {
    "match": _match,
    "row": _row,
    "element": _element,
    "deque subclass": lambda: Ring([VALUE]),
    "itemgetter": lambda: operator.itemgetter(VALUE),
    "attrgetter": lambda: operator.attrgetter(VALUE),
    "methodcaller": lambda: operator.methodcaller("x", VALUE),
    "partial": lambda: functools.partial(print, [VALUE]),
    "partial keyword": lambda: functools.partial(print, sep=VALUE),
    "partial method": lambda: functools.partial(Session(VALUE).close),
    "bound method": lambda: Session(VALUE).close,
    "bound builtin": lambda: VALUE.upper,
    "bound append": lambda: [VALUE].append,
    "pattern": lambda: re.compile(VALUE),
    "pattern bytes": lambda: re.compile(b"x" * 300 + VALUE.encode()),
    "slice": lambda: slice(VALUE),
    "enum": lambda: enum.Enum("E", {"A": VALUE}).A,
    "str enum": lambda: enum.StrEnum("E", {"A": VALUE}).A,
    "enum name": lambda: next(iter(enum.Enum("E", {VALUE: 1}))),
    "done future": lambda: asyncio.run(_resolved()),
    "thread future": _future,
    "cookie": _cookie,
    "dict attribute": lambda: _wearing(Bag(x=1)),
    "dict slot": lambda: _wearing(Marked(x=1)),
    "list attribute": lambda: _wearing(Row([1])),
    "set attribute": lambda: _wearing(Heap([1])),
    "deque attribute": lambda: _wearing(Ring([1])),
    "str attribute": lambda: _wearing(Text("plain")),
    "bytes attribute": lambda: _wearing(Raw(b"plain")),
    "int attribute": lambda: _wearing(Count(3)),
    "str voice": lambda: Loud("plain"),
    "int voice": lambda: LoudCount(3),
    "tuple voice": lambda: Pair(1, 2),
    "default factory": lambda: collections.defaultdict(functools.partial(str, VALUE)),
    "lying dict": lambda: Liar({"k": VALUE}),
    "lying list": lambda: ListLiar([VALUE]),
    "extra key": lambda: Extra(**{f"a{VALUE}": 1}),
    "attribute name": lambda: types.SimpleNamespace(**{f"a{VALUE}": 1}),
    "context variable": lambda: contextvars.ContextVar("v", default=VALUE),
    "zone": lambda: dt.datetime.now(tz=dt.timezone(dt.timedelta(0), VALUE)),
    "module": lambda: types.ModuleType(VALUE),
    "thread": lambda: threading.Thread(name=VALUE),
    "alias": lambda: types.GenericAlias(list, (VALUE,)),
}


def _told(obj: Any) -> str:
    """Return what an object shows in every way that a program may ask."""
    ways = (
        repr,
        str,
        lambda o: repr(vars(o)),
        lambda o: repr(dict.items(o)),
        lambda o: repr([*list.__iter__(o)]),
        lambda o: repr(tuple(o)),
        lambda o: o.string,
        lambda o: repr(o.args) + repr(o.keywords),
        lambda o: repr(o.__self__),
        lambda o: repr(o.result()),
        lambda o: repr(o.pattern),
        lambda o: repr(o.value),
        lambda o: repr(o.token),
        lambda o: repr(o.default_factory),
        lambda o: ET.tostring(o).decode(),
        lambda o: pickle.dumps(o).decode("latin-1"),
    )
    told = ""
    for way in ways:
        try:
            told += way(obj)
        except Exception:
            continue
    return told


class TestOddObjects:
    @pytest.mark.parametrize("kind", ODD)
    def test_no_way_out_shows_a_value(self, redactor, kind):
        """Whatever holds the value, nothing that leaves shows it."""
        obj = ODD[kind]()
        hidden = redactor.redact({"a": [obj]})["a"][0]

        assert VALUE in _told(obj)
        assert VALUE not in _told(hidden)
        assert contains_marker([hidden]) or hidden is not obj

    @pytest.mark.parametrize(
        "make",
        [
            lambda: re.match("(a)b", "ab"),
            lambda: re.compile("a.b"),
            lambda: functools.partial(print, "a", sep="b"),
            lambda: [].append,
            lambda: Session("x").close,
            lambda: slice(1, "b"),
            lambda: enum.Enum("E", {"A": "plain"}).A,
            lambda: Ring(["plain"]),
            lambda: collections.defaultdict(list, a=[1]),
            lambda: collections.Counter("plain"),
            lambda: Text("plain"),
            lambda: Pair.__mro__[1](1, 2),
            lambda: Extra(plain=1),
            lambda: logging.getLogger("plain"),
            lambda: operator.itemgetter("plain"),
            lambda: contextvars.ContextVar("plain"),
            threading.RLock,
            httpx.Client,
            lambda: types,
            lambda: dt.datetime.now(tz=dt.UTC),
            lambda: decimal.Decimal("1.25"),
            lambda: functools.lru_cache(print),
            lambda: SimpleCookie("sid=plain"),
        ],
    )
    def test_clean_ones_are_themselves(self, redactor, make):
        """What shows no value and can be judged is the very same object."""
        obj = make()
        assert redactor.redact([obj])[0] is obj

    @pytest.mark.parametrize(
        "make",
        [
            lambda: ET.Element("a"),
            itertools.count,
            lambda: io.BytesIO(b"plain"),
            hashlib.sha256,
        ],
    )
    def test_what_cannot_be_looked_into_is_replaced(self, redactor, make):
        """An object of a C type passes no way out, even when it shows nothing."""
        assert redactor.redact({"a": make()}) == {"a": "[REDACTED]"}
        assert redactor.scan({"a": make()}) == []

    def test_an_opaque_object_that_shows_a_value_is_a_finding(self, redactor):
        """So it passes between nodes no more than text does."""
        with pytest.raises(RawSecretFound):
            redactor.refuse({"a": operator.itemgetter(VALUE)})

    def test_a_clean_subclass_keeps_class_and_attributes(self, redactor):
        """Only what held the value is changed in the copy."""
        bag = Bag(k=VALUE)
        bag.note, bag.token = "kept", VALUE

        hidden = redactor.redact(bag)

        assert type(hidden) is Bag
        assert hidden == {"k": "[REDACTED:vault/canary]"}
        assert hidden.note == "kept"
        assert hidden.token == "[REDACTED:vault/canary]"
        assert bag.token == VALUE

    def test_numpy_scalars_are_looked_into(self, redactor):
        """Bytes in a void, a field's name, and numbers beside them."""
        import numpy as np

        plain = [np.int64(7), np.bool_(1), np.dtype("i4"), np.float32(1)]

        assert redactor.redact(plain) is plain
        assert redactor.redact(np.void(VALUE.encode())) != VALUE.encode()
        assert VALUE not in repr(redactor.redact([np.dtype([(VALUE, "i4")])]))

    def test_an_escaped_pattern_is_read(self, redactor):
        """`re.escape` puts backslashes into a value."""
        for pattern in (re.escape(VALUE), re.escape(VALUE.encode())):
            assert redactor.redact([re.compile(pattern)]) == ["[REDACTED]"]


class TestNumbers:
    @pytest.fixture
    def numerate(self):
        redactor = Redactor()
        redactor.register("pin", NUMBER)
        redactor.register("key", KEY)
        return redactor

    @pytest.mark.parametrize(
        "number",
        [
            int(NUMBER),
            -int(NUMBER),
            float(NUMBER),
            decimal.Decimal(NUMBER),
            Count(NUMBER),
        ],
    )
    def test_a_number_that_is_a_value_becomes_its_marker(self, numerate, number):
        """As a value, as a key, and in a list."""
        hidden = numerate.redact({"a": number, number: [number]})

        assert hidden == {"a": "[REDACTED:pin]", "[REDACTED:pin]": ["[REDACTED:pin]"]}
        assert {each.name for each in numerate.scan({"a": number})} == {"pin"}

    def test_large_values_have_no_exponent(self):
        """A float writes them with one, which would hide them."""
        redactor = Redactor()
        redactor.register("pin", "12345678901234560000")
        assert redactor.redact([1.234567890123456e19]) == ["[REDACTED:pin]"]

    @pytest.mark.parametrize("registered", [KEY, KEY.replace("-", "")])
    def test_a_uuid_that_is_a_value_becomes_its_marker(self, registered):
        """However its dashes were when it was registered."""
        redactor = Redactor()
        redactor.register("key", registered)
        assert redactor.redact({"id": uuid.UUID(KEY)}) == {"id": "[REDACTED:key]"}

    def test_other_numbers_are_themselves(self, numerate, redactor):
        """With numbers registered or without."""
        state = {"a": [1, 99999, 10**30, 1.5, float("nan"), 1e300, True, 2j]}
        state |= {"b": decimal.Decimal("1E+5"), "c": uuid.UUID(int=7)}

        assert numerate.redact(state) is state
        assert redactor.redact(state) is state

    def test_a_number_registered_later_is_seen(self, redactor):
        """What was let pass before a registration is looked at after it."""
        state = {"a": int(NUMBER)}
        assert redactor.redact(state) is state

        redactor.register("pin", NUMBER)
        assert redactor.redact(state) == {"a": "[REDACTED:pin]"}

        redactor.unregister("pin")
        assert redactor.redact(state) is state

    def test_numbers_are_not_shapes(self):
        """A number is looked at for registered values only."""
        redactor = Redactor()
        redactor.register("pin", NUMBER)
        card = {"token": 4111111111111111, "password": 123456789012}
        assert redactor.redact(card) is card


class TestBlocks:
    def _blocks(self, *texts: str) -> list[Any]:
        return [{"type": "text", "text": text} for text in texts]

    @pytest.mark.parametrize("kind", [AIMessage, HumanMessage])
    def test_a_value_cut_across_blocks_is_found(self, redactor, kind):
        """The blocks of text become one; other blocks and the order stay."""
        image = {"type": "image", "url": "https://h.test/a.png"}
        one, two = self._blocks(f"v={VALUE[:9]}", f"{VALUE[9:]} end")
        message = kind([image, one, image, two])

        hidden = redactor.redact(message)

        block = {"type": "text", "text": "v=[REDACTED:vault/canary] end"}
        assert hidden.content == [image, block, image]
        assert VALUE not in hidden.text
        assert redactor.scan(message)[0].path == "content"
        assert redactor.scan(hidden) == []

    def test_strings_and_blocks_are_one_text(self, redactor):
        """Content may mix them; `.text` joins both."""
        for content in (
            [VALUE[:9], *self._blocks(VALUE[9:])],
            [VALUE[:9], VALUE[9:]],
        ):
            hidden = redactor.redact(ToolMessage(content, tool_call_id="c"))
            assert VALUE not in hidden.text
            assert "[REDACTED:vault/canary]" in hidden.text

    def test_plain_lists_of_blocks_are_looked_at_too(self, redactor):
        """A tool's result is a list before it is a message."""
        hidden = redactor.redact(self._blocks(VALUE[:9], VALUE[9:]))
        assert hidden == self._blocks("[REDACTED:vault/canary]")

    def test_clean_blocks_stay_apart(self, redactor):
        """The message is the same object."""
        message = AIMessage(self._blocks("one", "two", "three"))
        assert redactor.redact(message) is message
