"""What objects hold, read past what their classes tell, and copies that hold it."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.walk.hushed import hush
from langchain_tyrum.redaction.walk.objects import allocate
from langchain_tyrum.redaction.walk.slots import UNSET, read_slot, slots_of, worn_by

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_STATE = ("__dict__", "__weakref__")
_LENGTH: Any = vars(deque)["maxlen"]
#: How to read what these hold, whatever a subclass of them tells.
_HELD: dict[type[Any], Callable[[Any], Any]] = {
    str: str.__str__,
    bytes: lambda obj: bytes.__getitem__(obj, slice(None)),
    int: int.__int__,
    float: float.__float__,
    tuple: lambda obj: tuple(tuple.__iter__(obj)),
    frozenset: lambda obj: frozenset(frozenset.__iter__(obj)),
    list: lambda obj: list(list.__iter__(obj)),
    set: lambda obj: set(set.__iter__(obj)),
    OrderedDict: lambda obj: OrderedDict(OrderedDict.items(obj)),
    dict: lambda obj: dict(dict.items(obj)),
    deque: lambda obj: deque(deque.__iter__(obj), _LENGTH.__get__(obj)),
    bytearray: lambda obj: bytes(memoryview(obj)),
}
DATA = tuple(_HELD)


def _ordered(twin: Any, held: Any) -> None:
    for key, value in held.items():  # `update` would ask the subclass to put it
        OrderedDict.__setitem__(twin, key, value)


#: What fills those that are made empty.
_FILLED: dict[type[Any], Callable[[Any, Any], Any]] = {
    list: list.extend,
    set: set.update,
    OrderedDict: _ordered,
    dict: dict.update,
    deque: lambda twin, held: deque.__init__(twin, held, held.maxlen),
    bytearray: bytearray.extend,
}


def plain(obj: Any) -> Any:
    """Return what data of any class holds, in a class of Python's own.

    Raises:
        TypeError: It is no data.
    """
    for kind, read in _HELD.items():
        if isinstance(obj, kind):
            held = read(obj)
            return held if type(held) is kind else kind(held)
    raise TypeError


def allocated(kind: type[Any], obj: Any) -> Any:
    """Make an object of another class from an object, without attributes and slots."""
    if isinstance(obj, BaseException):
        twin: Any = kind.__new__(kind, *obj.args)
        twin.args = obj.args
        for name in ("__cause__", "__context__", "__traceback__"):
            setattr(twin, name, getattr(obj, name))
        twin.__suppress_context__ = obj.__suppress_context__
        return twin
    for base, read in _HELD.items():
        if isinstance(obj, base):
            twin = base.__new__(kind, read(obj))
            if base in _FILLED:
                _FILLED[base](twin, read(obj))
            return twin
    return object.__new__(kind)


def state_of(obj: Any) -> dict[str, Any]:
    """Return the attributes and slots of an object by their names."""
    slots = {name: read_slot(member, obj) for name, member in slots_of(type(obj))}
    held = {n: v for n, v in slots.items() if n not in _NO_STATE and v is not UNSET}
    return {**worn_by(obj), **held}


def refilled(obj: Any, change: Callable[[Any], Any]) -> Any:
    """Make an object of the same class, past its constructor, with changed state."""
    twin = hush(allocate(obj))
    slots = dict(slots_of(type(obj)))
    for name, value in state_of(obj).items():
        if name in slots:
            slots[name].__set__(twin, change(value))
        else:
            worn_by(twin)[name] = change(value)
    return twin
