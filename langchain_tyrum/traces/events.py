"""`RedactingCallbackHandler`: any callback handler, fed redacted events only.

To LangChain the guarded handler is what the inner one is: its type is a subclass of
the inner one's, made for it, and every attribute is the inner one's. Only events
(`on_…`) and taps go through a guard first.
"""

from __future__ import annotations

import copy
import functools
import inspect
import types
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.traces import taps
from langchain_tyrum.traces.feed import EventFeed
from langchain_tyrum.traces.sources import among, values_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.traces.sources import RedactorSource

_TAPS: dict[str, Callable[..., Any]] = {
    "tap_output_iter": taps.tapped,
    "tap_output_aiter": taps.atapped,
}


class RedactingCallbackHandler(BaseCallbackHandler):
    """Any callback handler, guarded: it is given redacted events, never raw ones.

    Sync and async handlers, all events, all arguments. Events are copied on a hit,
    never edited, so what the application works with stays as it was. Tokens are
    held back while they may be the start of a credential. If an event cannot be
    redacted it is not delivered, and the error says so. Around a `LangChainTracer`
    it is a `LangChainTracer` whose client redacts; the client is guarded in place.

    Wrapping a guarded handler again with the same redactor returns it unchanged.

    Args:
        inner: The handler; None stands for LangSmith with its default client.
        redactor: A redactor, or a broker that has one.

    Raises:
        ConfigError: The inner one is no handler, is of a class that cannot be
            guarded, or traces to a client that cannot; or nobody redacts.
    """

    if TYPE_CHECKING:

        def __init__(
            self, inner: BaseCallbackHandler | None, redactor: RedactorSource
        ) -> None: ...

    def __new__(  # noqa: D102, PYI034 - the type is made for the inner handler
        cls, *args: Any, **kwargs: Any
    ) -> RedactingCallbackHandler:
        if cls is not RedactingCallbackHandler:
            return super().__new__(cls)
        return _guarded(*args, **kwargs)


def _guarded(
    inner: BaseCallbackHandler | None = None, redactor: RedactorSource | None = None
) -> RedactingCallbackHandler:
    # Late, since a guarded tracer is a RedactingCallbackHandler too.
    from langchain_tyrum.traces import tracer  # noqa: PLC0415

    found = redactor_of(redactor)
    if isinstance(inner, RedactingCallbackHandler) and guarded_by(inner, found):
        return inner
    if inner is None or isinstance(inner, tracer.LangChainTracer):
        return tracer.guarded_tracer(inner, found)
    if not isinstance(inner, BaseCallbackHandler):
        what = "the class" if isinstance(inner, type) else "an object of class"
        named = inner if isinstance(inner, type) else type(inner)
        raise ConfigError(
            f"{what} {named.__name__!r} is no callback handler: pass an object of a "
            "subclass of BaseCallbackHandler, or None for LangSmith"
        )
    return _proxy(inner, found)


def guarded_by(handler: Any, redactor: Redactor) -> bool:
    """Tell whether this redactor is among those that guard the handler."""
    while isinstance(handler, RedactingCallbackHandler):
        own = vars(handler)
        if among(redactor, own["_tyrum_redactors"]):
            return True
        handler = own.get("_tyrum_inner")
    return False


def knows_values_of(handler: Any, redactor: Redactor) -> bool:
    """Tell whether the values that a redactor knows are hidden from a handler.

    Through whose eyes does not matter: a view of the same values will do.
    """
    wanted = values_of(redactor)
    while isinstance(handler, RedactingCallbackHandler):
        own = vars(handler)
        if any(values_of(each) is wanted for each in own["_tyrum_redactors"]):
            return True
        handler = own.get("_tyrum_inner")
    return False


def innermost(handler: Any) -> Any:
    """Return the handler that is fed in the end."""
    while isinstance(handler, RedactingCallbackHandler):
        inner = vars(handler).get("_tyrum_inner")
        if inner is None:
            break
        handler = inner
    return handler


class EventProxy(RedactingCallbackHandler):
    """The guarded form of a handler that is no `LangChainTracer`."""

    _tyrum_inner: Any
    _tyrum_redactors: tuple[Redactor]
    _tyrum_feed: EventFeed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: `__new__` has built the object, and inner is built already."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith(("_tyrum_", "__")):
            return object.__getattribute__(self, name)
        lookup = functools.partial(getattr, self._tyrum_inner)
        value = lookup(name)
        if name in _TAPS and callable(value):
            return functools.partial(_TAPS[name], self._tyrum_redactors[0], value)
        if name.startswith("on_") and callable(value):
            return guarded_event(name, lookup, self._tyrum_feed)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._tyrum_inner, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._tyrum_inner, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EventProxy):
            return NotImplemented
        return (
            self._tyrum_inner is other._tyrum_inner
            and self._tyrum_redactors[0] is other._tyrum_redactors[0]
        )

    def __hash__(self) -> int:
        return hash((id(self._tyrum_inner), id(self._tyrum_redactors[0])))

    def __repr__(self) -> str:
        return f"RedactingCallbackHandler({type(self._tyrum_inner).__name__})"

    def __copy__(self) -> RedactingCallbackHandler:
        return _proxy(copy.copy(self._tyrum_inner), self._tyrum_redactors[0])

    def __deepcopy__(self, memo: dict[int, Any]) -> RedactingCallbackHandler:
        return _proxy(copy.deepcopy(self._tyrum_inner, memo), self._tyrum_redactors[0])

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a guarded handler cannot be pickled, since its redactor holds live "
            "values: wrap the handler again where it is loaded"
        )


def _proxy(inner: Any, redactor: Redactor) -> RedactingCallbackHandler:
    kind = type(inner)
    proxy: EventProxy = object.__new__(subclass_of(kind, EventProxy))  # type: ignore[arg-type]
    for name, value in (
        ("_tyrum_inner", inner),
        ("_tyrum_redactors", (redactor,)),
        ("_tyrum_feed", EventFeed(redactor, kind.__name__)),
    ):
        object.__setattr__(proxy, name, value)
    return proxy


@functools.lru_cache(maxsize=256)
def subclass_of(kind: type[Any], guard: type[Any]) -> type[Any]:
    """Make a subclass of a handler's class that the guard comes first in.

    Raises:
        ConfigError: The class allows no subclass.
    """
    bases: tuple[type[Any], ...] = (guard, kind)
    if issubclass(kind, guard) or issubclass(guard, kind):
        bases = (kind,) if issubclass(kind, guard) else (guard,)
    try:
        return types.new_class(
            kind.__name__, bases, exec_body=lambda ns: ns.update(_names(kind))
        )
    except TypeError:
        pass
    raise ConfigError(
        f"a handler of class {kind.__name__!r} cannot be guarded, since its class "
        "allows no subclass: hand its events on from a plain BaseCallbackHandler"
    )


def _names(kind: type[Any]) -> dict[str, str]:
    return {"__module__": kind.__module__, "__qualname__": kind.__qualname__}


def guarded_event(name: str, lookup: Callable[[str], Any], feed: EventFeed) -> Any:
    """Return one event method that redacts before, and scrubs errors after.

    Args:
        name: The event.
        lookup: Gets a method of the inner handler by name.
        feed: Turns raw events into what the handler may see.
    """
    target = lookup(name)
    if inspect.iscoroutinefunction(target):

        @functools.wraps(target)
        async def aevent(*args: Any, **kwargs: Any) -> Any:
            result = None
            for method, given, named in feed.calls(name, lookup, args, kwargs):
                result = await feed.await_call(name, method, given, named)
            return result

        return aevent

    @functools.wraps(target)
    def event(*args: Any, **kwargs: Any) -> Any:
        result = None
        for method, given, named in feed.calls(name, lookup, args, kwargs):
            result = feed.call(name, method, given, named)
        return result

    return event
