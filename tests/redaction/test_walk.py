from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import enum
import json
import pathlib
import threading
import types
import uuid
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.handles import SecretValue
from langchain_tyrum.redaction import Redactor, contains_marker

VALUE = "Zq7-canary_Value.93x/K+w"
MARKED = "[REDACTED:vault/canary]"


class Point(NamedTuple):
    x: str
    y: int


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: str
    b: int = 1


@dataclasses.dataclass
class Open:
    a: Any
    b: Any = None


class Slotted:
    __slots__ = ("__hidden", "shown")

    def __init__(self, hidden: str, shown: str) -> None:
        self.__hidden = hidden
        self.shown = shown

    def hidden(self) -> str:
        return self.__hidden


class Model(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(alias="theName", max_length=30)
    secret: SecretStr | None = None
    items: list[Any] = []
    _private: str = PrivateAttr(default="")


class Loud(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    __str__ = __repr__


class Colour(enum.Enum):
    RED = "red"


class Hostile:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None


class TestContainers:
    @pytest.mark.parametrize(
        "make",
        [
            lambda v: v,
            lambda v: f"a {v} b",
            lambda v: {"k": v},
            lambda v: {v: "k"},
            lambda v: {("t", v): 1},
            lambda v: [v],
            lambda v: (v,),
            lambda v: {v},
            lambda v: frozenset({v}),
            lambda v: Point(v, 1),
            lambda v: collections.deque([v], maxlen=3),
            lambda v: collections.OrderedDict(k=v),
            lambda v: collections.defaultdict(list, k=[v]),
            lambda v: collections.UserDict(k=v),
            lambda v: collections.ChainMap({"k": v}),
            lambda v: types.MappingProxyType({"k": v}),
            lambda v: types.SimpleNamespace(k=v),
            lambda v: {"k": v}.values(),
            Frozen,
            lambda v: Open([{"x": v}]),
            lambda v: Slotted(v, "x"),
            lambda v: Model(theName=v),
            lambda v: Model(theName="x", secret=SecretStr(v)),
            lambda v: Model(theName="x", extra_field=v),
            SecretStr,
            Loud,
            lambda v: v.encode(),
            lambda v: bytearray(v.encode()),
            lambda v: memoryview(v.encode()),
            lambda v: array.array("b", v.encode()),
            lambda v: pathlib.PurePosixPath("/tmp") / v,
            lambda v: AnyUrl(f"https://h.test/?q={v}"),
            lambda v: [[[[[{"a": ({"b": [v]},)}]]]]],
            ValueError,
            lambda v: json.dumps({"a": {"b": v}}),
        ],
    )
    def test_a_value_is_found_wherever_it_stands(self, redactor, make):
        """No kind of container hides a value, and its class is kept."""
        obj = make(VALUE)
        hidden = redactor.redact(obj)

        assert redactor.scan(obj) != []
        assert type(hidden) in {type(obj), str, bytes, list}
        assert VALUE not in _everything(hidden)
        assert "REDACTED" in _everything(hidden)
        assert VALUE in _everything(obj)
        assert redactor.scan(hidden) == []

    @pytest.mark.parametrize(
        "obj",
        [
            {"a": [1, 2.5, None, True, "text"], ("t", 1): b"bytes"},
            Point("a", 1),
            Frozen("a"),
            Slotted("a", "b"),
            Model(theName="a", other=1),
            ValueError("a"),
            {"now": dt.datetime.now(tz=dt.UTC), "id": uuid.uuid4()},
            [Colour.RED, 1 + 2j, pathlib.Path("x"), range(3), print, len, Redactor],
            [threading.Lock(), object(), Ellipsis, dt.UTC],
            SecretStr("plain words"),
            "\ud800",
        ],
    )
    def test_clean_objects_come_back_themselves(self, redactor, obj):
        """The very same object comes back when it is clean."""
        assert redactor.redact(obj) is obj

    def test_clean_parts_are_shared(self, redactor):
        """Only the way to a value is copied."""
        clean = {"deep": ["x"]}
        state = {"clean": clean, "dirty": [VALUE]}

        hidden = redactor.redact(state)

        assert hidden == {"clean": {"deep": ["x"]}, "dirty": [MARKED]}
        assert hidden["clean"] is clean
        assert state["dirty"] == [VALUE]

    def test_frozen_and_validated_fields_are_not_checked_again(self, redactor):
        """A marker need not be valid for its field, and the model's state survives."""
        model = Model(theName=VALUE, items=[1])
        object.__setattr__(model, "__pydantic_private__", {"_private": VALUE})

        hidden = redactor.redact(model)

        assert hidden.name == MARKED
        assert hidden._private == MARKED
        assert hidden.model_fields_set == {"name", "items"}
        assert hidden.items is model.items

    def test_redacted_keys_do_not_collide(self, redactor):
        """Two keys with the same marker keep both entries."""
        hidden = redactor.redact({VALUE: 1, VALUE[::-1]: 2})
        assert sorted(hidden.values()) == [1, 2]

    def test_a_key_says_what_its_value_is(self):
        """A value under a key named like a credential is looked at as one."""
        redactor = Redactor()
        assert redactor.redact({"password": "hunter2!x", "note": "hunter2!x"}) == {
            "password": "[REDACTED:password]",
            "note": "hunter2!x",
        }
        assert redactor.scan({"password": "hunter2!x"})[0].path == "password"


class TestShapeOfTheGraph:
    def test_cycles_are_closed_again(self, redactor):
        """A cyclic object stays cyclic, and holds no value."""
        state: dict[str, Any] = {"v": VALUE, "list": []}
        state["self"] = state
        state["list"].append(state)
        node = types.SimpleNamespace(v=VALUE)
        node.me = node
        state["node"] = node

        hidden = redactor.redact(state)

        assert hidden["self"] is hidden
        assert hidden["list"][0] is hidden
        assert hidden["node"].me is hidden["node"]
        assert hidden["v"] == hidden["node"].v == MARKED
        assert redactor.scan(hidden) == []

    def test_clean_cycles_come_back_themselves(self, redactor):
        """A clean cyclic object is the same object."""
        state: list[Any] = ["x"]
        state.append(state)
        assert redactor.redact(state) is state

    @pytest.mark.parametrize(
        "wrap", [lambda x: [x], lambda x: {"k": x}, lambda x: (x,), Open]
    )
    def test_depth_does_not_matter(self, redactor, wrap):
        """Ten thousand levels are walked without an error."""
        obj: Any = VALUE
        for _ in range(10_000):
            obj = wrap(obj)
        hidden = redactor.redact(obj)
        for _ in range(10_000):
            hidden = next(
                iter(
                    hidden.values()
                    if isinstance(hidden, dict)
                    else [hidden.a]
                    if isinstance(hidden, Open)
                    else hidden
                )
            )
        assert hidden == MARKED

    def test_shared_objects_stay_shared(self, redactor):
        """An object that stands twice is copied once."""
        shared = [VALUE]
        hidden = redactor.redact([shared, shared])
        assert hidden[0] is hidden[1]


class TestOpaque:
    @pytest.mark.parametrize(
        "obj", [iter([VALUE]), (x for x in [VALUE]), zip([VALUE]), map(str, [VALUE])]
    )
    def test_what_cannot_be_looked_into_is_replaced(self, redactor, obj):
        """Iterators and the like never pass."""
        assert redactor.redact({"a": obj}) == {"a": "[REDACTED]"}

    def test_leased_values_become_their_marker(self, redactor):
        """A SecretValue is replaced by the marker of its name, and refused."""
        leased = SecretValue("not-registered-1", name="db/pw")

        assert redactor.redact([leased]) == ["[REDACTED:db/pw]"]
        with pytest.raises(RawSecretFound) as caught:
            redactor.refuse({"x": leased})
        assert caught.value.path == "x"

    def test_hostile_objects_raise_nothing(self, redactor):
        """An object that fails on every touch is passed or withheld, not raised."""
        hidden = redactor.redact([Hostile(), VALUE])
        assert hidden[1] == MARKED
        redactor.scan([Hostile()])

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_any_object_is_walked(self, data):
        """Whatever is put together, nothing raises, nothing leaks, twice is once."""
        redactor = Redactor()
        redactor.register("vault/canary", VALUE)
        leaf = st.one_of(
            st.none(),
            st.builds(Hostile),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(),
            st.binary(),
            st.sampled_from([VALUE, f"x{VALUE}", VALUE.encode(), object, Colour.RED]),
        )
        obj = data.draw(
            st.recursive(
                leaf,
                lambda inner: st.one_of(
                    st.lists(inner, max_size=3),
                    st.dictionaries(
                        st.text(max_size=5) | st.just(VALUE), inner, max_size=3
                    ),
                    st.tuples(inner, inner),
                    st.builds(Open, inner, inner),
                    st.builds(lambda x: Model(theName="n", items=[x]), inner),
                ),
                max_leaves=12,
            )
        )
        hidden = redactor.redact(obj)

        assert redactor.scan(hidden) == []
        assert (redactor.redact(obj) is obj) == (redactor.scan(obj) == [])
        assert redactor.redact(hidden) is hidden


class TestScan:
    def test_findings_say_where(self, redactor):
        """A finding names path, rule, encoding and offsets, and not the value."""
        state = {"messages": [Open("x"), {"content": f"ab {VALUE}"}], "n": 1}
        (finding,) = redactor.scan(state)

        assert finding.path == "messages[1].content"
        assert (finding.name, finding.rule) == ("vault/canary", "registered")
        assert (finding.start, finding.end) == (3, 3 + len(VALUE))
        assert VALUE not in repr(finding)

    def test_offsets_count_characters(self, redactor):
        """Offsets are those of the string, whatever its encoding is long."""
        (finding,) = redactor.scan(f"äö€ {VALUE}")
        assert (finding.start, finding.end) == (4, 4 + len(VALUE))

    def test_a_path_never_shows_a_value(self, redactor):
        """A value that is a key is hidden in the path of what it holds."""
        findings = redactor.scan({VALUE: [VALUE]})
        assert len(findings) == 2
        assert all(VALUE not in repr(finding) for finding in findings)

    def test_refuse_names_path_and_rule(self, redactor):
        """A refused object is named by path and rule; a clean one passes."""
        redactor.refuse({"a": "clean"})
        with pytest.raises(RawSecretFound) as caught:
            redactor.refuse({"a": [VALUE]}, where="state")

        assert caught.value.path == "state.a[0]"
        assert caught.value.rule == "registered"
        assert VALUE not in str(caught.value)


class TestBytes:
    def test_text_in_bytes_is_redacted(self, redactor):
        """JSON in bytes stays JSON."""
        data = json.dumps({"a": VALUE, "b": 1}).encode()
        assert json.loads(redactor.redact(data)) == {"a": MARKED, "b": 1}

    def test_packed_bytes_are_withheld(self, redactor):
        """A marker is never put into the middle of packed bytes."""
        packed = b"\x82\xa1k\xd9\x18" + VALUE.encode() + b"\xff\x00"
        assert redactor.redact({"p": packed}) == {"p": MARKED.encode()}

    def test_numpy_arrays_are_looked_into(self, redactor):
        """Arrays of text and of bytes hold no value; numbers pass."""
        import numpy as np

        numbers = np.arange(10)
        words = np.array([["a", VALUE]])
        raw = np.frombuffer(VALUE.encode(), dtype="uint8")

        assert redactor.redact(numbers) is numbers
        assert redactor.redact(words).tolist() == [["a", MARKED]]
        assert redactor.redact(raw) == MARKED.encode()
        assert redactor.redact(np.str_(VALUE)) == MARKED


class TestMarkers:
    def test_markers_are_found_anywhere(self):
        """contains_marker looks into keys, values, models and bytes."""
        for obj in (
            "[REDACTED]",
            {"a": [f"x {MARKED}"]},
            {MARKED: 1},
            Open(MARKED),
            b"[REDACTED]",
        ):
            assert contains_marker(obj)
        assert not contains_marker({"a": ["[REDACTED", "REDACTED]"]})


def _everything(obj: Any) -> str:
    """Write out all an object holds, attributes and slots included."""
    if isinstance(obj, str):
        return str.__str__(obj)
    if isinstance(obj, bytes | bytearray | memoryview | array.array):
        return bytes(obj).decode()
    if isinstance(obj, SecretStr):
        return obj.get_secret_value()
    if isinstance(obj, Slotted):
        return obj.hidden() + obj.shown
    if isinstance(obj, BaseModel):
        return repr(obj) + "".join(map(_everything, obj.__dict__.values()))
    if isinstance(obj, dict | collections.ChainMap):
        return "".join(_everything(k) + _everything(v) for k, v in obj.items())
    return f"{obj!r} {obj}"
