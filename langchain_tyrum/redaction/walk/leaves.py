"""Leaves that are no plain strings: bytes, buffers, paths, URLs, leased values."""

from __future__ import annotations

import array
import datetime as dt
import io
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
    """Look at the bytes of a bytearray, memoryview or array, and at its numbers."""
    if isinstance(obj, array.array) and obj.typecode == "u":
        text = obj.tounicode()
        shown = visitor.text(text, step, path)
        return obj if shown == text else array.array("u", shown)
    if visitor.numbers and getattr(obj, "itemsize", 1) >= _WIDE:
        written = "\n".join(map(numeral, obj.tolist()))
        if unless(written, obj, visitor, bare(step, Mode.KNOWN), path) is not obj:
            return NAMELESS
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
    is_path = type(obj).__module__ == "pathlib"  # one of its own may say another text
    return type(obj)(clean) if is_path else clean


def leased_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> str:
    """Put its marker in place of a leased value."""
    del step
    visitor.withhold(obj, path)
    return marker(getattr(obj, "_SecretValue__name", None))


def opaque_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Withhold what cannot be looked into; a value that it shows is a finding."""
    visitor.text(repr(obj), bare(step), path)
    return visitor.withhold(obj, path)


def shown_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Let an object be that holds no data, unless it shows a value."""
    return unless(repr(obj), obj, visitor, bare(step), path)


def file_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Let a file be that is one of the system's; withhold one that is in memory."""
    inner = obj
    for _ in range(_DEEPEST_FILE):
        inner = getattr(inner, "buffer", None) or getattr(inner, "raw", inner)
    if isinstance(inner, io.BytesIO | io.StringIO | io.BufferedRWPair):
        return opaque_leaf(obj, visitor, step, path)
    return shown_leaf(obj, visitor, step, path)


def enum_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at the name and at the value of an enumeration's member."""
    value = obj._value_
    text = str.__str__(value) if isinstance(value, str) else repr(value)
    worn = [each for name, each in vars(obj).items() if not name.startswith("_")]
    shown = f"{obj._name_}\n{text}\n{obj!r}\n{obj!s}\n{worn or ''}"
    return unless(shown, obj, visitor, bare(step), path)


def number_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at a number as it is written."""
    if not visitor.numbers:
        return obj
    return unless(numeral(obj), obj, visitor, bare(step, Mode.KNOWN), path)


def uuid_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at a UUID as it is written: with dashes and without."""
    shown = f"{obj} {obj.hex}"
    return unless(shown, obj, visitor, bare(step, Mode.KNOWN), path)


def time_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Let dates and times be, but for what a zone of somebody's own shows."""
    zone = getattr(obj, "tzinfo", None)
    if type(obj) in _TIMES and (zone is None or zone is dt.UTC):
        return obj
    return shown_leaf(obj, visitor, step, path)


def bare(step: Step, mode: Mode = Mode.FULL) -> Step:
    """Return a step of which the key of a mapping says nothing."""
    return Step(step.part, step.label, mode)


def unless(text: str, obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Return the object, or the marker of what its text shows."""
    clean = visitor.text(text, step, path)
    if clean == text:
        return obj
    found = MARKER.search(clean)
    return found[0] if found else NAMELESS


_WIDE = 3
_DEEPEST_FILE = 4
BUFFERS = (bytearray, memoryview, array.array)
_TIMES = frozenset({dt.datetime, dt.date, dt.time, dt.timedelta})
