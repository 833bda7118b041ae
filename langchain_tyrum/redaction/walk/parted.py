"""Built-in objects that are looked into by their parts, and never rebuilt.

A call with a value bound to it, a match on a text that holds one: taken apart they
would mean nothing, so they are passed whole or withheld.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sys
import types
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Step, Steps

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What `re.escape` puts before what is no letter.
_ESCAPED = re.compile(r"\\(\W)")
_ESCAPED_BYTES = re.compile(rb"\\(\W)")
_DATA = (str, bytes, bytearray, list, dict, tuple, set, frozenset)
_METHODS = (
    types.MethodType,
    types.BuiltinFunctionType,
    types.MethodWrapperType,
)
_KINDS: tuple[type, ...] = (
    functools.partial,
    re.Pattern,
    re.Match,
    slice,
    asyncio.Future,
    *_METHODS,
)


def has_parts(cls: type) -> bool:
    """Tell whether objects of a class are looked into by their parts."""
    return issubclass(cls, _KINDS) or _is_row(cls)


def walk_parts(frame: Frame) -> Steps:
    """Walk the parts of an object.

    Raises:
        Cannot: One of them holds a value.
    """
    obj = frame.obj
    for part in (*_parts(obj), getattr(obj, "__dict__", None)):
        if part is not None and (yield Step(part)) is not part:
            raise Cannot(type(obj).__name__)
    return obj


def _parts(obj: Any) -> Iterator[Any]:
    if isinstance(obj, functools.partial):
        yield from (obj.func, obj.args, obj.keywords)
        return
    yield repr(obj)
    if isinstance(obj, _METHODS):
        owner = obj.__self__
        yield owner if isinstance(owner, _DATA) else None
    elif isinstance(obj, re.Pattern):
        yield from _patterns(obj.pattern)
    elif isinstance(obj, re.Match):
        yield obj.string
    elif isinstance(obj, slice):
        yield from (obj.start, obj.stop, obj.step)
    elif isinstance(obj, asyncio.Future):
        # by these names, since asking for the exception counts as taking it
        yield from (getattr(obj, name, None) for name in ("_result", "_exception"))
    else:
        yield from (obj.keys(), tuple(obj))


def _patterns(pattern: str | bytes) -> tuple[str | bytes, ...]:
    if isinstance(pattern, bytes):
        return pattern, _ESCAPED_BYTES.sub(rb"\1", pattern)
    return pattern, _ESCAPED.sub(r"\1", pattern)


def _is_row(cls: type) -> bool:
    sqlite3 = sys.modules.get("sqlite3")
    return sqlite3 is not None and issubclass(cls, sqlite3.Row)
