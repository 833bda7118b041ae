"""Callback managers: the handlers in them that did not come with a guarded config."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from langchain_tyrum.traces import compat
from langchain_tyrum.traces.callbacks import guard_callbacks
from langchain_tyrum.traces.events import (
    RedactingCallbackHandler,
    guarded_by,
    innermost,
)

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
            hooked, inside = compat.hooked_handlers(), compat.is_in_guarded_run()
            for name in _LISTS:
                handlers = getattr(manager, name)
                raw = [each for each in handlers if _is_raw(each, hooked, inside)]
                if raw:
                    setattr(manager, name, _guarded(handlers, raw, guards))
        return manager

    return configure


def _is_raw(handler: Any, hooked: Sequence[Any], inside: bool) -> bool:  # noqa: FBT001
    if compat.added_handler(handler) or any(handler is each for each in hooked):
        return True
    return inside and not (
        isinstance(handler, RedactingCallbackHandler) or compat.streams(handler)
    )


def _guarded(
    handlers: list[Any], raw: Sequence[Any], guards: Sequence[Redactor]
) -> list[Any]:
    clean: list[Any] = []
    for handler in handlers:
        if all(handler is not each for each in raw):
            clean.append(handler)
        # LangChain adds it again to each child, beside its guarded form
        elif not _is_among(handler, [*clean, *handlers], guards):
            guarded = handler
            for redactor in guards:
                guarded = guard_callbacks(guarded, redactor)
            clean.append(guarded)
    return clean


def _is_among(
    handler: Any, handlers: Sequence[Any], guards: Sequence[Redactor]
) -> bool:
    return any(
        innermost(each) is handler and all(guarded_by(each, guard) for guard in guards)
        for each in handlers
        if each is not handler
    )
