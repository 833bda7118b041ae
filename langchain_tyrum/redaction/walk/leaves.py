"""Leaves that are no plain strings: bytes, buffers, paths, URLs, leased values."""

from __future__ import annotations

import array
import sys
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.markers import marker

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.walk.machine import Step, Visitor

    Path = Callable[[], str]


def text_leaf(obj: str, visitor: Visitor, step: Step, path: Path) -> str:
    """Look at what a string subclass holds, not at what it prints."""
    plain = str.__str__(obj)
    clean = visitor.text(plain, step, path)
    return obj if clean is plain or clean == plain else clean


def bytes_leaf(obj: bytes, visitor: Visitor, step: Step, path: Path) -> bytes:
    """Look at a byte string."""
    plain = obj if type(obj) is bytes else bytes(obj)
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
    """Withhold what cannot be looked into."""
    del step
    return visitor.withhold(obj, path)


def is_array(cls: type) -> bool:
    """Tell whether a class is a numpy array, without importing numpy."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and issubclass(cls, numpy.ndarray)


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
