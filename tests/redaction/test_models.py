"""Models, dataclasses and their kin: every place in which they keep a value."""

from __future__ import annotations

import dataclasses
import enum
import typing
from typing import Annotated, Any, Generic, Literal, TypeVar

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretBytes, SecretStr

from langchain_tyrum.redaction import Redactor

VALUE = "Zq7-canary_Value.93x/K+w"
MARKED = "[REDACTED:vault/canary]"
T = TypeVar("T")


class Aliased(BaseModel):
    name: str = Field(alias="theName", serialization_alias="NAME")


class Private(BaseModel):
    _token: str = PrivateAttr(default=VALUE)
    name: str = "x"


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Computed(BaseModel):
    name: str

    @pydantic.computed_field
    @property
    def shout(self) -> str:
        return f"<{self.name}>"


class Cached(BaseModel):
    name: str

    @pydantic.computed_field
    @property
    def length(self) -> int:
        return len(self.name)


class Root(pydantic.RootModel[list[str]]):
    pass


class Box(BaseModel, Generic[T]):
    item: T


class Still(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_assignment=True)
    code: Annotated[str, Field(max_length=24, pattern=r"^[A-Za-z0-9_./+-]+$")]


class Hidden(BaseModel):
    text: SecretStr
    data: SecretBytes


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    name: str


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]


@dataclasses.dataclass(slots=True)
class Slots:
    a: str


@dataclasses.dataclass(frozen=True)
class Frozen:
    a: str
    b: list[str] = dataclasses.field(default_factory=list, repr=False)


@dataclasses.dataclass
class Init:
    seed: dataclasses.InitVar[str]
    a: str = ""

    def __post_init__(self, seed: str) -> None:
        self.a = seed


@dataclasses.dataclass(frozen=True, slots=True)
class Derived(Slots.__mro__[1]):
    b: str


@pydantic.dataclasses.dataclass
class Checked:
    a: str


class Descriptor:
    def __get__(self, obj: Any, owner: type) -> Any:
        if obj is None:
            return self
        raise RuntimeError

    def __set__(self, obj: Any, new: object) -> None:
        raise RuntimeError


class Guarded:
    field = Descriptor()

    def __init__(self, token: str) -> None:
        self.__dict__["field"] = token
        self.token = token

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class Locked:
    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        object.__setattr__(self, "token", token)

    def __setattr__(self, name: str, new: object) -> None:
        raise TypeError("it is frozen")


class Lazy:
    """A proxy that claims to be what it stands for."""

    def __init__(self, obj: Any) -> None:
        object.__setattr__(self, "_obj", obj)

    def __getattribute__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_obj"), name)

    @property
    def __class__(self) -> Any:
        return type(object.__getattribute__(self, "_obj"))


class Pair(typing.NamedTuple):
    a: str
    b: Any = None


class Mode(enum.StrEnum):
    ON = "on"


class Typed(typing.TypedDict):
    a: str


MADE = {
    "alias": lambda v: Aliased(theName=v),
    "private": lambda _: Private(),
    "extra": lambda v: Open(a=v),
    "extra, deep": lambda v: Open(a={"b": [Open(c=v)]}),
    "computed": lambda v: Computed(name=v),
    "root": lambda v: Root([v]),
    "generic": lambda v: Box[str](item=v),
    "generic of models": lambda v: Box[Still](item=Still(name=v)),
    "frozen": lambda v: Still(name=v),
    "constrained": lambda v: Strict(code=v),
    "secrets": lambda v: Hidden(text=v, data=v.encode()),
    "union": lambda v: Owner(pet={"kind": "dog", "name": v}),
    "constructed": lambda v: Still.model_construct(name=[v]),
    "slots": Slots,
    "frozen dataclass": lambda v: Frozen("x", [v]),
    "init only": Init,
    "checked dataclass": Checked,
    "descriptor": Guarded,
    "locked": Locked,
    "lazy": lambda v: Lazy([v]),
    "named tuple": lambda v: Pair(v, [v]),
    "typed dict": lambda v: Typed(a=v),
}


def _told(obj: Any) -> str:
    """Write out what anybody can get out of an object."""
    ways = (
        repr,
        lambda o: repr(vars(o)),
        lambda o: repr(o.model_dump()),
        lambda o: repr(o.model_dump(by_alias=True)),
        lambda o: o.model_dump_json(),
        lambda o: repr(o.__pydantic_private__),
        lambda o: o.text.get_secret_value() + o.data.get_secret_value().decode(),
        lambda o: repr(object.__getattribute__(o, "token")),
        lambda o: repr(object.__getattribute__(o, "_obj")),
        lambda o: repr(dataclasses.asdict(o)),
        lambda o: repr(o.pet),
    )
    told = ""
    for way in ways:
        try:
            told += way(obj)
        except Exception:
            continue
    return told


class TestModels:
    @pytest.mark.parametrize("kind", MADE)
    def test_no_place_hides_a_value(self, redactor, kind):
        """Nothing that can be asked of the copy shows it; the original is as it was."""
        obj = MADE[kind](VALUE)
        before = _told(obj)
        hidden = redactor.redact([obj])[0]

        assert VALUE in before
        assert VALUE not in _told(hidden)
        assert "REDACTED" in _told(hidden)
        assert before == _told(obj)
        assert redactor.redact(hidden) is hidden

    @pytest.mark.parametrize("kind", [kind for kind in MADE if kind != "private"])
    def test_clean_ones_are_themselves(self, redactor, kind):
        """The same object comes back, whatever it is made of."""
        obj = MADE[kind]("plain")
        assert redactor.redact([obj])[0] is obj

    @pytest.mark.parametrize("kind", sorted({*MADE} - {"lazy", "locked"}))
    def test_the_class_stays(self, redactor, kind):
        """A copy is of the same class, without validation or construction."""
        obj = MADE[kind](VALUE)
        assert type(redactor.redact(obj)) is type(obj)

    def test_what_is_beside_stays(self, redactor):
        """Set fields, other fields and computed ones are those of the original."""
        model = Open(a=VALUE, b=[1])
        hidden = redactor.redact(model)

        assert hidden.model_fields_set == {"a", "b"}
        assert hidden.b is model.b
        assert redactor.redact(Computed(name=VALUE)).shout == f"<{MARKED}>"
        assert redactor.redact(Owner(pet=Dog(name=VALUE))).pet == Dog(name=MARKED)


DEPTH = 10_000


class TestDepth:
    @pytest.mark.parametrize("last", [VALUE, "plain"])
    def test_mixed_nesting(self, redactor, last):
        """Lists, dicts, tuples and models in each other, ten thousand deep."""
        wraps = (
            lambda x: [x],
            lambda x: {"k": x},
            lambda x: (x,),
            lambda x: Box(item=x),
            Frozen,
            lambda x: Pair("a", x),
        )
        obj: Any = last
        for level in range(DEPTH):
            obj = wraps[level % len(wraps)](obj)
        hidden = redactor.redact(obj)

        assert (hidden is obj) == (last == "plain")
        assert len(redactor.scan(obj)) >= (last == VALUE)
        while not isinstance(hidden, str):
            part = hidden
            if isinstance(part, dict):
                hidden = part["k"]
            elif isinstance(part, Box):
                hidden = part.item
            elif isinstance(part, Frozen):
                hidden = part.a
            else:
                hidden = part[-1]
        assert hidden == (MARKED if last == VALUE else "plain")

    def test_flat_and_large(self, redactor):
        """Hundreds of thousands of parts in one list, and as many keys."""
        items = [*range(200_000), VALUE]
        keys = {f"k{number}": number for number in range(100_000)} | {VALUE: 1}

        hidden = redactor.redact([items, keys])

        assert hidden[0][-1] == MARKED
        assert hidden[0][:-1] == items[:-1]
        assert list(hidden[1])[-1] == MARKED
        assert items[-1] == VALUE

    @pytest.mark.parametrize("cls", [dict, list, set, tuple, frozenset])
    def test_a_value_a_thousand_times(self, cls):
        """Each of many values in one container is hidden."""
        redactor = Redactor(detectors=[])
        values = [f"value-{number:04d}-{number * 7919:06x}" for number in range(300)]
        for number, value in enumerate(values):
            redactor.register(f"n{number}", value)
        obj = dict.fromkeys(values, 1) if cls is dict else cls(values)

        hidden = redactor.redact(obj)

        assert set(hidden) == {f"[REDACTED:n{number}]" for number in range(300)}
