"""Copies that close nothing when they go.

An object may close what it holds once nobody holds it. A copy holds the same, so a
copy that went would close what the object still works with.
"""

from __future__ import annotations

import abc
import functools
from typing import Any

#: Under this name a class that was made here keeps the one it was made of.
OF = "_tyrum_of"
_CLASS: Any = vars(object)["__class__"]


class Quiet:
    """Keeps a class of somebody's own from noting its subclass."""

    __slots__ = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Do nothing."""


def subclassed(
    cls: type, methods: dict[str, Any], bases: tuple[type, ...] = ()
) -> type[Any]:
    """Make a subclass that passes for the class itself, and that closes nothing.

    Args:
        cls: The class.
        methods: What stands in the subclass.
        bases: Its bases, unless these are such that the class does not hear of it.
    """
    seen: dict[str, Any] = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__class__": property(lambda _: cls),
        OF: cls,
    }
    if closes(cls):
        seen["__del__"] = lambda _: None
    mcls: Any = type(cls)
    made = abc.ABCMeta.__new__ if issubclass(mcls, abc.ABCMeta) else type.__new__
    bases = bases or (Quiet, cls)
    new: type[Any] = made(mcls, cls.__name__, bases, {**seen, **methods})
    return new


def closes(cls: type) -> bool:
    """Tell whether objects of a class do something when they go."""
    return _closes(cls)


@functools.lru_cache(maxsize=4096)
def _closes(cls: type) -> bool:
    return any("__del__" in vars(base) for base in cls.__mro__)


def made_of(cls: type) -> type[Any]:
    """Return the class that a class was made of here, else the class itself."""
    made: type[Any] = vars(cls).get(OF, cls)
    return made


def turn(obj: Any, cls: type) -> None:
    """Make an object one of another class that looks alike in memory.

    Raises:
        TypeError: It does not.
    """
    _CLASS.__set__(obj, cls)


def hush(copy: Any) -> Any:
    """Keep a copy from closing what it shares, where its class can be told so."""
    cls = type(copy)
    # what pydantic writes of a class is known for this very class only
    if closes(cls) and OF not in vars(cls) and not hasattr(cls, "__pydantic_fields__"):
        try:
            turn(copy, hushed_class(cls))
        except TypeError:
            return copy
    return copy


def hushed_class(cls: type) -> type[Any]:
    """Make the subclass for copies of objects of a class; a class without need stays.

    Raises:
        TypeError: The class allows no subclass.
    """
    return _hushed_class(cls) if closes(cls) else cls


@functools.lru_cache(maxsize=1024)
def _hushed_class(cls: type) -> type[Any]:
    # a second base may change how objects lie in memory
    hears = any("__init_subclass__" in vars(base) for base in cls.__mro__[:-1])
    methods = {
        "__slots__": (),
        "__reduce_ex__": lambda self, how: reduced(self, cls, how),
    }
    return subclassed(cls, methods, () if hears else (cls,))


def reduced(copy: Any, cls: type, how: Any) -> Any:
    """Take a copy apart for pickling, as an object of its class.

    Raises:
        TypeError: Its class cannot be told to close nothing.
    """
    own = type(copy)
    if own is cls:
        return copy.__reduce_ex__(how)
    turn(copy, cls)
    try:
        return copy.__reduce_ex__(how)
    finally:
        turn(copy, own)
