"""The `repr` that dataclasses get by themselves: it shows their fields."""

from __future__ import annotations

import dataclasses
from types import FunctionType, MemberDescriptorType
from typing import Any


@dataclasses.dataclass
class _Sample:
    field: int


_WRAPPER = _Sample.__repr__.__code__
_FILE = "<string>"
_ASKED = frozenset({"__class__", "__qualname__"})


def is_generated(function: FunctionType, cls: type) -> bool:
    """Tell whether a `repr` is one that shows fields, and these as they are held.

    Args:
        function: The `__repr__`, as it stands in the class.
        cls: The class whose objects it writes.
    """
    inner: Any = getattr(function, "__wrapped__", None)
    if function.__code__ is not _WRAPPER or not isinstance(inner, FunctionType):
        return False
    fields = getattr(cls, "__dataclass_fields__", {})
    code = inner.__code__
    if code.co_filename != _FILE or not _ASKED.issuperset(
        name for name in code.co_names if name not in fields
    ):
        return False
    return not any(_is_computed(cls, name) for name in code.co_names if name in fields)


def _is_computed(cls: type, name: str) -> bool:
    """Tell whether a field is read through a property or the like."""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if found is None or isinstance(found, MemberDescriptorType):
        return False
    return hasattr(type(found), "__get__") and hasattr(type(found), "__set__")
