"""The slots of classes, whatever their names are mangled to."""

from __future__ import annotations

import functools
import struct
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

_POINTER = struct.calcsize("P")
#: Stands for a slot that holds nothing.
UNSET = object()


Slots = tuple[tuple[str, MemberDescriptorType], ...]


def slots_of(cls: type) -> Slots:
    """List the slots of a class and its bases, whatever their names are mangled to."""
    return _slots_of(cls)


@functools.lru_cache(maxsize=8192)
def _slots_of(cls: type) -> Slots:
    return tuple(
        (name, member)
        for base in cls.__mro__
        for name, member in vars(base).items()
        if isinstance(member, MemberDescriptorType)
    )


def read_slot(member: MemberDescriptorType, obj: Any) -> Any:
    """Return what a slot holds, or `UNSET`."""
    try:
        return member.__get__(obj)
    except AttributeError:
        return UNSET


def worn_by(obj: Any) -> dict[str, Any]:
    """Return the attributes of an object, also of one that denies having any."""
    cls: type = type(obj)
    member = _dict_of(cls)
    if member is None:
        return getattr(obj, "__dict__", None) or {}
    found: dict[str, Any] = member.__get__(obj)
    return found


@functools.lru_cache(maxsize=8192)
def _dict_of(cls: type) -> GetSetDescriptorType | MemberDescriptorType | None:
    found = (vars(base).get("__dict__") for base in cls.__mro__)
    kinds = GetSetDescriptorType | MemberDescriptorType
    return next((member for member in found if isinstance(member, kinds)), None)


def is_transparent(cls: type) -> bool:
    """Tell whether all of an object's state can be seen from Python.

    What stands on a C type is larger than its `__dict__` and slots account for.
    """
    visible = len(slots_of(cls))
    visible += (cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0)
    return cls.__basicsize__ <= object.__basicsize__ + visible * _POINTER
