"""Guarding the callbacks of a call, in whatever form they come."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackManager, BaseRunManager

from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.traces.clients import guard_client
from langchain_tyrum.traces.compat import LangChainTracer
from langchain_tyrum.traces.events import RedactingCallbackHandler

if TYPE_CHECKING:
    from langchain_tyrum.traces.sources import RedactorSource


def guard_callbacks(callbacks: Any, redactor: RedactorSource) -> Any:
    """Return the same kind of callbacks with every handler guarded.

    The given list or manager is left as it is. A plain `LangChainTracer` stays the
    same object and its client is guarded in place; guarded handlers are left alone.

    Args:
        callbacks: A list of handlers, a callback manager, one handler, or None.
        redactor: A redactor, or a broker that has one.

    Raises:
        ConfigError: A handler cannot be guarded.
    """
    redactor = redactor_of(redactor)
    if callbacks is None:
        return None
    if isinstance(callbacks, list | tuple):
        return [_guarded(handler, redactor) for handler in callbacks]
    if not isinstance(callbacks, BaseCallbackManager | BaseRunManager):
        return _guarded(callbacks, redactor)
    manager = copy.copy(callbacks)
    known: dict[int, Any] = {}
    for handler in (*manager.handlers, *manager.inheritable_handlers):
        if id(handler) not in known:
            known[id(handler)] = _guarded(handler, redactor)
    manager.handlers = [known[id(each)] for each in manager.handlers]
    manager.inheritable_handlers = [
        known[id(each)] for each in manager.inheritable_handlers
    ]
    return manager


def _guarded(handler: Any, redactor: Any) -> Any:
    if type(handler) is LangChainTracer:
        guard_client(handler.client, redactor)
        return handler
    return RedactingCallbackHandler(handler, redactor)
