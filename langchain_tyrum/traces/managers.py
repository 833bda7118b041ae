"""Callback managers: the handlers in them that did not come with a guarded config."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from langchain_tyrum.traces import compat
from langchain_tyrum.traces.callbacks import guard_callbacks
from langchain_tyrum.traces.events import innermost, knows_values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.redaction import Redactor

_LISTS = ("handlers", "inheritable_handlers")


def configured(
    original: Callable[..., Any], redactors: Callable[[], Sequence[Redactor]]
) -> Callable[..., Any]:
    """Wrap what makes callback managers, so that what is added there is guarded.

    Debug mode and tracing kits add their handlers to each manager, and so do those
    who called `register_configure_hook`, such as `collect_runs`. Within a run that
    `protect` guards there are also those of a model or chain itself, and those that
    a node gives to what it calls.

    Args:
        original: LangChain's function.
        redactors: Tells who redacts by now.
    """

    @functools.wraps(original)
    def configure(*args: Any, **kwargs: Any) -> Any:
        manager = original(*args, **kwargs)
        if guards := redactors():
            run = compat.guarded_run()
            own = None if run is None else run.stored.own  # asks no catalog
            for name in _LISTS:
                handlers = getattr(manager, name)
                raw = [innermost(each) for each in handlers if _is_raw(each, own)]
                if raw:
                    setattr(manager, name, _guarded(handlers, raw, guards))
        return manager

    return configure


def _is_raw(handler: Any, own: Redactor | None) -> bool:
    if compat.added_handler(handler) or compat.is_hooked(handler):
        return True
    return not (own is None or compat.streams(handler) or knows_values_of(handler, own))


def _guarded(
    handlers: Sequence[Any], raw: Sequence[Any], guards: Sequence[Redactor]
) -> list[Any]:
    """Guard the raw ones, each of them once.

    LangChain knows a handler by its identity: to a child, which has the guarded form,
    it adds the raw one again.
    """
    clean: list[Any] = []
    done: list[Any] = []
    for handler in handlers:
        inner = innermost(handler)
        if not _is_in(inner, raw):
            clean.append(handler)
        elif not _is_in(inner, done):
            done.append(inner)
            guarded = _most_guarded(inner, handlers)
            for redactor in guards:
                guarded = guard_callbacks(guarded, redactor)
            clean.append(guarded)
    return clean


def _most_guarded(inner: Any, handlers: Sequence[Any]) -> Any:
    same = [each for each in handlers if innermost(each) is inner]
    return next((each for each in same if each is not inner), inner)


def _is_in(handler: Any, handlers: Sequence[Any]) -> bool:
    return any(each is handler for each in handlers)
