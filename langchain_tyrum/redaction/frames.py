"""Frames of errors: what their locals hold is shown by whoever reports locals."""

from __future__ import annotations

from itertools import islice
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
    """Empty the frames behind an error whose locals hold a raw value.

    An error can be clean while the node that raised it held a value in a variable;
    error reporters send those along. Lines and names of the traceback stay, and so
    do the locals of frames that hold none. Bites a debugger that looks into a node
    which held a value.

    Args:
        error: The error; its causes, contexts and members are gone through too.
        redactor: What to look with.

    Returns:
        The same error.
    """
    _dirty(error, redactor)
    return error


def shown_error(error: BaseException, redactor: Redactor) -> BaseException:
    """The error as those may see it who look while it is still on its way.

    Frames that still run cannot be emptied; if one of them holds a raw value, a twin
    of the error is shown, which has no frames.

    Args:
        error: A clean error.
        redactor: What to look with.
    """
    return _twin(error, {}) if _dirty(error, redactor) else error


def _dirty(error: BaseException, redactor: Redactor) -> bool:
    """Empty the frames that hold a value; tell whether one of them could not be."""
    left = False
    for frame in _frames(error):
        if not _is_clean(frame, redactor):
            try:
                frame.clear()
            except RuntimeError:  # it still runs
                left = True
    return left


def _twin(error: BaseException, made: dict[int, BaseException]) -> BaseException:
    if id(error) in made:
        return made[id(error)]
    kind = type(error)
    twin: BaseException
    try:
        twin = kind.__new__(kind, *error.args)
        twin.args = error.args
        twin.__dict__.update(error.__dict__)
    except Exception:
        twin = RuntimeError(f"{kind.__name__}: {error}")
    made[id(error)] = twin
    if error.__cause__ is not None:
        twin.__cause__ = _twin(error.__cause__, made)
    if error.__context__ is not None:
        twin.__context__ = _twin(error.__context__, made)
    twin.__suppress_context__ = error.__suppress_context__
    return twin


def _frames(error: BaseException) -> Iterator[FrameType]:
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
        step = current.__traceback__
        while step is not None:
            yield step.tb_frame
            step = step.tb_next


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
