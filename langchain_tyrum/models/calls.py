"""The calls of a guarded chat model, from LangChain's side to the provider's."""

from __future__ import annotations

from contextvars import ContextVar
from operator import is_
from typing import TYPE_CHECKING, Any

from langchain_core.globals import get_llm_cache
from langchain_core.prompt_values import ChatPromptValue

from langchain_tyrum.models.messages import guard_messages, guard_options, guard_result
from langchain_tyrum.models.streams import ChunkGuard, EventGuard, chain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from langchain_core.messages import BaseMessage
    from langchain_core.prompt_values import PromptValue

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.text import Mode


class ModelGuard:
    """Mixed in before the model's own class; redacts on every way in and out."""

    __slots__ = ()
    _tyrum_guards: tuple[tuple[Redactor, Mode], ...]

    def _convert_input(self, model_input: Any) -> PromptValue:
        parent: Any = super()
        later = type(model_input) is _Later
        given = model_input[0] if later else model_input
        value: PromptValue = parent._convert_input(given)  # noqa: SLF001
        if later:
            return value
        messages = value.to_messages()
        clean = self._tyrum_messages(messages)
        if all(map(is_, clean, messages)):
            return value
        return ChatPromptValue(messages=clean)

    def generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        """Generate from batches of messages, redacted before any cache sees them."""
        parent: Any = super()
        if not self._tyrum_is_inside():
            messages = [self._tyrum_messages(each) for each in messages]
            kwargs = self._tyrum_options(kwargs)
        return parent.generate(messages, *args, **kwargs)

    async def agenerate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        """Do what `generate` does, async."""
        parent: Any = super()
        if not self._tyrum_is_inside():
            messages = [self._tyrum_messages(each) for each in messages]
            kwargs = self._tyrum_options(kwargs)
        return await parent.agenerate(messages, *args, **kwargs)

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Stream; the input is redacted as it is converted."""
        parent: Any = super()
        yield from parent.stream(*args, **self._tyrum_options(kwargs))

    async def astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """Do what `stream` does, async."""
        parent: Any = super()
        async for chunk in parent.astream(*args, **self._tyrum_options(kwargs)):
            yield chunk

    def _generate_with_cache(self, *args: Any, **kwargs: Any) -> Any:
        # An unguarded model may have put its answer into the cache they share.
        parent: Any = super()
        result = parent._generate_with_cache(*args, **kwargs)  # noqa: SLF001
        return self._tyrum_looked_at(result)

    async def _agenerate_with_cache(self, *args: Any, **kwargs: Any) -> Any:
        parent: Any = super()
        result = await parent._agenerate_with_cache(*args, **kwargs)  # noqa: SLF001
        return self._tyrum_looked_at(result)

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        parent: Any = super()
        given, options = self._tyrum_messages(messages), self._tyrum_options(kwargs)
        try:
            result = parent._generate(given, *args, **options)  # noqa: SLF001
        except Exception as error:
            scrubbed = self._tyrum_scrubbed(error)
        else:
            return self._tyrum_result(result)
        raise scrubbed

    def _tyrum_messages(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        for redactor, mode in self._tyrum_guards:
            messages = guard_messages(messages, redactor, mode=mode)
        return messages

    def _tyrum_options(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        for redactor, mode in self._tyrum_guards:
            kwargs = guard_options(kwargs, redactor, mode=mode, but=_OWN)
        return kwargs

    def _tyrum_is_inside(self) -> bool:
        """Whether nobody sees a call's input before the provider's guard does.

        Behind a membrane all handlers are guarded but the model's own, and caches of
        models are not.
        """
        model: Any = self
        if model.callbacks:
            return False
        for redactor, _ in self._tyrum_guards:
            if not getattr(redactor, "behind_membrane", False):
                return False
        return model.cache is False or (model.cache is None and get_llm_cache() is None)

    def _tyrum_result(self, result: Any) -> Any:
        for redactor, mode in self._tyrum_guards:
            result = guard_result(result, redactor, mode=mode)
        _latest.set((self._tyrum_guards, result))
        return result

    def _tyrum_looked_at(self, result: Any) -> Any:
        """Look at an answer unless these guards have done it just now."""
        guards, latest = _latest.get()
        if latest is not result or guards != self._tyrum_guards:
            result = self._tyrum_result(result)
        _latest.set(_NOTHING)
        return result

    def _tyrum_scrubbed(self, error: Exception) -> Exception:
        clean: Any = error
        for redactor, _ in self._tyrum_guards:
            clean = redactor.redact(clean)
        if isinstance(clean, Exception):
            return clean
        return RuntimeError("the model call failed; its error is withheld")


#: Parameters of LangChain's own, which are no arguments of the provider.
_OWN = frozenset({"callbacks", "run_manager", "config", "run_id"})


class _Later(tuple[Any]):
    """The input of a call that looks at its messages in `generate`."""

    __slots__ = ()


def _invoke(self: Any, model_input: Any, *args: Any, **kwargs: Any) -> Any:
    later = _Later((model_input,))
    return super(ModelGuard, self).invoke(later, *args, **kwargs)


async def _ainvoke(self: Any, model_input: Any, *args: Any, **kwargs: Any) -> Any:
    later = _Later((model_input,))
    return await super(ModelGuard, self).ainvoke(later, *args, **kwargs)


_NOTHING = ((), None)
#: Who looked at the answer that the provider just gave, and the answer: LangChain
#: hands it on and adds what it made up itself.
_latest: ContextVar[tuple[Any, Any]] = ContextVar("tyrum_latest", default=_NOTHING)


def _streaming(name: str, guard_type: Callable[[Redactor], Any]) -> Any:
    def stream(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        given = self._tyrum_messages(messages)
        options = self._tyrum_options(kwargs)
        guard = chain(self._tyrum_guards, guard_type)
        try:
            source = getattr(super(ModelGuard, self), name)
            for chunk in source(given, *args, **options):
                yield from guard.feed(chunk)
            yield from guard.close()
            return
        except Exception as error:
            scrubbed = self._tyrum_scrubbed(error)
        raise scrubbed

    stream.__name__ = name
    return stream


def _astreaming(name: str, guard_type: Callable[[Redactor], Any]) -> Any:
    async def astream(
        self: Any, messages: Any, *args: Any, **kwargs: Any
    ) -> AsyncIterator[Any]:
        given = self._tyrum_messages(messages)
        options = self._tyrum_options(kwargs)
        guard = chain(self._tyrum_guards, guard_type)
        try:
            source = getattr(super(ModelGuard, self), name)
            async for chunk in source(given, *args, **options):
                for clean in guard.feed(chunk):
                    yield clean
            for clean in guard.close():
                yield clean
            return
        except Exception as error:
            scrubbed = self._tyrum_scrubbed(error)
        raise scrubbed

    astream.__name__ = name
    return astream


async def _agenerate(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
    given, options = self._tyrum_messages(messages), self._tyrum_options(kwargs)
    try:
        source = super(ModelGuard, self)._agenerate
        result = await source(given, *args, **options)
    except Exception as error:
        scrubbed = self._tyrum_scrubbed(error)
    else:
        return self._tyrum_result(result)
    raise scrubbed


#: Methods that look at the input later; for models that take LangChain's own way.
DEFERRED: dict[str, Any] = {"invoke": _invoke, "ainvoke": _ainvoke}

#: Methods that only models which have them of their own may seem to have.
OPTIONAL: dict[str, Any] = {
    "_agenerate": _agenerate,
    "_stream": _streaming("_stream", ChunkGuard),
    "_astream": _astreaming("_astream", ChunkGuard),
    "_stream_chat_model_events": _streaming("_stream_chat_model_events", EventGuard),
    "_astream_chat_model_events": _astreaming("_astream_chat_model_events", EventGuard),
}
