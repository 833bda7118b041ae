"""Frames of errors: what their locals hold is shown by whoever reports locals."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from langchain_tyrum.redaction import Redactor

E = TypeVar("E", bound=BaseException)

#: Of one frame, so many items are looked at; one that holds more is emptied unseen.
_MOST = 20_000
_DEEPEST = 6


def without_locals(error: E, redactor: Redactor) -> E:
    """Take the frames whose locals hold a raw value out of an error's tracebacks.

    An error can be clean while the node that raised it held a value in a variable;
    error reporters send those along. A frame without locals takes the place of such
    a one, with its file, line and name; the frame itself, which may still run, is let
    be. Bites a debugger that looks into a node which held a value.

    Args:
        error: The error; its causes, contexts and members are gone through too.
        redactor: What to look with.

    Returns:
        The same error.
    """
    for each in with_links(error):
        trace = each.__traceback__
        clean = _cleaned(trace, redactor)
        if clean is not trace:
            each.__traceback__ = clean
    return error


def with_links(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and the members of groups, each once."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        yield current


def _cleaned(trace: TracebackType | None, redactor: Redactor) -> TracebackType | None:
    steps, dirty = [], False
    step = trace
    while step is not None:
        frame, at = step.tb_frame, step.tb_lasti
        if not _is_clean(frame, redactor):
            frame, at = _stand_in(frame, step.tb_lineno)
            dirty = True
        steps.append((frame, at, step.tb_lineno))
        step = step.tb_next
    if not dirty:
        return trace
    result: TracebackType | None = None
    for frame, at, line in reversed(steps):
        result = TracebackType(result, frame, at, line)
    return result


def _stand_in(frame: FrameType, line: int) -> tuple[FrameType, int]:
    """A frame of the same file, line and name that has no locals."""
    code = compile("\n" * (line - 1) + "raise Here", frame.f_code.co_filename, "exec")
    code = code.replace(
        co_name=frame.f_code.co_name, co_qualname=frame.f_code.co_qualname
    )
    module = {"__name__": frame.f_globals.get("__name__"), "Here": _Here}
    try:
        exec(code, module, {})  # noqa: S102 - nothing of anybody's: one `raise`
    except _Here as here:
        made = here.__traceback__ and here.__traceback__.tb_next
    if made is None:
        raise RuntimeError("a frame could not be made")
    return made.tb_frame, made.tb_lasti


class _Here(Exception):
    """Raised for its frame."""


def _is_clean(frame: FrameType, redactor: Redactor) -> bool:
    try:
        texts = list(islice(_texts(frame.f_locals, _DEEPEST), _MOST + 1))
        if len(texts) > _MOST:
            return False
        return not redactor.scan(texts)
    except Exception:
        return False


def _texts(value: Any, depth: int) -> Iterator[str | bytes]:
    """Yield the texts of plain data; live objects show themselves by their `repr`."""
    if isinstance(value, str | bytes):
        yield value
    elif depth == 0:
        return
    elif isinstance(value, dict):
        for key, item in list(value.items()):
            yield from _texts(key, depth - 1)
            yield from _texts(item, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in list(value):
            yield from _texts(item, depth - 1)
    elif hasattr(type(value), "model_fields"):  # a message, above all
        yield from _texts(dict(vars(value)), depth - 1)
    elif is_dataclass(value) and not isinstance(value, type):  # LangGraph's tasks
        shown = [field.name for field in fields(value) if field.repr]
        held = {name: getattr(value, name, None) for name in shown}
        yield from _texts(held, depth - 1)
