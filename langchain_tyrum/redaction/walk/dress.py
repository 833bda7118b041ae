"""What objects of a subclass wear over a built-in value: attributes and a `repr`."""

from __future__ import annotations

import collections
import functools
from typing import Any

from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Step, Steps
from langchain_tyrum.redaction.walk.objects import walk_names
from langchain_tyrum.redaction.walk.slots import UNSET, read_slot, slots_of, worn_by
from langchain_tyrum.redaction.walk.told import walk_told
from langchain_tyrum.redaction.walk.voices import Voices, voices_of

_ROW = collections.namedtuple("_ROW", "x")  # noqa: PYI024 - only its `repr` is wanted
#: These show what they hold, which has been looked at.
_PLAIN = (
    *(object, str, bytes, bytearray, int, float, list, dict, tuple, set, frozenset),
    *(collections.deque, collections.OrderedDict, collections.Counter),
    *(collections.defaultdict, collections.UserDict, _ROW),
)
_BARE = frozenset(_PLAIN) - {collections.defaultdict}
_VOICES = ("__repr__", "__str__", "__format__")
_KNOWN = frozenset(
    getattr(voice, "__code__", voice)
    for cls in _PLAIN
    for voice in (getattr(cls, name) for name in _VOICES)
)

#: What of an object's attributes changed.
Dress = list[tuple[str, Any]]


def is_bare(cls: type) -> bool:
    """Tell whether objects of a class are what they hold and nothing else."""
    return cls in _BARE or _is_bare(cls)


@functools.lru_cache(maxsize=4096)
def _is_bare(cls: type) -> bool:
    if issubclass(cls, collections.defaultdict) or cls.__dictoffset__:
        return False
    return not slots_of(cls) and not _speaks(cls)


def _speaks(cls: type) -> bool:
    """Tell whether a class writes its objects in words of its own."""
    return _has_voice(cls) or voices_of(cls) is not None


@functools.lru_cache(maxsize=4096)
def _has_voice(cls: type) -> bool:
    return any(
        getattr(voice, "__code__", voice) not in _KNOWN
        for voice in (getattr(cls, name) for name in _VOICES)
    )


def walk_dress(obj: Any) -> Steps:
    """Walk attributes and slots; return those that changed."""
    if is_bare(type(obj)):
        return []
    changed: Dress = []
    worn = [(name, read_slot(member, obj)) for name, member in slots_of(type(obj))]
    attributes = worn_by(obj)
    yield from walk_names(attributes)
    worn += attributes.items()
    if isinstance(obj, collections.defaultdict):
        worn.append(("default_factory", obj.default_factory))
    for name, value in worn:
        if value is UNSET or name in ("__dict__", "__weakref__"):
            continue
        new = yield Step(value, f".{name}")
        if new is not value:
            changed.append((name, new))
    return changed


def put_on(twin: Any, dress: Dress) -> None:
    """Give a copy the attributes that changed."""
    slots = dict(slots_of(type(twin)))
    worn = worn_by(twin)
    for name, value in dress:
        if name == "default_factory" and isinstance(twin, collections.defaultdict):
            twin.default_factory = value if callable(value) else None
        elif name in slots:
            slots[name].__set__(twin, value)
        else:
            worn[name] = value


def walk_voice(frame: Frame, became: Any) -> Steps:
    """Look at what an object says of itself, when it has words of its own."""
    cls = type(frame.obj)
    if _speaks(cls):
        said = voices_of(cls) or Voices()
        return (yield from walk_told(frame, became, said._replace(spoken=True)))
    return became


def walk_worn(frame: Frame) -> Steps:
    """Walk what a leaf wears, once its value has been looked at.

    Raises:
        Cannot: A value is in it.
    """
    if (yield from walk_dress(frame.obj)):
        raise Cannot(type(frame.obj).__name__)
    return frame.obj


def walk_dressed(frame: Frame) -> Steps:
    """Walk a string, number or bytes of a class that gives them attributes."""
    obj, step = frame.obj, frame.step
    plain = _undressed(obj)
    new = yield Step(plain, "", step.mode, step.under)
    dress = yield from walk_dress(obj)
    if new is not plain or dress:
        return new
    return (yield from walk_voice(frame, obj))


def _undressed(obj: Any) -> Any:
    if isinstance(obj, str):
        return str.__str__(obj)
    if isinstance(obj, bytes):
        return bytes.__getitem__(obj, slice(None))
    if isinstance(obj, int):
        return int.__int__(obj)
    return float.__float__(obj)
