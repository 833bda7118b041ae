"""Stand-ins: objects that say again what they said when they were looked at.

An object may say something else each time it is asked. Who only observes a run is
given such a one in its place: of a subclass, with the same attributes, and with what
was looked at instead of the methods that compute it.
"""

from __future__ import annotations

import abc
import contextlib
import functools
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaSerializer, core_schema, to_json

from langchain_tyrum.redaction.walk.machine import Cannot
from langchain_tyrum.redaction.walk.slots import UNSET, read_slot, slots_of, worn_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: By what an object was asked.
REPR, STR, FORMAT, ITEMS = "repr", "str", "format", "{items}"
PYTHON, JSON = "{python}", "{json}"
_SPOKEN = frozenset({REPR, STR, FORMAT})
_SAID, _OF = "_tyrum_said", "_tyrum_of"
_NO_STATE = frozenset({"__dict__", "__weakref__", _SAID})
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
    dict: lambda obj: dict(dict.items(obj)),
    bytearray: lambda obj: bytes(memoryview(obj)),
}
_DATA = tuple(_HELD)
#: What fills those that are made empty.
_FILLED: dict[type[Any], Callable[[Any, Any], Any]] = {
    list: list.extend,
    set: set.update,
    dict: dict.update,
    bytearray: bytearray.extend,
}


def stand_in(obj: Any, said: Mapping[str, Any]) -> Any:
    """Return what says for good what an object said.

    Args:
        obj: The object; it is left alone. A stand-in for the same stays.
        said: What it said, by how it was asked.

    Raises:
        Cannot: None can be made for its class.
    """
    cls = type(obj)
    old = getattr(obj, _SAID, None)
    if old and all(said.get(how, each) == each for how, each in old.items()):
        return obj
    if isinstance(obj, _DATA) and not cls.__dictoffset__:
        raise Cannot(cls.__name__)
    base: type = getattr(cls, _OF, cls)
    return _filled(_class_for(base, frozenset(said)), obj, said)


def as_data(obj: Any, said: Mapping[str, Any]) -> Any:
    """Return what an object holds or told, as data; else its text."""
    for kind, read in _HELD.items():
        if isinstance(obj, kind):
            return kind(read(obj))
    told = [each for how, each in said.items() if how not in _SPOKEN]
    return told[0] if told else said.get(STR, said.get(REPR, ""))


def _allocated(kind: type[Any], obj: Any) -> Any:
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


def _filled(kind: type[Any], obj: Any, said: Mapping[str, Any]) -> Any:
    twin = _allocated(kind, obj)
    for name, member in slots_of(type(obj)):
        if name not in _NO_STATE and (held := read_slot(member, obj)) is not UNSET:
            with contextlib.suppress(AttributeError, TypeError):
                member.__set__(twin, held)
    if worn := worn_by(obj):
        worn_by(twin).update(worn)
    if not said:
        return twin
    if isinstance(obj, _DATA):
        worn_by(twin)[_SAID] = said
    else:
        object.__setattr__(twin, _SAID, said)
    return twin


@functools.lru_cache(maxsize=1024)
def _class_for(cls: type, asked: frozenset[str]) -> type[Any]:
    """Make the subclass for objects of a class that were asked so."""
    methods: dict[str, Any] = {
        "__slots__": () if issubclass(cls, _DATA) else (_SAID,),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__class__": property(lambda _: cls),
        "__copy__": lambda self: _filled(type(self), self, getattr(self, _SAID)),
        "__deepcopy__": lambda self, _: self.__copy__(),
        "__reduce_ex__": lambda self, how: _filled(cls, self, {}).__reduce_ex__(how),
        _OF: cls,
    }
    if asked & _SPOKEN:
        methods |= _SPEAKING
    for how in asked:
        if how.startswith("."):
            methods[how[1:-2]] = _telling(how)
    if ITEMS in asked:
        methods |= _MAPPING if callable(getattr(cls, "keys", None)) else _SEQUENCE
    if PYTHON in asked:
        methods = {**_DUMPING, **methods}
    mcls: Any = type(cls)
    made = abc.ABCMeta.__new__ if issubclass(mcls, abc.ABCMeta) else type.__new__
    new: type[Any] = made(mcls, cls.__name__, (_Quiet, cls), methods)
    return new


class _Quiet:
    """Keeps a class of somebody's own from noting its subclass."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Do nothing."""


def _say(obj: Any, *ways: str) -> Any:
    said = getattr(obj, _SAID)
    return next(said[how] for how in ways if how in said)


def _telling(how: str) -> Callable[..., Any]:
    def tell(self: Any, *args: Any, **kwargs: Any) -> Any:
        del args, kwargs
        return _say(self, how)

    return tell


def _format(self: Any, spec: str) -> str:
    text: str = _say(self, FORMAT, STR, REPR)
    try:
        return format(text, spec)
    except ValueError:  # a format that only the object knows
        return text


def _dumped(obj: Any, info: Any) -> Any:
    return _say(obj, JSON if info.mode == "json" else PYTHON)


def _dump(self: Any, *, mode: str = "python", **kwargs: Any) -> Any:
    del kwargs
    return _say(self, JSON if mode == "json" else PYTHON)


_SPEAKING: dict[str, Any] = {
    "__repr__": lambda self: _say(self, REPR),
    "__str__": lambda self: _say(self, STR, REPR),
    "__format__": _format,
}
_SEQUENCE: dict[str, Any] = {
    "__iter__": lambda self: iter(_say(self, ITEMS)),
    "__getitem__": lambda self, at: _say(self, ITEMS)[at],
    "__len__": lambda self: len(_say(self, ITEMS)),
}
_MAPPING: dict[str, Any] = {
    "__iter__": lambda self: iter(dict(_say(self, ITEMS))),
    "__getitem__": lambda self, key: dict(_say(self, ITEMS))[key],
    "__len__": lambda self: len(_say(self, ITEMS)),
    "keys": lambda self: dict(_say(self, ITEMS)).keys(),
    "values": lambda self: dict(_say(self, ITEMS)).values(),
    "items": lambda self: dict(_say(self, ITEMS)).items(),
}
_DUMPING: dict[str, Any] = {
    "model_dump": _dump,
    "model_dump_json": lambda self, **_: to_json(_say(self, JSON)).decode(),
    "__pydantic_serializer__": SchemaSerializer(
        core_schema.any_schema(
            serialization=core_schema.plain_serializer_function_ser_schema(
                _dumped, info_arg=True
            )
        )
    ),
}
