"""`guard_llm_cache`: LangChain's cache of model answers, without raw values.

A model that no guard stands before writes its prompts and answers into the cache of
the process (`set_llm_cache`) or into its own (`cache=`).
"""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.caches import BaseCache

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

CacheT = TypeVar("CacheT", bound=BaseCache)


def guard_llm_cache(cache: CacheT, redactor: Redactor) -> CacheT:
    """Return a cache of model answers that keeps no raw value and gives none back.

    Answers are redacted as they are stored, and once more as they are read: they may
    be older than the guard. A call whose prompt or parameters hold a value is not
    cached, since they are the key, and keys that differ in a value only would be one.
    Guarding a guarded cache again with the same redactor returns it.

        set_llm_cache(guard_llm_cache(InMemoryCache(), broker))

    Args:
        cache: What `set_llm_cache` or the `cache=` of a model takes; it is left as it
            is and shares its storage with the result.
        redactor: What to redact with, or a broker that has one.

    Returns:
        An object of a subclass of the cache's class and of the same name.

    Raises:
        ConfigError: It is no such cache, or cannot be copied.
    """
    redactor = redactor_of(redactor)
    if not isinstance(cache, BaseCache):
        raise ConfigError(
            f"a {type(cache).__name__!r} is no cache of model answers: pass a "
            "langchain_core.caches.BaseCache; guard_cache takes the cache of a graph"
        )
    held: tuple[Redactor, ...] = getattr(cache, "_tyrum_redactors", ())
    if any(redactor is each for each in held):
        return cache
    kind = type(cache)
    twin = _twin(cache, kind if held else _guarded_class(kind))
    if twin is None:
        raise ConfigError(
            f"a cache of class {kind.__name__!r} cannot be copied, so it cannot be "
            "guarded: use guard_model on the models that use it"
        )
    object.__setattr__(twin, "_tyrum_redactors", (*held, redactor))
    return cast("CacheT", twin)


def _twin(cache: Any, kind: type[Any]) -> Any:
    """Copy a cache into a class, with what it stores into; None when it cannot be."""
    try:
        twin = copy.copy(cache)
        if twin is cache:
            return None
        twin.__class__ = kind
    except Exception:
        return None
    return twin


class LLMCacheGuard(BaseCache):
    """Mixed in before the cache's own class; redacts on every way in and out."""

    _tyrum_redactors: tuple[Redactor, ...]

    def lookup(self, prompt: str, llm_string: str) -> Any:
        """Look an answer up, redacted; none where the key holds a value."""
        if self._tyrum_holds(prompt, llm_string):
            return None
        return self._tyrum_clean(_inner(self).lookup(prompt, llm_string))

    async def alookup(self, prompt: str, llm_string: str) -> Any:
        """Do what `lookup` does, async."""
        if self._tyrum_holds(prompt, llm_string):
            return None
        return self._tyrum_clean(await _inner(self).alookup(prompt, llm_string))

    def update(self, prompt: str, llm_string: str, return_val: Any) -> None:
        """Store an answer, redacted; nothing where the key holds a value."""
        if self._tyrum_holds(prompt, llm_string):
            return
        if (clean := self._tyrum_clean(return_val)) is not None:
            _inner(self).update(prompt, llm_string, clean)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Any) -> None:
        """Do what `update` does, async."""
        if self._tyrum_holds(prompt, llm_string):
            return
        if (clean := self._tyrum_clean(return_val)) is not None:
            await _inner(self).aupdate(prompt, llm_string, clean)

    def _tyrum_holds(self, *texts: str) -> bool:
        return any(redactor.scan(list(texts)) for redactor in self._tyrum_redactors)

    def _tyrum_clean(self, found: Any) -> Any:
        for redactor in self._tyrum_redactors:
            found = redactor.redact(found)
        return None if isinstance(found, str) else found  # it was withheld


def _inner(cache: LLMCacheGuard) -> Any:
    return super(LLMCacheGuard, cache)


@functools.lru_cache(maxsize=64)
def _guarded_class(kind: type[Any]) -> type[Any]:
    """Make the subclass, under the name of the cache's own class."""
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (LLMCacheGuard, kind), names)
