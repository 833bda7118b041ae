"""A `LangChainTracer` that stays one, with a client that redacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.traces.clients import guard_client
from langchain_tyrum.traces.compat import LangChainTracer
from langchain_tyrum.traces.events import (
    RedactingCallbackHandler,
    guarded_event,
    subclass_of,
)
from langchain_tyrum.traces.feed import EventFeed
from langchain_tyrum.traces.sources import among, lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction import Redactor

__all__ = ["LangChainTracer", "guarded_tracer"]


class TracerGuard(RedactingCallbackHandler):
    """What makes a tracer's subclass a guarded one; mixed in before the tracer."""

    _tyrum_redactors: tuple[Redactor, ...]
    _tyrum_feeds: tuple[EventFeed, ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Build a copy; a wrapped tracer has been built already."""
        if "client" not in self.__dict__:
            super().__init__(*args, **kwargs)

    def __getattribute__(self, name: str) -> Any:
        lookup: Callable[[str], Any] = super().__getattribute__
        if name.startswith("on_"):
            for feed in self._tyrum_feeds:
                lookup = _guarded_lookup(lookup, feed)
        return lookup(name)

    def __setattr__(self, name: str, value: Any) -> None:
        # A client given later is guarded like the first.
        if name == "client":
            for redactor in self.__dict__.get("_tyrum_redactors", ()):
                guard_client(value, redactor)
        super().__setattr__(name, value)

    def copy_with_metadata_defaults(self, **kwargs: Any) -> Any:
        """Return LangChain's copy, guarded again: it rebuilds from fixed arguments."""
        parent: Any = super()
        copy = parent.copy_with_metadata_defaults(**kwargs)
        for redactor in self._tyrum_redactors:
            copy = guarded_tracer(copy, redactor)
        return copy

    def _start_trace(self, run: Any) -> None:
        parent: Any = super()
        parent._start_trace(run)  # noqa: SLF001
        for replica in run.replicas or ():
            if replica.get("client") is not None:
                for redactor in self._tyrum_redactors:
                    guard_client(replica["client"], redactor)


def guarded_tracer(
    inner: LangChainTracer | None, redactor: Redactor
) -> RedactingCallbackHandler:
    """Return the guarded form of a tracer; both share their state.

    Args:
        inner: The tracer; None makes one with langsmith's default client.
        redactor: What to redact with.

    Raises:
        ConfigError: Its client cannot be guarded.
    """
    inner = LangChainTracer() if inner is None else inner
    redactor = lasting(redactor)
    guard_client(inner.client, redactor)
    kind = type(inner)
    if issubclass(kind, TracerGuard):
        guarded_type = kind
    else:
        guarded_type = subclass_of(kind, TracerGuard)
    tracer: Any = object.__new__(guarded_type)
    object.__setattr__(tracer, "__dict__", inner.__dict__)
    known = inner.__dict__.get("_tyrum_redactors", ())
    if not among(redactor, known):
        tracer._tyrum_redactors = (*known, redactor)  # noqa: SLF001
        # A tracer of somebody's own may do more than send: guard its events too.
        plain = LangChainTracer in guarded_type.__bases__
        feeds = () if plain else (EventFeed(redactor, kind.__name__),)
        tracer._tyrum_feeds = (*inner.__dict__.get("_tyrum_feeds", ()), *feeds)  # noqa: SLF001
    guarded: RedactingCallbackHandler = tracer
    return guarded


def _guarded_lookup(
    lookup: Callable[[str], Any], feed: EventFeed
) -> Callable[[str], Any]:
    def guarded(name: str) -> Any:
        if not callable(lookup(name)):
            return lookup(name)
        return guarded_event(name, lookup, feed)

    return guarded
