"""Stand-ins: they hold what the object holds, and touch nothing that is live."""

from __future__ import annotations

import copy
import enum
import gc
import pickle
from collections import OrderedDict, deque
from typing import Any, ClassVar, NamedTuple

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, computed_field

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.walk.steady import steady
from langchain_tyrum.traces.steadied import saying

VALUE = "tulip-42-kites-over-zanzibar"


@pytest.fixture
def redactor():
    """One that knows the value."""
    made = Redactor()
    made.register("vault/canary", VALUE)
    return made


class Lying:
    """Says the value from the moment on that it is told to."""

    lies = False

    def __repr__(self) -> str:
        return VALUE if Lying.lies else "fine"


@pytest.fixture
def lies(monkeypatch):
    """Lets all of them lie from now on."""
    return lambda: monkeypatch.setattr(Lying, "lies", True)


class Ordered(OrderedDict):
    __repr__ = Lying.__repr__


class Queue(deque):
    __repr__ = Lying.__repr__


class Row(dict):
    __repr__ = Lying.__repr__


class Slotted(dict):
    __slots__ = ("extra",)
    __repr__ = Lying.__repr__


class Pair(NamedTuple):
    a: int
    b: int
    __repr__ = Lying.__repr__


class Bare(tuple):
    __slots__ = ()
    __repr__ = Lying.__repr__


class Worn(tuple):  # noqa: SLOT001 - it has attributes
    __repr__ = Lying.__repr__


class Number(int):
    __repr__ = Lying.__repr__


class Raw(bytes):
    __slots__ = ()
    __repr__ = Lying.__repr__


class Color(enum.Enum):
    RED = 1
    BLUE = 2
    __str__ = Lying.__repr__


DATA = [
    Ordered(b=1, a=2),
    Queue([1, 2, 3], maxlen=4),
    Row(a=1),
    Slotted(a=1),
    Pair(1, 2),
    Bare((1, 2)),
    Worn((1, 2)),
    Number(7),
    Raw(b"raw"),
]


class TestData:
    @pytest.mark.parametrize("given", DATA, ids=lambda each: type(each).__name__)
    def test_it_holds_the_same_and_says_the_same(self, redactor, lies, given):
        """A container of a class with words of its own arrives whole."""
        shown = steady([given], redactor)[0]
        lies()

        assert given is not shown
        assert isinstance(shown, type(given))
        assert given == shown
        assert "fine" == repr(shown) == repr(copy.deepcopy(shown))
        assert VALUE not in f"{shown} {shown!s}"
        assert VALUE == repr(given)
        assert hasattr(given, "__dict__") == hasattr(shown, "__dict__")
        back = pickle.loads(pickle.dumps(shown))
        assert given == back
        assert not getattr(back, "__dict__", {})

    def test_what_belongs_to_its_class_works(self, redactor):
        """Order, length limit, fields."""
        ordered, queue, pair = steady(
            [Ordered(b=1, a=2), Queue([1], maxlen=4), Pair(1, 2)], redactor
        )

        assert [("b", 1), ("a", 2)] == list(ordered.items())
        ordered.move_to_end("b")
        assert ["a", "b"] == list(ordered)
        assert 4 == queue.maxlen
        assert (1, {"a": 1, "b": 2}) == (pair.a, pair._asdict())

    @pytest.mark.parametrize("kind", [Row, Worn, Number])
    def test_its_attributes_are_those_of_the_object(self, redactor, kind):
        """Who writes out attributes writes nothing that was added."""
        given = kind()
        given.name = "kept"

        assert {"name": "kept"} == vars(steady(given, redactor))

    def test_data_that_allows_no_subclass_is_plain(self, redactor, lies):
        """It is handed out as a mapping, which says what it holds."""

        class Sealed(type):
            def mro(cls):
                if len(cls.__bases__) > 1:
                    raise TypeError("sealed")
                return super().mro()

        given = Sealed("Closed", (Row,), {})(a=1)
        shown = steady(given, redactor)
        lies()

        assert dict is type(shown)
        assert {"a": 1} == shown
        assert VALUE == repr(given)

    def test_members_of_an_enum_are_equal(self, redactor, lies):
        """Who compares one with the member finds it, also as a key."""
        shown = steady([Color.RED], redactor)[0]
        lies()

        assert Color.RED == shown
        assert shown == Color.RED
        assert shown != Color.BLUE
        assert "found" == {Color.RED: "found"}[shown]
        assert Color.RED is pickle.loads(pickle.dumps(shown))
        assert ["fine", VALUE] == [str(shown), str(Color.RED)]


class Handle:
    open = True


class Closing(Lying):
    """Closes what it works with when it goes."""

    def __init__(self, name: str = "plain") -> None:
        self.handle, self.name = Handle(), name

    def __del__(self) -> None:
        self.handle.open = False


class ClosingSlots:
    __slots__ = ("handle", "name")
    __init__, __del__ = Closing.__init__, Closing.__del__
    __repr__ = Lying.__repr__


class ClosingRow(Row):
    def __init__(self, name: str = "plain") -> None:
        self.handle = Handle()
        self["name"] = name

    __del__ = Closing.__del__


class Silent:
    __init__, __del__ = Closing.__init__, Closing.__del__


class ClosingSteps(Lying):
    def __init__(self, name: str = "plain") -> None:
        self.handle, self.name = Handle(), name

    def __iter__(self) -> Any:
        return iter(["one"])

    __del__ = Closing.__del__


class Numbered:
    """Closes by a number, as files are."""

    closed: ClassVar[list[int]] = []

    def __init__(self, first: str, second: str) -> None:
        self.number, self.halves = 7, [first, second]

    def __iter__(self) -> Any:
        return iter(["one"])

    def __repr__(self) -> str:
        return "".join(self.halves)

    def __del__(self) -> None:
        self.closed.append(self.number)


KINDS = [Closing, ClosingSlots, ClosingRow, Silent, ClosingSteps]


class TestClosing:
    @pytest.mark.parametrize("name", ["plain", VALUE])
    @pytest.mark.parametrize("kind", KINDS)
    def test_looking_closes_nothing(self, redactor, kind, name):
        """What an object works with is open for as long as the object is there."""
        given = kind(name)
        handle = given.handle
        shown = steady([given], redactor)
        del shown
        gc.collect()

        assert handle.open
        del given
        gc.collect()
        assert not handle.open

    @pytest.mark.parametrize("halves", [("a", "b"), (VALUE[:9], VALUE[9:])])
    def test_copies_that_are_asked_close_nothing(self, redactor, monkeypatch, halves):
        """Those that are gone through, and those that pieces are taken out of."""
        monkeypatch.setattr(Numbered, "closed", [])
        given = Numbered(*halves)
        shown = steady([given], redactor)

        assert VALUE not in repr(shown)
        del shown
        gc.collect()
        assert [] == Numbered.closed
        del given
        gc.collect()
        assert [7] == Numbered.closed

    def test_a_run_gets_a_copy_that_closes_nothing(self, redactor):
        """It is of the class, and the object itself closes what both work with."""
        given = Silent(VALUE)
        clean = redactor.redact(given)

        assert isinstance(clean, Silent)
        assert Silent is clean.__class__
        assert VALUE not in clean.name
        assert given.handle is clean.handle
        del clean
        assert given.handle.open

    def test_copies_and_pickles_close_nothing(self, redactor):
        """Also the ones that are made on the way to somewhere else."""
        given = Closing()
        shown = steady(given, redactor)
        taken_apart = shown.__reduce_ex__(4)

        assert Closing in taken_apart[1]
        assert "fine" == repr(copy.copy(shown))
        del shown, taken_apart
        gc.collect()
        assert given.handle.open

    def test_a_log_closes_nothing(self):
        """What goes on saying its texts for a log line."""
        given = Closing()

        assert "a" == str(saying(given, "a", "b"))
        gc.collect()
        assert given.handle.open


class Inner(BaseModel):
    shown: int = 1
    hidden: str | None = "inner"


class Cart(BaseModel):
    n: int = 1
    ssn: str = Field(default="private", serialization_alias="SSN")
    none: str | None = None
    inner: Inner = Inner()
    many: list[Inner] = [Inner(hidden=None)]

    @computed_field
    @property
    def total(self) -> int:
        return self.n * 10


class Aliased(Cart):
    model_config = ConfigDict(serialize_by_alias=True)


class Own(Lying):
    def __init__(self) -> None:
        self.kept = 1

    def model_dump(self, **_: Any) -> dict[str, Any]:
        return {"n": 1, "ssn": "private"}


ASKED: list[dict[str, Any]] = [
    {},
    {"exclude": {"ssn"}},
    {"include": {"n", "ssn"}},
    {"exclude": {"inner": {"hidden"}, "many": {"__all__": {"shown"}}}},
    {"include": {"inner": {"shown": True}}},
    {"exclude": {"many": {0}}},
    {"exclude_none": True},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"by_alias": True},
    {"by_alias": True, "exclude": {"ssn"}},
    {"exclude_none": True, "by_alias": True, "include": {"ssn", "many", "none"}},
]


class TestDumps:
    @pytest.mark.parametrize("kind", [Cart, Aliased])
    @pytest.mark.parametrize("asked", ASKED, ids=range(len(ASKED)))
    def test_what_is_left_out_is_left_out(self, redactor, asked, kind):
        """A handler that drops a field drops it from a stand-in too."""
        given = kind(n=2)
        shown = steady(given, redactor)

        assert given is not shown
        assert given.model_dump(**asked) == shown.model_dump(**asked)
        assert given.model_dump_json(**asked) == shown.model_dump_json(**asked)
        adapter = TypeAdapter(kind)
        expected = adapter.dump_python(given, mode="json", **asked)
        assert expected == adapter.dump_python(shown, mode="json", **asked)

    def test_also_by_a_method_of_its_own(self, redactor):
        """One that tells everything is told as little as is asked for."""
        shown = steady(Own(), redactor)

        assert {"n": 1} == shown.model_dump(exclude={"ssn"})
        assert {"n": 1, "ssn": "private"} == shown.model_dump()


class Node(Lying):
    def __init__(self, parent: Any = None, text: str = "text") -> None:
        self.parent, self.text, self.children = parent, text, []
        if parent is not None:
            parent.children.append(self)


class Turning(Node):
    """Says the value once it was asked often enough."""

    def __init__(self, clean: int) -> None:
        super().__init__()
        self.clean = [clean]

    def __repr__(self) -> str:
        self.clean[0] -= 1
        return "fine" if self.clean[0] >= 0 else VALUE


class Shelf(list):
    __repr__ = Lying.__repr__


class Fault(ValueError):
    __str__ = Lying.__repr__


class TestCycles:
    @pytest.mark.parametrize("text", ["text", VALUE])
    def test_what_leads_back_leads_to_the_stand_in(self, redactor, lies, text):
        """Parents and children say nothing else later, from wherever they are asked."""
        root = Node(text=text)
        child = Node(root)
        Node(child)
        shown = steady(root, redactor)
        lies()

        assert shown is shown.children[0].parent
        assert shown.children[0] is shown.children[0].children[0].parent
        assert ["fine", "fine"] == [repr(shown.children[0].parent), repr(shown)]
        assert VALUE not in repr([vars(shown), vars(shown.children[0])])
        assert VALUE == repr(root.children[0].parent)

    def test_through_a_container_of_its_own_class(self, redactor, lies):
        """A shelf that leads to itself."""
        shelf = Shelf([Node()])
        shelf[0].parent = shelf
        shown = steady(shelf, redactor)
        lies()

        assert shown is shown[0].parent
        assert "fine[fine]" == f"{shown}{list(shown)}"

    def test_through_an_error(self, redactor, lies):
        """An error whose attribute leads back to it."""
        error = Fault("x")
        error.node = Node()
        error.node.parent = error
        shown = steady(error, redactor)
        lies()

        assert isinstance(shown, Fault)
        assert "fine" == str(shown) == str(shown.node.parent)

    @pytest.mark.parametrize("clean", range(10))
    def test_what_is_given_up_is_given_up_from_inside_too(self, redactor, clean):
        """One that says the value while it is looked at says it to nobody after."""
        root = Turning(clean)
        kid = Node(root)
        shown = steady([root, kid], redactor)

        assert VALUE not in f"{shown}{shown}{shown[1].parent}{shown[1].parent!r}" * 9
        assert VALUE in f"{[root] * 20}"
