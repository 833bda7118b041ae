"""Objects whose text is computed: what they say of themselves shows no value."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import json
import pathlib
import pickle
import reprlib
import threading
import types
import uuid
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    RootModel,
    SecretStr,
    WrapSerializer,
    computed_field,
    field_serializer,
    model_serializer,
)
from pydantic.dataclasses import dataclass as checked_dataclass

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.walk.voices import voices_of

VALUE = "tulip-42-kites-over-zanzibar"
HALVES = (VALUE[:9], VALUE[9:])
GITHUB = ("ghp_" + "Zx9" * 4, "Zx9" * 8)


@pytest.fixture
def redactor():
    """One that knows the value."""
    made = Redactor()
    made.register("vault/canary", VALUE)
    return made


class Closure:
    def __init__(self) -> None:
        self.say = lambda: VALUE

    def __repr__(self) -> str:
        return f"<Closure {self.say()}>"


class Pieces:
    def __init__(self) -> None:
        self._left, self._right = HALVES

    def __str__(self) -> str:
        return self._left + self._right


class Listed:
    __slots__ = ("_parts", "name")

    def __init__(self) -> None:
        self.name, self._parts = "kept", list(HALVES)

    def __repr__(self) -> str:
        return f"{self.name}: {''.join(self._parts)}"


class Formatted(Pieces):
    __str__ = object.__str__

    def __format__(self, spec: str) -> str:
        return self._left + self._right


@dataclasses.dataclass(frozen=True)
class Card:
    left: str
    right: str

    @property
    def whole(self) -> str:
        return self.left + self.right

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        return f"Card({self.whole})"


@dataclasses.dataclass
class Behind:
    """Its field is read through a property."""

    left: str
    whole: str = dataclasses.field(default="", init=False)


Behind.whole = property(lambda self: self.left + HALVES[1])  # type: ignore[assignment]
Behind.__init__ = lambda self, left: setattr(self, "left", left)  # type: ignore[method-assign, misc]


class Computed(BaseModel):
    left: str = HALVES[0]
    right: str = HALVES[1]

    @computed_field
    @property
    def whole(self) -> str:
        return self.left + self.right


class CachedComputed(BaseModel):
    left: str = HALVES[0]

    @computed_field(repr=False)
    @functools.cached_property
    def whole(self) -> str:
        return self.left + HALVES[1]


class Written(BaseModel):
    left: str = HALVES[0]

    @model_serializer
    def write(self) -> dict[str, Any]:
        return {"whole": self.left + HALVES[1]}


class FieldWritten(BaseModel):
    left: str = HALVES[0]

    @field_serializer("left", when_used="json")
    def write(self, left: str) -> str:
        return left + HALVES[1]


class Annotatedly(BaseModel):
    left: list[Annotated[str, PlainSerializer(lambda left: left + HALVES[1])]] = [
        HALVES[0]
    ]


class Wrapped(BaseModel):
    left: Annotated[str, WrapSerializer(lambda v, _: v + HALVES[1])] = HALVES[0]


class Shown(BaseModel):
    left: str = HALVES[0]

    def __repr_args__(self) -> Any:
        return [("whole", self.left + HALVES[1])]


class Dumped(BaseModel):
    left: str = HALVES[0]

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"whole": self.left + HALVES[1]}


@checked_dataclass
class CheckedCard:
    left: str = HALVES[0]

    @computed_field
    @property
    def whole(self) -> str:
        return self.left + HALVES[1]


class Pets(RootModel[tuple[str, ...]]):
    root: tuple[str, ...] = HALVES

    def __iter__(self) -> Any:
        return iter(["".join(self.root)])


class Note(HumanMessage):
    def __repr__(self) -> str:
        return VALUE


class Items(Pieces):
    __str__ = object.__str__

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        yield self._left + self._right


class Mapping(Items):
    def keys(self) -> Any:
        return ["k"]

    def __getitem__(self, key: str) -> str:
        return self._left + self._right


class Bag(dict):
    def items(self) -> Any:
        return {"k": VALUE}.items()


class Asked:
    def __getattribute__(self, name: str) -> Any:
        return VALUE if name == "text" else object.__getattribute__(self, name)

    def to_dict(self) -> dict[str, Any]:
        return {"text": self.text}


def _telling(name: str, said: Any = VALUE) -> Any:
    return type("Telling", (), {name: lambda self: said})


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(Closure, Pieces, Listed, Formatted, Computed, CachedComputed, Written),
        *(FieldWritten, Annotatedly, Wrapped, Shown, Dumped, CheckedCard, Pets),
        *(Items, Mapping, Bag, Asked),
    )
} | {
    "Card": lambda: Card(*HALVES),
    "Behind": lambda: Behind(HALVES[0]),
    "Note": lambda: Note("plain"),
    "rich": type("Rich", (), {"__rich_repr__": lambda self: iter([VALUE])}),
    "static": type("Static", (), {"to_dict": staticmethod(lambda: {"k": VALUE})}),
    **{
        name: _telling(name, said)
        for name, said in {
            "to_dict": {"k": [VALUE]},
            "dict": {"k": VALUE},
            "as_dict": {VALUE: 1},
            "to_json": json.dumps({"k": VALUE}),
            "__json__": {"k": VALUE},
            "__html__": f"<b>{VALUE}</b>",
            "_repr_html_": f"<b>{VALUE}</b>",
            "_repr_markdown_": f"**{VALUE}**",
            "__structlog__": (VALUE,),
            "__bytes__": VALUE.encode(),
            "_repr_mimebundle_": {"text/plain": VALUE},
            "__rich__": VALUE,
        }.items()
    },
}


def _told(obj: Any) -> str:
    """Return what an object shows when it is printed, dumped or gone through."""
    ways = (
        *(repr, str, "{}".format, list, dict),
        lambda o: [o[key] for key in o.keys()],  # noqa: SIM118 - some lie
        lambda o: list(o.items()),
        lambda o: list(o.__rich_repr__()),
        lambda o: o.model_dump(),
        lambda o: o.model_dump_json(),
        lambda o: type(o).__pydantic_serializer__.to_json(o),
        pickle.dumps,
        *(
            lambda o, name=name: getattr(o, name)()
            for name in KINDS
            if name[0] in "_adt"
        ),
    )
    told = ""
    for way in ways:
        try:
            told += str(way(obj))
        except Exception:
            continue
    return told


class TestComputedText:
    @pytest.mark.parametrize("kind", KINDS)
    def test_no_way_out_shows_a_value(self, redactor, kind):
        """Whatever puts the value together, nothing that leaves says it."""
        obj = KINDS[kind]()

        hidden = redactor.redact({"a": [obj]})["a"][0]

        assert VALUE in _told(obj)
        assert VALUE not in _told(hidden)
        assert "[REDACTED:vault/canary]" in _told(hidden)
        assert VALUE in _told(obj)

    @pytest.mark.parametrize("kind", KINDS)
    def test_it_is_a_finding(self, redactor, kind):
        """So it passes between nodes no more than text does."""
        with pytest.raises(RawSecretFound):
            redactor.refuse([KINDS[kind]()])

    def test_a_shape_is_found_too(self, redactor):
        """A credential that nobody registered is told by what the object says."""
        model = Computed(left=GITHUB[0], right=GITHUB[1])

        assert "".join(GITHUB) in repr(model)
        assert "".join(GITHUB) not in repr(redactor.redact([model]))

    @pytest.mark.parametrize("kind", ["Card", "Computed", "Listed", "Pieces"])
    def test_the_class_stays_where_its_pieces_can_be_taken(self, redactor, kind):
        """The copy is of the same class and says a marker; the object keeps its own."""
        obj = KINDS[kind]()

        hidden = redactor.redact(obj)

        assert type(obj) is type(hidden)
        assert "[REDACTED:vault/canary]" in str(hidden)
        assert VALUE in str(obj)

    def test_what_is_no_piece_stays(self, redactor):
        """Other fields are what they were."""
        assert "kept" == redactor.redact(Listed()).name

    def test_where_nothing_can_be_taken_its_text_stands(self, redactor):
        """A closure cannot be changed: what it said is handed out, redacted."""
        assert "<Closure [REDACTED:vault/canary]>" == redactor.redact(Closure())

    def test_what_it_told_stands_where_its_text_is_clean(self, redactor):
        """A reader of `to_dict()` gets what that told, redacted."""
        told = {"k": ["[REDACTED:vault/canary]"]}

        assert told == redactor.redact(KINDS["to_dict"]())


class Team(BaseModel):
    members: list[Any]

    def __iter__(self) -> Any:
        return iter(self.members)


class Loud(Team):
    def __iter__(self) -> Any:
        yield VALUE


class Shouting(ValueError):
    def __repr__(self) -> str:
        return f"Shouting({VALUE})"


class Mumbling(ValueError):
    def __repr__(self) -> str:
        raise RuntimeError


class TestExceptions:
    def test_a_repr_of_its_own_is_looked_at(self, redactor):
        """LangGraph stores and streams the `repr` of an error."""
        hidden = redactor.redact(Shouting("plain"))

        assert isinstance(hidden, Exception)
        assert VALUE not in f"{hidden!r} {hidden}"
        assert "plain" in str(hidden)

    def test_other_errors_are_themselves(self, redactor):
        """Also one that cannot write itself."""
        errors = [ValueError("plain"), Mumbling("plain"), KeyError("k")]

        assert errors is redactor.redact(errors)


#: Objects of classes of somebody's own, over what is a leaf or a container.
BASES: dict[str, tuple[type, tuple[Any, ...]]] = {
    "path": (pathlib.PurePosixPath, ("a",)),
    "date": (dt.datetime, (2020, 1, 1)),
    "decimal": (decimal.Decimal, ("1.5",)),
    "float": (float, (1.5,)),
    "uuid": (uuid.UUID, ("12345678123456781234567812345678",)),
    "bytearray": (bytearray, (b"x",)),
    "array": (array.array, ("b", b"x")),
    "deque": (collections.deque, ([1],)),
    "dict": (dict, ({"a": 1},)),
    "frozenset": (frozenset, ([1],)),
    "string": (collections.UserString, ("x",)),
    "namespace": (types.SimpleNamespace, ()),
    "partial": (functools.partial, (len,)),
    "thread": (threading.Thread, ()),
    "error": (ValueError, ("plain",)),
}


class TestOwnClasses:
    @pytest.mark.parametrize("base", BASES)
    @pytest.mark.parametrize("name", ["__str__", "__format__", "to_dict"])
    def test_no_class_of_its_own_says_a_value(self, redactor, base, name):
        """Whatever it is built upon, and whatever that shows by itself."""
        kind, given = BASES[base]
        said: Any = {"to_dict": {"k": VALUE}}.get(name, VALUE)
        obj = type("Own", (kind,), {name: lambda self, *_: said})(*given)

        hidden = redactor.redact([obj])[0]

        assert VALUE in _told(obj)
        assert VALUE not in _told(hidden)
        assert isinstance(hidden, Exception) is (base == "error")
        with pytest.raises(RawSecretFound):
            redactor.refuse([obj])

    def test_nor_does_a_member_of_an_enumeration(self, redactor):
        """Its name and value are not all that it shows."""

        class Level(enum.Enum):
            LOW = 1

            def __format__(self, spec: str) -> str:
                return VALUE

        assert "[REDACTED:vault/canary]" == redactor.redact(Level.LOW)

    def test_a_model_that_goes_through_its_parts_stays(self, redactor):
        """Those are looked at, and the model passes."""
        team = Team(members=[PlainModel()])

        assert team is redactor.redact(team)
        assert VALUE not in str(redactor.redact(Loud(members=[])))


class Clean(Pieces):
    def __init__(self) -> None:
        self._left, self._right = "nothing ", "here"


class Failing:
    def __repr__(self) -> str:
        raise ValueError(VALUE)


class Endless:
    def __repr__(self) -> str:
        return f"{self}"


class Lazy:
    """It may ask somebody else for more."""

    def __init__(self) -> None:
        self.more = lambda: VALUE

    def __iter__(self) -> Any:
        raise AssertionError


class AsyncLazy:
    async def __aiter__(self) -> Any:
        raise AssertionError
        yield


class Queue:
    """Going through it empties it."""

    def __init__(self, *items: str) -> None:
        self.items = [*items]

    def __iter__(self) -> Any:
        while self.items:
            yield self.items.pop()


class Whole:
    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = HALVES[0][:2]

    def __iter__(self) -> Any:
        yield self._left + VALUE[2:]


class Boundless(Items):
    def __iter__(self) -> Any:
        return iter(range(10**9))


class Coroutine:
    async def to_dict(self) -> Any:
        raise AssertionError

    def dict(self) -> Any:
        return self.to_dict()


class Asking:
    """It needs more to tell, so nobody calls it unasked."""

    def to_dict(self, wanted: str) -> Any:
        raise AssertionError(wanted)

    async def to_json(self) -> Any:
        raise AssertionError


class TestGuards:
    def test_a_clean_one_is_itself(self, redactor):
        """It is looked at and passed, the very same object."""
        obj = [Clean(), Computed(left="a", right="b"), Asking(), Bag()]
        obj.pop()

        assert obj is redactor.redact(obj)

    @pytest.mark.parametrize("kind", [Failing, Endless, Boundless, Coroutine])
    def test_what_cannot_say_is_replaced(self, redactor, kind):
        """An error, a recursion, no end or a coroutine: nobody knows what it says."""
        assert ["[REDACTED]"] == redactor.redact([kind()])
        assert [] == redactor.scan([kind()])

    @pytest.mark.parametrize("kind", [Lazy, AsyncLazy])
    def test_what_only_yields_is_replaced_unasked(self, redactor, kind):
        """Going through it may cost or change something, so it is withheld."""
        assert ["[REDACTED]"] == redactor.redact([kind()])

    def test_what_yields_plain_data_is_gone_through(self, redactor):
        """Through a copy of it, so that it yields the same once more."""
        clean, queue = Queue("a", "b"), Queue(HALVES[0], HALVES[1])

        assert clean is redactor.redact(clean)
        assert ["b", "a"] == list(clean)
        assert queue is redactor.redact(queue)
        assert ["[REDACTED:vault/canary]"] == redactor.redact(Whole())

    def test_a_dump_does_not_use_up_what_a_model_holds(self, redactor):
        """A model with an iterator is not written; the iterator is withheld."""

        class Feed(BaseModel):
            model_config = ConfigDict(arbitrary_types_allowed=True)
            source: Any

            label: str = "plain"

            @computed_field(repr=False)
            @property
            def whole(self) -> str:
                return self.label + HALVES[1]

        feed, loud = Feed(source=iter([1, 2])), Feed(source=iter([1]), label=HALVES[0])

        assert "[REDACTED]" == redactor.redact(feed).source
        assert [1, 2] == list(feed.source)
        assert VALUE not in _told(redactor.redact(loud))
        assert [1] == list(loud.source)


class Node:
    """One of a tree: it names its parent, and tells of it."""

    def __init__(self, parent: Node | None, name: str) -> None:
        self.parent, self.name, self.children = parent, name, []
        if parent is not None:
            parent.children.append(self)

    def __repr__(self) -> str:
        return f"{self.parent.name if self.parent else ''}/{self.name}"

    def to_dict(self) -> dict[str, Any]:
        return {"parent": self.parent, "name": self.name, "self": self}


class First(Node):
    """It tells of another that it does not hold."""

    def __init__(self, name: str, late: Any) -> None:
        super().__init__(None, name)
        self.late = lambda: late

    def to_dict(self) -> dict[str, Any]:
        return {"late": self.late()}


class Grown(Node):
    """It makes up what it goes through."""

    def __init__(self, wide: int) -> None:
        super().__init__(None, "grown")
        self.wide = wide

    def __len__(self) -> int:
        return self.wide

    def __iter__(self) -> Any:
        return iter([Grown(self.wide) for _ in range(self.wide)])


class Leaf(Node):
    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "text": VALUE}


class TestCycles:
    def test_a_clean_one_is_itself(self, redactor):
        """What it tells of its parent is no reason to replace it."""
        root = Node(None, "root")
        Node(Node(root, "inner"), "leaf")

        assert root is redactor.redact(root)

    def test_a_clean_one_stays_readable_beside_a_value(self, redactor):
        """Objects that point at each other are copied together, in their class."""
        root = Node(None, "root")
        Node(root, "leaf")

        shown, hidden = redactor.redact([root, VALUE])

        assert "[REDACTED:vault/canary]" == hidden
        assert ["/root", "root/leaf"] == [repr(shown), repr(shown.children[0])]
        assert shown is shown.children[0].parent

    def test_what_is_told_of_first_leads_to_no_value(self, redactor):
        """An object that a parent tells of before it is walked is no way back to it."""
        late = types.SimpleNamespace(name="leaf")
        root = First(VALUE, late)
        late.parent = [root]

        hidden = redactor.redact([root, late])

        assert VALUE not in _reached(hidden)
        assert "leaf" in _reached(hidden)

    @pytest.mark.parametrize("wide", [1, 6])
    def test_one_that_tells_without_end_is_replaced(self, redactor, wide):
        """Each that it tells of tells of more."""
        hidden = redactor.redact(Grown(wide))

        assert "/grown" in hidden
        assert Grown is not type(hidden)

    def test_one_that_tells_a_value_is_replaced(self, redactor):
        """And nothing of it leads back to the objects that hold the value."""
        root = Node(None, VALUE)
        leaf = Leaf(root, "leaf")

        for hidden in (redactor.redact(root), redactor.redact(leaf)):
            assert VALUE not in _reached(hidden)
        assert VALUE in _reached(root)


def _reached(obj: Any) -> str:
    """Write out an object and all that it leads to."""
    seen: dict[int, Any] = {}
    todo, told = [obj], ""
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        told += str(each) if isinstance(each, str | Node) else ""
        if isinstance(each, dict):
            todo += [*each, *each.values()]
        elif isinstance(each, list):
            todo += each
        elif isinstance(each, Node | types.SimpleNamespace):
            todo.append(vars(each))
    return told


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    a: int
    b: Any = None


class PlainModel(BaseModel):
    type: str = "x"
    hidden: SecretStr | None = None
    inner: Plain | None = None


class Outer(PlainModel):
    inner: Computed | None = None  # type: ignore[assignment]


class OwnMessage(HumanMessage):
    pass


class OwnTool(BaseTool):
    name: str = "own"
    description: str = "own"

    def _run(self) -> None:
        raise NotImplementedError


class OwnModel(BaseChatModel):
    def _generate(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    @property
    def _llm_type(self) -> str:
        return "own"


class TestPlainKinds:
    @pytest.mark.parametrize(
        "kind",
        [
            *(Plain, PlainModel, Outer, OwnMessage, OwnTool, OwnModel),
            *(AIMessageChunk, HumanMessage, Document, StructuredTool),
        ],
        ids=lambda kind: kind.__name__,
    )
    def test_what_shows_only_what_it_holds_is_not_asked(self, kind):
        """Messages, plain models and dataclasses cost nothing more than their walk."""
        assert voices_of(kind) is None
