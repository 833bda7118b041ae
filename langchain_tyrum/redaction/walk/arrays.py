"""Leaves of numpy: arrays and scalars, without importing numpy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.walk.leaves import bare, shown_leaf, unless
from langchain_tyrum.redaction.walk.machine import Mode, Step
from langchain_tyrum.redaction.walk.numerals import numeral

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.walk.machine import Visitor

    Path = Callable[[], str]


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
    """Look at a numpy scalar as it is written, and at its bytes; at a type's names."""
    if not hasattr(obj, "tobytes"):
        shown = unless(_schema(obj), obj, visitor, bare(step), path)
        return shown if shown is not obj else shown_leaf(obj, visitor, step, path)
    if obj.dtype.kind in "VSU":
        whole = sys.modules["numpy"].asarray(obj)
        clean = array_leaf(whole, visitor, step, path)
        if clean is not whole:
            return clean if isinstance(clean, str | bytes) else clean[()]
    return shown_leaf(obj, visitor, step, path)


def array_leaf(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    """Look at the strings, bytes, numbers and names of a numpy array."""
    if obj.dtype.hasobject:
        return visitor.withhold(obj, path)
    if (masked := _masked(obj)) is not None:
        inner, fill = masked
        clean = array_leaf(inner, visitor, step, path)
        if clean is not inner:
            return visitor.withhold(obj, path)
        return unless(fill, obj, visitor, bare(step), path)
    shown = unless(_schema(obj.dtype), obj, visitor, bare(step), path)
    if shown is not obj:
        return shown
    if obj.dtype.kind == "U":
        return _array_of_text(obj, visitor, step, path)
    if obj.dtype.kind in "iufc" and visitor.numbers:
        written = "\n".join(map(numeral, obj.ravel().tolist()))
        return unless(written, obj, visitor, bare(step, Mode.KNOWN), path)
    return _array_of_bytes(obj, visitor, step, path)


def _array_of_bytes(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    plain = obj.tobytes()
    clean = visitor.data(plain, step, path)
    if clean is not plain and clean != plain:
        return clean
    for name in obj.dtype.names or ():
        column = obj[name]
        clean = array_leaf(column, visitor, step, path)
        if clean is not column:
            return visitor.withhold(obj, path)
    return obj


def _array_of_text(obj: Any, visitor: Visitor, step: Step, path: Path) -> Any:
    old = [str(item) for item in obj.ravel().tolist()]
    new = [visitor.text(text, step, path) for text in old]
    if old == new:
        return obj
    numpy = sys.modules["numpy"]
    return numpy.array(new).reshape(obj.shape)


def _masked(obj: Any) -> tuple[Any, str] | None:
    """Return what a masked array hides, and what it writes in place of it."""
    masked = sys.modules.get("numpy.ma")
    if masked is None or not isinstance(obj, masked.MaskedArray):
        return None
    return obj.data, repr(obj.fill_value)


def _schema(dtype: Any) -> str:
    """Write out the names of a type's fields and what is noted beside them."""
    noted = repr(dict(dtype.metadata)) if dtype.metadata else ""
    if dtype.subdtype:
        return noted + _schema(dtype.base)
    if not dtype.names:
        return noted
    parts = [_schema(field[0]) for field in dtype.fields.values()]
    return "\n".join([repr(dtype), noted, *parts])
