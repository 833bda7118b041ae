"""`guard_cache`: cached node results without raw values."""

from __future__ import annotations

import copy
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langgraph.cache.base import BaseCache

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.state.acting import noting
from langchain_tyrum.state.guard import GUARD, Guard, guard_of, refuse_each
from langchain_tyrum.state.serde import guard_serde

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tyrum.redaction import Redactor

#: Where the given cache is kept: some close their file when they are collected.
_GIVEN = "_tyrum_given"

CacheT = TypeVar("CacheT", bound=BaseCache[Any])


def guard_cache(cache: CacheT, redactor: Redactor) -> CacheT:
    """Return a node cache that keeps what the given one keeps, but no raw value.

    Args:
        cache: Any cache that goes into `compile(cache=...)`; it is left as it is and
            shares its storage with the result.
        redactor: Knows the values.

    Returns:
        An object of a subclass of the cache's class and of the same name. A cache
        that this redactor guards already is returned itself.

    Raises:
        ConfigError: `cache` is no cache of LangGraph's.
    """
    if not isinstance(cache, BaseCache):
        raise ConfigError(
            f"{type(cache).__name__} is no BaseCache: pass the cache that goes into "
            "compile(cache=...)"
        )
    redactor = redactor_of(redactor)
    known = guard_of(cache)
    guard = (known or Guard(())).plus(redactor)
    if guard is known:
        return cache
    clone = copy.copy(cache)
    setattr(clone, _GIVEN, cache)
    clone.serde = guard_serde(cache.serde, redactor)
    setattr(clone, GUARD, guard)
    if known is None:
        clone.__class__ = _guarded_class(type(cache))
    return clone


def _clean(guard: Guard, pairs: Mapping[Any, tuple[Any, int | None]]) -> dict[Any, Any]:
    refuse_each(guard, (("a cache key", key) for key in pairs))
    return {
        key: (guard.clean(value, "a cached value"), ttl)
        for key, (value, ttl) in pairs.items()
    }


def _set(inner: Callable[..., Any]) -> Callable[..., Any]:
    def guarded_set(self: Any, pairs: Any) -> Any:
        return inner(self, _clean(cast("Guard", guard_of(self)), pairs))

    return guarded_set


def _read(cache: Any, found: dict[Any, Any]) -> dict[Any, Any]:
    """What was kept raw before the guard, as the node itself would give it now."""
    guard = cast("Guard", guard_of(cache)).callers
    return {key: guard.clean(each, "a cached value") for key, each in found.items()}


def _get(inner: Callable[..., Any]) -> Callable[..., Any]:
    def guarded_get(self: Any, keys: Any) -> Any:
        with noting() as note:
            found = inner(self, keys)
        return {} if note.denied else _read(self, found)

    return guarded_get


def _aget(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def guarded_get(self: Any, keys: Any) -> Any:
        with noting() as note:
            found = await inner(self, keys)
        return {} if note.denied else _read(self, found)

    return guarded_get


def _let_be(_: Any) -> None:
    """The given cache closes what both use, when nobody uses either."""


#: What was sealed for somebody else counts as not found: so it is made anew.
_WRAPPERS = {"set": _set, "aset": _set, "get": _get, "aget": _aget}


@lru_cache(maxsize=64)
def _guarded_class(cls: type[BaseCache[Any]]) -> type:
    body: dict[str, Any] = {"__module__": cls.__module__}
    for name, wrapper in _WRAPPERS.items():
        inner = getattr(cls, name)
        body[name] = wraps(inner)(wrapper(inner))
    if hasattr(cls, "__del__"):
        body["__del__"] = _let_be
    return type(cls.__name__, (cls,), body)
