"""The process-wide doors of text: log records, warnings, and what nobody caught."""

from __future__ import annotations

import functools
import linecache
import logging
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any

from langchain_tyrum.traces import logs
from langchain_tyrum.traces.steadied import steady_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from langchain_tyrum.redaction import Redactor

    Redactors = Callable[[], Sequence[Redactor]]


class Patch:
    """One attribute, replaced and put back; left alone if wrapped meanwhile."""

    def __init__(self, owner: Any, name: str, replacement: Any) -> None:
        self._owner = owner
        self._name = name
        self._replacement = replacement
        self._original = vars(owner)[name]

    def on(self) -> None:
        """Put the replacement in."""
        setattr(self._owner, self._name, self._replacement)

    def off(self) -> None:
        """Put the original back, unless somebody wrapped the replacement."""
        if vars(self._owner)[self._name] is self._replacement:
            setattr(self._owner, self._name, self._original)

    def __repr__(self) -> str:
        return f"Patch({self._name})"


def log_patches(redactors: Redactors) -> list[Patch]:
    """Return what covers every logger, every warning and each hook for exceptions."""
    unraisable = _unraisablehook(sys.unraisablehook, redactors)
    return [
        Patch(logging, "_logRecordFactory", _factory(redactors)),
        Patch(logging.Logger, "handle", _handle(redactors)),
        Patch(sys, "excepthook", _excepthook(sys.excepthook, redactors)),
        Patch(threading, "excepthook", _threadhook(threading.excepthook, redactors)),
        Patch(sys, "unraisablehook", unraisable),
        Patch(warnings, "showwarning", _showwarning(warnings.showwarning, redactors)),
    ]


def _factory(redactors: Redactors) -> Callable[..., logging.LogRecord]:
    original = logging.getLogRecordFactory()

    @functools.wraps(original, updated=())
    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original(*args, **kwargs)
        for redactor in redactors():
            logs.scrub(record, redactor)
        return record

    return factory


def _handle(redactors: Redactors) -> Callable[..., None]:
    original = logging.Logger.handle

    # Only here are the `extra` fields of a record known.
    @functools.wraps(original)
    def handle(self: logging.Logger, record: logging.LogRecord) -> None:
        for redactor in redactors():
            logs.scrub(record, redactor)
        original(self, record)

    return handle


def _excepthook(original: Callable[..., Any], redactors: Redactors) -> Any:
    @functools.wraps(original)
    def excepthook(
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        clean = _clean(text, redactors())
        if clean == text:
            same = _steady(error, redactors())
            original(type(same), same, trace)
        elif original is sys.__excepthook__:
            sys.stderr.write(clean)
        else:
            error = _clean_error(error, redactors())
            original(type(error), error, None)

    return excepthook


def _threadhook(original: Callable[..., Any], redactors: Redactors) -> Any:
    @functools.wraps(original)
    def excepthook(args: Any) -> None:
        error = args.exc_value
        text = "".join(
            traceback.format_exception(args.exc_type, error, args.exc_traceback)
        )
        clean = _clean(text, redactors())
        if clean == text:
            original(_with_steady(args, redactors(), args.thread))
        elif original is threading.__excepthook__:
            name = args.thread.name if args.thread else "unknown"
            sys.stderr.write(f"Exception in thread {name}:\n{clean}")
        else:
            error = _clean_error(error, redactors())
            original(threading.ExceptHookArgs((type(error), error, None, args.thread)))

    return excepthook


def _unraisablehook(original: Callable[..., Any], redactors: Redactors) -> Any:
    @functools.wraps(original)
    def unraisablehook(args: Any) -> None:
        error = args.exc_value
        trace = traceback.format_exception(args.exc_type, error, args.exc_traceback)
        head = f"{args.err_msg or 'Exception ignored in'}: {args.object!r}\n"
        text = head + "".join(trace)
        clean = _clean(text, redactors())
        if clean == text:
            original(_with_steady(args, redactors(), args.err_msg, args.object))
        elif original is sys.__unraisablehook__:
            sys.stderr.write(clean)
        else:
            error, where = _clean_error(error, redactors()), _clean(head, redactors())
            # What it happened in is told as text: the object may hold the value.
            fields = (type(error), error, None, where.rstrip(), None)
            original(type(args)(fields))

    return unraisablehook


def _showwarning(original: Callable[..., Any], redactors: Redactors) -> Any:
    @functools.wraps(original)
    def showwarning(  # noqa: PLR0917 - what `warnings` calls it with
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        shown: Any = message
        text = warnings.formatwarning(message, category, filename, lineno, line)
        if _clean(text, redactors()) != text:
            # The line of code is printed too, and may have the value in it.
            line = line or linecache.getline(filename, lineno).strip()
            line, filename = (_clean(each, redactors()) for each in (line, filename))
            if isinstance(message, Warning):
                shown = _clean_error(message, redactors())
            else:
                shown = _clean(message, redactors())
        shown = _steady(shown, redactors())
        original(shown, category, filename, lineno, file, line)

    return showwarning


def _clean(text: str, redactors: Sequence[Redactor]) -> str:
    try:
        for redactor in redactors:
            text = redactor.redact_text(text)
    except Exception:
        return logs.WITHHELD + "\n"
    return text


def _steady(error: Any, redactors: Sequence[Redactor]) -> Any:
    for redactor in redactors if isinstance(error, BaseException) else ():
        error = steady_error(error, redactor)
    return error


def _with_steady(args: Any, redactors: Sequence[Redactor], *more: Any) -> Any:
    """Return what a hook is called with, for an error that says the same again."""
    same = _steady(args.exc_value, redactors)
    if same is args.exc_value:
        return args
    return type(args)((type(same), same, args.exc_traceback, *more))


def _clean_error(error: Any, redactors: Sequence[Redactor]) -> BaseException:
    try:
        for redactor in redactors:
            error = redactor.redact(error)
    except Exception:
        return RuntimeError(logs.WITHHELD)
    return error if isinstance(error, BaseException) else RuntimeError(logs.WITHHELD)
