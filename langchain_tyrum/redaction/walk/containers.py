"""Handlers of mappings, sequences and sets."""

from __future__ import annotations

import copy
import re
from collections import deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.walk.blocks import walk_blocks
from langchain_tyrum.redaction.walk.counts import counted
from langchain_tyrum.redaction.walk.dress import is_bare, put_on, walk_dress, walk_voice
from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Mode, Step, Steps
from langchain_tyrum.redaction.walk.slots import worn_by

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


def _finished(frame: Frame, twin: Any, dress: Any) -> Steps:
    """Give a copy its attributes, and listen to what it says of itself."""
    if twin is not frame.obj:
        put_on(twin, dress)
    if is_bare(type(frame.obj)):
        return twin
    return (yield from walk_voice(frame, twin))


def walk_sequence(frame: Frame) -> Steps:
    """Walk a list or deque, by what it holds and not by what it tells."""
    obj = frame.obj
    read = list if isinstance(obj, list) else deque
    old = list(read.__iter__(obj))
    new = yield from _items(old)
    new = yield from walk_blocks(new, frame.label.removeprefix("."))
    dress = yield from walk_dress(obj)
    twin = obj
    if dress or len(new) != len(old) or _changed(old, new):
        twin = frame.copy()
        twin.extend(new)
    return (yield from _finished(frame, twin, dress))


def walk_tuple(frame: Frame) -> Steps:
    """Walk a tuple, named or not."""
    obj = frame.obj
    names = getattr(type(obj), "_fields", None)
    old = list(tuple.__iter__(obj))
    new = yield from _items(old, names or ())
    if type(obj) is tuple:
        return tuple(new) if _changed(old, new) else obj
    dress = yield from walk_dress(obj)
    twin = obj
    if dress or _changed(old, new):
        # `__new__` of the base runs no constructor that might refuse a marker
        twin = tuple.__new__(type(obj), new)
        if worn := worn_by(obj):
            worn_by(twin).update(worn)
    return (yield from _finished(frame, twin, dress))


def walk_set(frame: Frame) -> Steps:
    """Walk a set or frozenset."""
    obj = frame.obj
    frozen = isinstance(obj, frozenset)
    old = list((frozenset if frozen else set).__iter__(obj))
    new = yield from _items(old)
    dress = yield from walk_dress(obj)
    twin = obj
    if dress or _changed(old, new):
        if frozen:
            return frozenset(new)
        twin = frame.copy()
        twin.update(new)
    return (yield from _finished(frame, twin, dress))


def walk_view(frame: Frame) -> Steps:
    """Walk the keys, values or items of a mapping."""
    old = list(frame.obj)
    new = yield from _items(old)
    return new if _changed(old, new) else frame.obj


def walk_mapping(frame: Frame) -> Steps:
    """Walk keys and values of a dict or mapping proxy, by what it holds."""
    obj = frame.obj
    old = list(dict.items(obj) if isinstance(obj, dict) else obj.items())
    if (names := counted(obj)) and (yield Step(names, "{key}")) == names:
        return obj
    known = _structural(obj)
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
    if isinstance(obj, MappingProxyType):
        return MappingProxyType(new) if changed else obj
    if type(obj) is dict and not changed:
        return obj
    dress = yield from walk_dress(obj)
    twin = obj
    if dress or changed:
        twin = frame.copy()
        for key, value in new.items():
            twin[key] = value
    return (yield from _finished(frame, twin, dress))


def _structural(obj: Any) -> frozenset[str]:
    """Name the keys of a tool call that are ids and names, no free text."""
    if isinstance(obj, dict) and "args" in obj and _kind(obj) in _TOOL_CALLS:
        return _TOOL_CALL_PARTS
    return frozenset()


def _kind(obj: dict[Any, Any]) -> str:
    found = dict.get(obj, "type")
    return found if type(found) is str else ""


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
    if type(obj) is not deque:
        try:
            twin = copy.copy(obj)
            twin.clear()
        except Exception:
            twin = None
        if type(twin) is type(obj) and twin is not obj:
            return twin
    return deque(maxlen=obj.maxlen)
