"""A run's callback handlers: each is told what those who read it may see."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.tracers import LangChainTracer

from langchain_tyrum.membrane.compat import is_event_handler, is_stream_handler
from langchain_tyrum.traces import RedactingCallbackHandler, guard_callbacks
from langchain_tyrum.traces.events import knows_values_of

if TYPE_CHECKING:
    from langchain_core.callbacks import Callbacks

    from langchain_tyrum.membrane.runs import Run


def guard_handlers(callbacks: Callbacks, run: Run) -> Callbacks:
    """Guard what handlers are told, once.

    Inside a run the handlers are guarded already, but for those by which an outer
    graph streams: what they collect leaves through that graph's guarded stream. The
    ones that tell the caller's own events see with the caller's eyes, all others
    with nobody's.
    """
    handlers: Any = callbacks
    if isinstance(callbacks, BaseCallbackManager):
        handlers = [*callbacks.handlers, *callbacks.inheritable_handlers]
    if all(_is_guarded(handler, run) for handler in handlers):
        return callbacks
    known = {id(handler): _guarded(handler, run) for handler in handlers}
    if not isinstance(callbacks, BaseCallbackManager):
        return [known[id(handler)] for handler in handlers]
    manager = copy.copy(callbacks)
    manager.handlers = [known[id(each)] for each in callbacks.handlers]
    inheritable = callbacks.inheritable_handlers
    manager.inheritable_handlers = [known[id(each)] for each in inheritable]
    return manager


def _guarded(handler: Any, run: Run) -> Any:
    if not is_event_handler(handler):
        return guard_callbacks([handler], run.broker)[0]
    if knows_values_of(handler, run.stored.own):
        return handler
    return RedactingCallbackHandler(handler, run.stored.own)


def _is_guarded(handler: Any, run: Run) -> bool:
    if knows_values_of(handler, run.stored.own):
        return True
    return run.running and (
        is_stream_handler(handler) or type(handler) is LangChainTracer
    )
