"""Stand-ins: objects that say again what they said when they were looked at.

An object may say something else each time it is asked. Who only observes a run is
given such a one in its place: of a subclass, with the same attributes, and with what
was looked at instead of the methods that compute it.
"""

from __future__ import annotations

import contextlib
import enum
import functools
from typing import TYPE_CHECKING, Any

from pydantic_core import SchemaSerializer, core_schema, from_json, to_json

from langchain_tyrum.redaction.walk.dumped import picked
from langchain_tyrum.redaction.walk.held import DATA, allocated, plain
from langchain_tyrum.redaction.walk.hushed import (
    closes,
    hushed_class,
    made_of,
    reduced,
    subclassed,
    turn,
)
from langchain_tyrum.redaction.walk.slots import UNSET, read_slot, slots_of, worn_by
from langchain_tyrum.redaction.walk.voices import voices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: By what an object was asked.
REPR, STR, FORMAT, ITEMS = "repr", "str", "format", "{items}"
PYTHON, JSON = "{python}", "{json}"
_SPOKEN = frozenset({REPR, STR, FORMAT})
_SAID = "_tyrum_said"
_PENDING = "_tyrum_pending"
_NO_STATE = frozenset({"__dict__", "__weakref__", _SAID})


def stand_in(obj: Any, said: Mapping[str, Any]) -> Any:
    """Return what says for good what an object said.

    Args:
        obj: The object; it is left alone. A stand-in for the same stays.
        said: What it said, by how it was asked.

    Raises:
        TypeError: None can be made for its class, which allows no subclass.
    """
    cls = type(obj)
    base = made_of(cls)
    try:
        old = object.__getattribute__(obj, _SAID) if base is not cls else None
    except AttributeError:
        old = None
    if old and all(said.get(how, each) == each for how, each in old.items()):
        return obj
    kind = _class_for(base, frozenset(said))
    if is_pending(obj):
        turn(obj, kind)
        object.__setattr__(obj, _SAID, said)
        return obj
    return _filled(kind, obj, said)


class StandIns:
    """What gets stand-ins.

    Args:
        data: Whether also what is data: text, numbers, mappings, sequences, sets.
    """

    def __init__(self, *, data: bool = True) -> None:
        self._data = data

    def takes(self, obj: Any) -> bool:
        """Tell whether an object gets one."""
        return self._data or not isinstance(obj, DATA)

    def pending(self, twin: Any) -> Any:
        """Return what becomes a stand-in once it is known what the object says.

        What leads back to an object while that is walked is pointed at it.

        Args:
            twin: A copy of the object that is still to be filled.
        """
        cls = made_of(type(twin))
        if voices_of(cls) is None or not self.takes(twin):
            return twin
        try:
            new = _filled(_class_for(cls, frozenset()), twin, {})
            if closes(cls):
                turn(twin, hushed_class(cls))
        except Exception:  # there are no stand-ins for its class
            return twin
        return new


def is_pending(obj: Any) -> bool:
    """Tell whether an object is to become a stand-in."""
    return _PENDING in vars(type(obj))


def settle(twin: Any, became: Any) -> None:
    """Let what is pending say what became of its object.

    Args:
        twin: What is pending.
        became: What is handed out in place of the object.
    """
    if not is_pending(twin):
        return
    said = {REPR: str(became), STR: str(became)}
    worn_by(twin).clear()
    if made_of(type(became)) is made_of(type(twin)) is not type(became):
        said = object.__getattribute__(became, _SAID)
        worn_by(twin).update(worn_by(became))
    turn(twin, _class_for(made_of(type(twin)), frozenset(said)))
    object.__setattr__(twin, _SAID, said)


def as_data(obj: Any, said: Mapping[str, Any]) -> Any:
    """Return what an object holds or told, as data; else its text."""
    if isinstance(obj, DATA):
        return plain(obj)
    told = [each for how, each in said.items() if how not in _SPOKEN]
    return told[0] if told else said.get(STR, said.get(REPR, ""))


def _filled(kind: type[Any], obj: Any, said: Mapping[str, Any]) -> Any:
    twin = allocated(kind, obj)
    for name, member in slots_of(type(obj)):
        if name not in _NO_STATE and (held := read_slot(member, obj)) is not UNSET:
            with contextlib.suppress(AttributeError, TypeError):
                member.__set__(twin, held)
    if worn := worn_by(obj):
        kept = worn_by(twin)
        kept.update(worn)
        kept.pop(_SAID, None)
    if said:
        object.__setattr__(twin, _SAID, said)
    return twin


def _class_for(cls: type, asked: frozenset[str]) -> type[Any]:
    """Make the subclass for objects of a class that were asked so."""
    return _made_for(cls, asked)


@functools.lru_cache(maxsize=1024)
def _made_for(cls: type, asked: frozenset[str]) -> type[Any]:
    if not asked:
        return subclassed(cls, _pending_methods(cls))
    methods: dict[str, Any] = {}
    if asked & _SPOKEN:
        methods |= _SPEAKING
    for how in asked:
        if how.startswith("."):
            methods[how[1:-2]] = _telling(how)
    if ITEMS in asked:
        methods |= _MAPPING if callable(getattr(cls, "keys", None)) else _SEQUENCE
    if PYTHON in asked:
        methods = {**_DUMPING, **methods}
    # all of them lie in memory like what is pending, which turns into one of them
    methods["__slots__"] = ()
    return subclassed(cls, methods, (_class_for(cls, frozenset()),))


def _pending_methods(cls: type) -> dict[str, Any]:
    equal = {"__eq__": _same_member, "__hash__": cls.__hash__}
    single = issubclass(cls, enum.Enum) and cls.__eq__ is object.__eq__
    return {
        **_keeping(cls),
        **(equal if single else {}),
        _PENDING: True,
        "__copy__": lambda self: _filled(type(self), self, _said(self)),
        "__deepcopy__": lambda self, _: self.__copy__(),
        "__reduce_ex__": lambda self, how: reduced(
            _filled(hushed_class(cls), self, {}), cls, how
        ),
    }


def _same_member(self: Any, other: Any) -> Any:
    """Compare members of an enum, of which there is but one of each otherwise."""
    if made_of(type(self)) is not made_of(type(other)):
        return NotImplemented
    return worn_by(self)["_value_"] == worn_by(other)["_value_"]


def _keeping(cls: type) -> dict[str, Any]:
    """Make room for what an object said where nobody who looks finds it."""
    if not cls.__itemsize__:
        return {"__slots__": (_SAID,)}
    if cls.__dictoffset__:
        return {"__slots__": (), "__dict__": property(_dress)}
    return {"__dict__": property(_bare)}


def _dress(obj: Any) -> dict[str, Any]:
    return {name: each for name, each in worn_by(obj).items() if name != _SAID}


def _bare(obj: Any) -> Any:
    raise AttributeError("__dict__", name="__dict__", obj=type(obj))


def _said(obj: Any) -> Any:
    return object.__getattribute__(obj, _SAID)


def _say(obj: Any, *ways: str) -> Any:
    said = _said(obj)
    return next(said[how] for how in ways if how in said)


def _telling(how: str) -> Callable[..., Any]:
    def tell(self: Any, *args: Any, **kwargs: Any) -> Any:
        del args
        told = _say(self, how)
        if how == ".model_dump_json()" and kwargs and isinstance(told, str):
            return to_json(picked(from_json(told), self, kwargs)).decode()
        return picked(told, self, kwargs) if isinstance(told, dict) else told

    return tell


def _format(self: Any, spec: str) -> str:
    text: str = _say(self, FORMAT, STR, REPR)
    try:
        return format(text, spec)
    except ValueError:  # a format that only the object knows
        return text


def _dumped(obj: Any, info: Any) -> Any:
    return picked(_say(obj, JSON if info.mode == "json" else PYTHON), obj, info)


def _dump(self: Any, *, mode: str = "python", **kwargs: Any) -> Any:
    return picked(_say(self, JSON if mode == "json" else PYTHON), self, kwargs)


def _dump_json(self: Any, *, indent: int | None = None, **kwargs: Any) -> str:
    return to_json(picked(_say(self, JSON), self, kwargs), indent=indent).decode()


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
    "model_dump_json": _dump_json,
    "__pydantic_serializer__": SchemaSerializer(
        core_schema.any_schema(
            serialization=core_schema.plain_serializer_function_ser_schema(
                _dumped, info_arg=True
            )
        )
    ),
}
