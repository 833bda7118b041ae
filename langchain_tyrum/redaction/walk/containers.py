"""Handlers of mappings, sequences and sets."""

from __future__ import annotations

import copy
import re
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Mode, Step, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_TOOL_CALLS = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call"})
_TOOL_CALL_PARTS = frozenset({"name", "id", "type", "index"})


def emptied(obj: Any) -> Any:
    """Return an empty copy of a mutable container, of its own class if possible.

    Raises:
        Cannot: Neither its class nor a base of it can be copied.
    """
    cls = type(obj)
    if cls in (list, dict, set):
        return cls()
    try:
        twin = copy.copy(obj)
        twin.clear()
    except Exception:
        twin = None
    if type(twin) is cls and twin is not obj:
        return twin
    for base in (dict, list, set):
        if isinstance(obj, base):
            return base()
    raise Cannot(cls.__name__)


def _items(old: list[Any], names: Sequence[str] = ()) -> Steps:
    """Walk items and return what they become."""
    new = []
    for index, item in enumerate(old):
        label = f".{names[index]}" if index < len(names) else f"[{index}]"
        became = yield Step(item, label)
        new.append(became)
    return new


def walk_sequence(frame: Frame) -> Steps:
    """Walk a list or deque."""
    old = list(frame.obj)
    new = yield from _items(old)
    if not _changed(old, new):
        return frame.obj
    twin = frame.copy()
    twin.extend(new)
    return twin


def walk_tuple(frame: Frame) -> Steps:
    """Walk a tuple, named or not."""
    names = getattr(type(frame.obj), "_fields", None)
    old = list(tuple.__iter__(frame.obj))
    new = yield from _items(old, names or ())
    if not _changed(old, new):
        return frame.obj
    return _tuple_like(frame.obj, new)


def _tuple_like(obj: Any, items: list[Any]) -> Any:
    cls = type(obj)
    if cls is tuple:
        return tuple(items)
    # `__new__` of the base runs no constructor that might refuse a marker
    twin = tuple.__new__(cls, items)
    if getattr(obj, "__dict__", None):
        twin.__dict__.update(obj.__dict__)
    return twin


def walk_set(frame: Frame) -> Steps:
    """Walk a set or frozenset."""
    old = list(frame.obj)
    new = yield from _items(old)
    if not _changed(old, new):
        return frame.obj
    if isinstance(frame.obj, frozenset):
        return frozenset(new)
    twin = frame.copy()
    twin.update(new)
    return twin


def walk_view(frame: Frame) -> Steps:
    """Walk the keys, values or items of a mapping."""
    old = list(frame.obj)
    new = yield from _items(old)
    return new if _changed(old, new) else frame.obj


def walk_mapping(frame: Frame) -> Steps:
    """Walk keys and values of a dict or mapping proxy."""
    old = list(frame.obj.items())
    known = _structural(frame.obj)
    new: dict[Any, Any] = {}
    changed = False
    for key, value in old:
        new_key = yield Step(key, "{key}")
        label = _label(new_key)
        mode = Mode.KNOWN if key in known else Mode.FULL
        under = key if type(key) is str and type(value) is str else ""
        new_value = yield Step(value, label, mode, under)
        changed = changed or new_key is not key or new_value is not value
        new[_free(new_key, new) if new_key is not key else key] = new_value
    if not changed:
        return frame.obj
    if isinstance(frame.obj, MappingProxyType):
        return MappingProxyType(new)
    twin = frame.copy()
    for key, value in new.items():
        twin[key] = value
    return twin


def _structural(obj: Any) -> frozenset[str]:
    """Name the keys of a tool call that are ids and names, no free text."""
    if isinstance(obj, dict) and obj.get("type") in _TOOL_CALLS and "args" in obj:
        return _TOOL_CALL_PARTS
    return frozenset()


def _label(key: Any) -> str:
    if isinstance(key, str) and _IDENTIFIER.fullmatch(key):
        return f".{key}"
    if isinstance(key, str | int | float | bool | None):
        return f"[{key!r}]"
    return f"[<{type(key).__name__}>]"


def _free(key: Any, taken: dict[Any, Any]) -> Any:
    """Find a key for a redacted key: two values may have the same marker."""
    if key not in taken:
        return key
    number = 2
    while f"{key}#{number}" in taken:
        number += 1
    return f"{key}#{number}"


def _changed(old: list[Any], new: list[Any]) -> bool:
    return any(a is not b for a, b in zip(old, new, strict=True))


def empty_deque(obj: deque[Any]) -> deque[Any]:
    """Return an empty deque of the same length limit."""
    return deque(maxlen=obj.maxlen)
