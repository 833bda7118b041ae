"""What one guarded handler is fed: redacted arguments, and tokens held back."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.chunks import EventStreamGuard
from langchain_tyrum.redaction.frames import without_locals
from langchain_tyrum.redaction.walk.steady import steady
from langchain_tyrum.traces import compat
from langchain_tyrum.traces.sources import for_one_run
from langchain_tyrum.traces.tokens import TokenStream

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    from langchain_tyrum.redaction import Redactor

Given = tuple[tuple[Any, ...], dict[str, Any]]
Call = tuple[Any, tuple[Any, ...], dict[str, Any]]

_IDS = frozenset({"run_id", "parent_run_id"})
_ENDS = frozenset({"on_llm_end", "on_llm_error"})
_MAX_RUNS = 1024


class EventFeed:
    """Turns raw events into what one handler may see.

    Args:
        redactor: What to redact with.
        handler: The name of the handler's class, for errors.
    """

    def __init__(self, redactor: Redactor, handler: str) -> None:
        self._redactor = redactor
        self._handler = handler
        self._view: Redactor | None = None
        self._tokens: OrderedDict[Hashable, TokenStream] = OrderedDict()
        self._events: OrderedDict[Hashable, EventStreamGuard] = OrderedDict()

    def calls(
        self,
        name: str,
        lookup: Callable[[str], Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> list[Call]:
        """Return the calls that take the place of one raw event.

        Args:
            name: The event.
            lookup: Gets a method of the handler by name.
            args: Its raw arguments.
            kwargs: Its raw keyword arguments.

        Raises:
            RawSecretFound: The redactor refuses shapes and found one.
            RuntimeError: The event could not be redacted; it is not delivered.
        """
        refused: Exception
        try:
            target = lookup(name)
            return [
                *self._flushed(name, lookup, kwargs),
                *((target, *given) for given in self._redacted(name, args, kwargs)),
            ]
        except RawSecretFound as found:
            refused = found
        except Exception:
            refused = RuntimeError(
                f"{name} was withheld from {self._handler}: it could not be "
                "redacted; see that the event holds plain data"
            )
        finally:
            self._forget(name, kwargs)
        raise refused.with_traceback(None)

    def call(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Call the handler; an exception that leaves it is redacted."""
        try:
            result = target(*args, **kwargs)
        except Exception as error:
            scrubbed = self._scrubbed(name, error)
        else:
            if inspect.iscoroutine(result):
                return self._awaited(name, result)
            return result
        raise scrubbed

    async def await_call(
        self, name: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Await the handler; an exception that leaves it is redacted."""
        return await self._awaited(name, target(*args, **kwargs))

    async def _awaited(self, name: str, coro: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await coro
        except Exception as error:
            scrubbed = self._scrubbed(name, error)
        raise scrubbed

    def _scrubbed(self, name: str, error: Exception) -> Exception:
        # LangChain asks with this error for the older event, and only that.
        if name == "on_chat_model_start" and isinstance(error, NotImplementedError):
            return error
        try:
            clean = self._redactor.redact(error)
            if isinstance(clean, Exception):
                return clean
        except Exception:  # noqa: S110 - the generic error below is the answer
            pass
        return RuntimeError(f"{name} of {self._handler} failed; its error is withheld")

    def _flushed(
        self, name: str, lookup: Callable[[str], Any], kwargs: dict[str, Any]
    ) -> list[Call]:
        """Return the token events that still have to come before an end event."""
        if name not in _ENDS:
            return []
        self._events.pop(kwargs.get("run_id"), None)
        stream = self._tokens.pop(kwargs.get("run_id"), None)
        if stream is None:
            return []
        on_token = lookup("on_llm_new_token")
        if inspect.iscoroutinefunction(on_token) != inspect.iscoroutinefunction(
            lookup(name)
        ):
            return []  # a handler half sync, half async loses the tail, not more
        return [(on_token, *given) for given in stream.flush()]

    def _redacted(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Given]:
        if name == "on_llm_new_token":
            stream = _slot(self._tokens, kwargs, lambda: TokenStream(self._redactor))
            return [stream.feed(args, kwargs)]
        if name == "on_stream_event" and args:
            guard = _slot(
                self._events, kwargs, lambda: EventStreamGuard(self._redactor)
            )
            rest = tuple(self._clean(each) for each in args[1:])
            named = self._clean_named(kwargs)
            return [((event, *rest), named) for event in guard.feed(args[0])]
        clean = tuple(
            compat.retry_state(each, self._clean)
            if name == "on_retry" and hasattr(each, "outcome")
            else self._clean(each)
            for each in args
        )
        return [(clean, self._clean_named(kwargs))]

    def _forget(self, name: str, kwargs: dict[str, Any]) -> None:
        # A view remembers the messages it saw; it must not outlive their run.
        if name.endswith(("_end", "_error")) and kwargs.get("parent_run_id") is None:
            self._view = None

    def _clean(self, value: Any) -> Any:
        view = self._view
        if view is None:
            view = self._view = for_one_run(self._redactor)
        clean = steady(value, view)
        if isinstance(clean, BaseException):
            return without_locals(clean, self._redactor)
        return clean

    def _clean_named(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        clean = {
            name: value if name in _IDS else self._clean(value)
            for name, value in kwargs.items()
        }
        # LangSmith's client adds what environment variables hold to this very dict,
        # after the event.
        if isinstance(metadata := clean.get("metadata"), dict):
            clean["metadata"] = dict(metadata)
        return clean


def _slot(open_: Any, kwargs: dict[str, Any], make: Any) -> Any:
    run_id = kwargs.get("run_id")
    if run_id not in open_:
        open_[run_id] = make()
        if len(open_) > _MAX_RUNS:  # runs that never end lose their tail, not more
            open_.popitem(last=False)
    return open_[run_id]
