"""Attributes that are made when first asked for, without a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class lazy(Generic[_T]):  # noqa: N801
    """Makes an attribute once for each object, or twice when threads race for it.

    As `functools.cached_property` from Python 3.12 on. Before that, it takes a lock
    that all objects of a class share: a process forked meanwhile would wait for it
    forever.
    """

    def __init__(self, make: Callable[[Any], _T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[_T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[_T] | _T:
        if instance is None:
            return self
        made = instance.__dict__[self._name] = self._make(instance)
        return made
