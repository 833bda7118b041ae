"""Handlers of pydantic models, dataclasses, messages and plain objects.

They are copied field by field, past constructors, validators and frozen flags: a
marker need not be valid for its field, and validation could raise or rewrite.
"""

from __future__ import annotations

import copy
import functools
import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Mode, Step, Steps
from langchain_tyrum.redaction.walk.slots import UNSET, read_slot, slots_of, worn_by

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE = "langchain_core.messages"
_LONG = 12
_STRUCTURE = frozenset({"type", "role", "id", "tool_call_id"})
#: Empty ones of these need no step.
_HOLLOW = frozenset({type(None), bool, int, str, list, dict})


def _is_message(cls: type) -> bool:
    return any(
        base.__name__ == "BaseMessage" and base.__module__.startswith(_MESSAGE)
        for base in cls.__mro__
    )


#: Tells whether a class is a LangChain message, without importing LangChain.
is_message: Callable[[type], bool] = functools.lru_cache(maxsize=1024)(_is_message)


def allocate(obj: Any) -> Any:
    """Make an object of the same class without running its constructor.

    Raises:
        Cannot: The class does not allow it.
    """
    cls = type(obj)
    if getattr(cls, "__new__", None) is object.__new__:
        return object.__new__(cls)
    if issubclass(cls, BaseModel):
        return cls.__new__(cls)
    twin = copy.copy(obj)
    if type(twin) is not cls or twin is obj:
        raise Cannot(cls.__name__)
    return twin


def walk_object(frame: Frame) -> Steps:
    """Walk the attributes of an object: its `__dict__` and its slots."""
    obj, cls = frame.obj, type(frame.obj)
    known = _known_fields(cls)
    attributes = dict(worn_by(obj))
    changed = yield from _fields(attributes, known)
    yield from walk_names(attributes)
    slots = {}
    for name, member in slots_of(cls):
        value = read_slot(member, obj)
        if value is UNSET or name in ("__dict__", "__weakref__"):
            continue
        mode = Mode.KNOWN if name in known else Mode.FULL
        new = yield Step(value, f".{name}", mode, _under(name, value))
        changed = changed or new is not value
        slots[member] = new
    if not changed:
        return obj
    twin = frame.copy()
    if attributes:
        worn_by(twin).update(attributes)
    for member, value in slots.items():
        member.__set__(twin, value)
    return twin


def walk_names(attributes: dict[str, Any]) -> Steps:
    """Look at the names of attributes, which cannot be rewritten.

    Raises:
        Cannot: They hold a value.
    """
    names = "\n".join(filter(_is_long, attributes))
    if names and (yield Step(names, "{key}")) != names:
        raise Cannot("names")


def _is_long(name: Any) -> bool:
    return type(name) is str and len(name) >= _LONG


def _under(name: str, value: Any) -> str:
    return name if type(value) is str else ""


def _fields(fields: dict[str, Any], known: frozenset[str]) -> Steps:
    """Walk named fields and put what they become in their place; tell of changes."""
    changed = False
    for name, value in list(fields.items()):
        if type(value) in _HOLLOW and not value:
            continue
        mode = Mode.KNOWN if name in known else Mode.FULL
        new = yield Step(value, f".{name}", mode, _under(name, value))
        if new is not value:
            fields[name] = new
            changed = True
    return changed


def _known_fields(cls: type) -> frozenset[str]:
    if not is_message(cls):
        return frozenset()
    if cls.__name__.startswith("ToolMessage"):
        return _STRUCTURE | {"name"}
    return _STRUCTURE


def walk_model(frame: Frame) -> Steps:
    """Walk a pydantic model: fields, extra fields, private attributes."""
    obj = frame.obj
    fields = dict(obj.__dict__)
    changed = yield from _fields(fields, _known_fields(type(obj)))
    said = getattr(obj, "__pydantic_extra__", None)
    extra = (yield Step(said)) if said else said  # with its keys: anyone names them
    private = getattr(obj, "__pydantic_private__", None)
    if private:
        private = dict(private)
        changed = (yield from _fields(private, frozenset())) or changed
    if not changed and extra is said:
        return obj
    if is_message(type(obj)):
        _align_tool_calls(fields)
    twin = frame.copy()
    object.__setattr__(twin, "__dict__", fields)
    object.__setattr__(twin, "__pydantic_fields_set__", _set_fields(obj, extra))
    object.__setattr__(twin, "__pydantic_extra__", extra)
    object.__setattr__(twin, "__pydantic_private__", private)
    return twin


def _set_fields(obj: Any, extra: dict[str, Any] | None) -> set[str]:
    gone = (obj.__pydantic_extra__ or {}).keys() - (extra or {}).keys()
    return set(obj.model_fields_set) - gone


def _align_tool_calls(fields: dict[str, Any]) -> None:
    """Let the parsed tool calls of a chunk say what its raw ones say.

    LangChain derives them in the constructor, which is not run here.
    """
    chunks, calls = fields.get("tool_call_chunks"), fields.get("tool_calls")
    if not chunks or not calls or len(chunks) != len(calls):
        return
    aligned = []
    for chunk, call in zip(chunks, calls, strict=True):
        arguments = _parsed(chunk.get("args"))
        same = arguments is None or arguments == call.get("args")
        aligned.append(call if same else {**call, "args": arguments})
    fields["tool_calls"] = aligned


def _parsed(arguments: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(arguments)
    except (TypeError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
