"""Leaves that are no plain strings: bytes, buffers, paths, URLs, leased values."""

from __future__ import annotations

import array
import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.markers import MARKER, NAMELESS, marker
from langchain_tyrum.redaction.walk.machine import Mode, Step
from langchain_tyrum.redaction.walk.numerals import numeral

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.walk.machine import Visitor

    Path = Callable[[], str]


def text_leaf(obj: str, visitor: Visitor, step: Step, path: Path) -> str:
    """Look at what a string subclass holds, not at what it prints."""
    plain = str.__str__(obj)
    clean = visitor.text(plain, step, path)
    return obj if clean is plain or clean == plain else clean


def bytes_leaf(obj: bytes, visitor: Visitor, step: Step, path: Path) -> bytes:
    """Look at a byte string."""
    plain = bytes.__getitem__(obj, slice(None))
    clean = visitor.data(plain, step, path)
    return obj if clean is plain or clean == plain else clean


def buffer_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at the bytes of a bytearray, memoryview or array."""
    plain = bytes(obj)
    clean = visitor.data(plain, step, path)
    if clean is plain or clean == plain:
        return obj
    if isinstance(obj, memoryview):
        return memoryview(clean)
    return bytearray(clean) if isinstance(obj, bytearray) else clean


def spelled_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at a path or URL as the text it is written as."""
    plain = str(obj)
    clean = visitor.text(plain, step, path)
    if clean is plain or clean == plain:
        return obj
    return type(obj)(clean) if hasattr(obj, "__fspath__") else clean


def leased_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> str:
    """Put its marker in place of a leased value."""
    del step
    visitor.withhold(obj, path)
    return marker(getattr(obj, "_SecretValue__name", None))


def opaque_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Withhold what cannot be looked into; a value that it shows is a finding."""
    visitor.text(repr(obj), _bare(step), path)
    return visitor.withhold(obj, path)


def shown_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Let an object be that holds no data, unless it shows a value."""
    return _unless(repr(obj), obj, visitor, _bare(step), path)


def enum_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at the name and at the value of an enumeration's member."""
    value = obj._value_
    text = str.__str__(value) if isinstance(value, str) else repr(value)
    shown = f"{obj._name_}\n{text}\n{obj!r}\n{obj!s}"
    return _unless(shown, obj, visitor, _bare(step), path)


def number_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at a number as it is written."""
    if not visitor.numbers:
        return obj
    return _unless(numeral(obj), obj, visitor, _bare(step, Mode.KNOWN), path)


def uuid_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at a UUID as it is written: with dashes and without."""
    shown = f"{obj} {obj.hex}"
    return _unless(shown, obj, visitor, _bare(step, Mode.KNOWN), path)


def time_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Let dates and times be, but for what a zone of somebody's own shows."""
    zone = getattr(obj, "tzinfo", None)
    if type(obj) in _TIMES and (zone is None or zone is dt.UTC):
        return obj
    return shown_leaf(obj, visitor, step, path)


def _bare(step: Step, mode: Mode = Mode.FULL) -> Step:
    return Step(step.part, step.label, mode)


def _unless(text: str, obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Return the object, or the marker of what its text shows."""
    clean = visitor.text(text, step, path)
    if clean == text:
        return obj
    found = MARKER.search(clean)
    return found[0] if found else NAMELESS


def is_array(cls: type) -> bool:
    """Tell whether a class is a numpy array, without importing numpy."""
    return _is_numpy(cls, "ndarray")


def is_scalar(cls: type) -> bool:
    """Tell whether a class is one of numpy's scalars or types."""
    return _is_numpy(cls, "generic") or _is_numpy(cls, "dtype")


def _is_numpy(cls: type, name: str) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(cls, getattr(numpy, name))


def scalar_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at a numpy scalar as it is written, and at its bytes."""
    if hasattr(obj, "tobytes") and obj.dtype.kind in "VSU":
        plain = obj.tobytes()
        clean = visitor.data(plain, step, path)
        if clean is not plain and clean != plain:
            return clean
    return shown_leaf(obj, visitor, step, path)


def array_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at the strings and at the bytes of a numpy array."""
    if obj.dtype.hasobject:
        return visitor.withhold(obj, path)
    if obj.dtype.kind == "U":
        return _array_of_text(obj, visitor, step, path)
    plain = obj.tobytes()
    clean = visitor.data(plain, step, path)
    return obj if clean is plain or clean == plain else clean


def _array_of_text(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    old = [str(item) for item in obj.ravel().tolist()]
    new = [visitor.text(text, step, path) for text in old]
    if old == new:
        return obj
    numpy = sys.modules["numpy"]
    return numpy.array(new).reshape(obj.shape)


BUFFERS = (bytearray, memoryview, array.array)
_TIMES = frozenset({dt.datetime, dt.date, dt.time, dt.timedelta})
