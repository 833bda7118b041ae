"""The machine that walks: no recursion, cycles closed, nothing raised.

A handler is a generator. It yields each part of its object as a `Step` and is sent
back what the part becomes; it returns the object itself when every part came back as
it was, else a copy with the new parts.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, Protocol

from langchain_tyrum.redaction.walk.hushed import hush


class Mode(enum.Enum):
    """How a string is looked at."""

    FULL = "known values and shapes"
    KNOWN = "known values only: an id, a role or a tool's name is no shape"


class Step(NamedTuple):
    """A part of an object: what it is, where it stands, how it is looked at.

    Attributes:
        under: The key of a mapping that the part is the value of.
    """

    part: Any
    label: str = ""
    mode: Mode = Mode.FULL
    under: str = ""


class Visitor(Protocol):
    """What is done with the leaves."""

    @property
    def numbers(self) -> bool:
        """Whether a number may be a value, so that numbers are looked at too."""
        ...

    def text(self, text: str, step: Step, path: Callable[[], str]) -> str:
        """Return what a string becomes; the same object when it is clean."""
        ...

    def data(self, data: bytes, step: Step, path: Callable[[], str]) -> bytes:
        """Return what a byte string becomes; the same object when it is clean."""
        ...

    def withhold(self, obj: Any, path: Callable[[], str]) -> Any:
        """Return what stands for an object that cannot be looked into."""
        ...

    def knows(self, obj: Any) -> bool:
        """Tell whether an object is remembered as clean."""
        ...


class Freezes(Protocol):
    """What objects become for who must hear from them what is heard here."""

    def takes(self, obj: Any) -> bool:
        """Tell whether an object becomes another."""
        ...

    def pending(self, twin: Any) -> Any:
        """Return what it will be, before that is known, from an empty copy."""
        ...


Steps = Generator[Step, Any, Any]
Handler = Callable[["Frame"], Steps]
#: A leaf is handled at once: it has no parts.
Leaf = Callable[[Any, Visitor, Step, Callable[[], str]], Any]


class Cannot(Exception):
    """The object cannot be copied or looked into."""


class Frame:
    """An object whose parts are being walked.

    Attributes:
        asking: It is asked what it says of itself.
        asked: How many of the objects around it are.
        met: In it, or in what it says, are objects around it that are still being
            walked; they stand there as they are.
        freezes: Who gets what becomes of it must hear from it what is heard here.
    """

    __slots__ = (
        *("_blank", "asked", "asking", "freezes", "label", "met", "obj", "step"),
        *("steps", "twin"),
    )

    def __init__(self, step: Step, kind: Kind, asked: int = 0) -> None:
        self.obj = step.part
        self.label = step.label
        self.step = step
        self.twin: Any = None
        self.asked = asked
        self.asking = self.met = False
        self.freezes: Freezes | None = None
        self._blank = kind.blank or _no_blank
        self.steps = (kind.handler or _no_steps)(self)

    def copy(self) -> Any:
        """Return the copy to fill: made when a cycle or a change asks for it.

        Raises:
            Cannot: No copy can be made.
        """
        if self.twin is None:
            twin = hush(self._blank(self.obj))
            self.twin = self.freezes.pending(twin) if self.freezes else twin
        return self.twin


class Kind(NamedTuple):
    """How objects of one type are walked: as a leaf, by a handler, or not at all.

    With both, the handler gets what the leaf let pass.

    Attributes:
        blank: Makes the empty copy that a cycle may already point to.
    """

    leaf: Leaf | None = None
    handler: Handler | None = None
    blank: Callable[[Any], Any] | None = None


#: Whole numbers below have fewer than six digits.
SMALL = 10**5
_PENDING = object()
_DEEPEST_ASKED = 4
_MOST_TOLD = 50_000


def walk(root: Any, visitor: Visitor, kind_of: Callable[[type], Kind]) -> Any:
    """Walk an object.

    Args:
        root: Any object.
        visitor: What is done with strings, bytes and the opaque.
        kind_of: Tells how objects of a type are walked.

    Returns:
        What the object becomes; itself when nothing in it changed.
    """
    machine = _Machine(visitor, kind_of)
    return machine.run(Step(root))


class _Machine:
    def __init__(self, visitor: Visitor, kind_of: Callable[[type], Kind]) -> None:
        self._visitor = visitor
        self._kind_of = kind_of
        self._stack: list[Frame] = []
        self._open: dict[int, Frame] = {}
        # the object is kept beside its result: a freed one's id is given away again
        self._done: dict[int, tuple[Any, Any]] = {}
        self._label = ""
        self._told = 0
        self._freezes: Freezes | None = getattr(visitor, "freezes", None)

    def path(self) -> str:
        """Write where the machine stands, e.g. `messages[2].content`."""
        labels = [frame.label for frame in self._stack]
        return "".join([*labels, self._label]).removeprefix(".")

    def run(self, step: Step) -> Any:
        value = self._enter(step)
        while self._stack:
            frame = self._stack[-1]
            try:
                step = frame.steps.send(None if value is _PENDING else value)
            except StopIteration as stop:
                value = self._leave(frame, stop.value)
            except Exception:
                value = self._leave(frame, self._withhold(frame.obj))
            else:
                value = self._enter(step)
        return value

    def _enter(self, step: Step) -> Any:
        part, self._label = step.part, step.label
        cls = type(part)
        if cls is str:
            return self._visitor.text(part, step, self.path)
        if part is None or cls is bool:
            return part
        if cls is int or cls is float:
            small = cls is int and -SMALL < part < SMALL
            if small or not self._visitor.numbers:
                return part
        try:
            kind = self._kind_of(cls)
            became = part
            if kind.leaf is not None:
                became = kind.leaf(part, self._visitor, step, self.path)
        except Exception:
            return self._withhold(part)
        if kind.handler is None or became is not part:
            return became
        return self._descend(part, step, kind)

    def _descend(self, part: Any, step: Step, kind: Kind) -> Any:
        if id(part) in self._done:
            return self._done[id(part)][1]
        if id(part) in self._open:
            if self._is_met(self._open[id(part)]):
                return part
            try:
                return self._open[id(part)].copy()
            except Exception:
                return self._withhold(part)
        if self._visitor.knows(part):
            return part
        around = self._stack[-1] if self._stack else None
        asked = 0 if around is None else around.asked + around.asking
        if asked and self._goes_on(asked):
            return self._withhold(part)
        frame = Frame(step, kind, asked)
        frame.freezes = None if asked else self._freezes
        self._stack.append(frame)
        self._open[id(part)] = frame
        return _PENDING

    def _goes_on(self, asked: int) -> bool:
        """Tell whether those that are asked tell too much: it may have no end."""
        self._told += 1
        return asked > _DEEPEST_ASKED or self._told > _MOST_TOLD

    def _is_met(self, met: Frame) -> bool:
        """Tell whether somebody is asked, and told of an object that is walked."""
        at = self._stack.index(met)
        if not any(frame.asking for frame in self._stack[at:]):
            return False
        for frame in self._stack[at:]:
            frame.met = True
        return True

    def _leave(self, frame: Frame, value: Any) -> Any:
        self._stack.pop()
        del self._open[id(frame.obj)]
        if not frame.met:  # elsewhere it may lead to another than here
            self._done[id(frame.obj)] = (frame.obj, value)
        return value

    def _withhold(self, obj: Any) -> Any:
        return self._visitor.withhold(obj, self.path)


def _no_steps(frame: Frame) -> Steps:
    yield from ()
    return frame.obj


def _no_blank(obj: Any) -> Any:
    raise Cannot(type(obj).__name__)
