"""The handler of exceptions: rebuilt in their own class, without a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import ValidationError

from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Step, Steps

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINKS = ("__cause__", "__context__")
#: Read past properties that a class may have put in its place.
_ARGS = vars(BaseException)["args"]


def walk_exception(frame: Frame) -> Steps:
    """Walk arguments, attributes, notes, cause and context of an exception."""
    error = frame.obj
    old_args = _ARGS.__get__(error)
    args = yield Step(old_args, ".args")
    attributes = dict(getattr(error, "__dict__", None) or {})
    changed = args is not old_args
    for name, value in list(attributes.items()):
        attributes[name] = yield Step(value, f".{name}")
        changed = changed or attributes[name] is not value
    extras = yield Step(_slots(error), "")
    links: dict[str, Any] = {}
    for name in _LINKS:
        value = getattr(error, name)
        links[name] = yield Step(value, f".{name}")
        changed = changed or links[name] is not value
    spoken = _spoken(error)
    said = yield Step(spoken, "")
    if not changed and said == spoken and extras == _slots(error):
        return error
    twin = _rebuilt(frame, args, attributes)
    kept = yield Step(_spoken(twin), "")
    if twin is None or kept != _spoken(twin):
        twin = RuntimeError(said)
    return _linked(twin, error, links)


def _spoken(error: BaseException | None) -> str:
    """Return what an exception says of itself; some build it from C attributes."""
    try:
        return f"{type(error).__name__}: {error}" if error is not None else ""
    except Exception:
        return ""


def _slots(error: BaseException) -> dict[str, Any]:
    """Return what exceptions keep outside `args`: files, objects, exit codes."""
    names = ("filename", "filename2", "object", "doc", "text", "value", "name", "path")
    found = {name: getattr(error, name, None) for name in names}
    return {
        name: value for name, value in found.items() if isinstance(value, str | bytes)
    }


def _rebuilt(
    frame: Frame, args: tuple[Any, ...], attributes: Mapping[str, Any]
) -> BaseException | None:
    error = frame.obj
    cls = type(error)
    try:
        if frame.twin is not None:
            twin: BaseException = frame.twin
        elif isinstance(error, ValidationError):
            return None
        elif isinstance(error, UnicodeError | ImportError | SyntaxError):
            twin = cls(*args)
        else:
            twin = cls.__new__(cls, *args)
        twin.args = args
        twin.__dict__.update(attributes)
    except Exception:
        return None
    return twin


def _linked(
    twin: BaseException, error: BaseException, links: Mapping[str, Any]
) -> BaseException:
    """Give the new exception its cause and context, and no traceback.

    A traceback's frames hold the locals of whoever raised.
    """
    twin.__cause__ = _as_error(links["__cause__"])
    twin.__context__ = _as_error(links["__context__"])
    twin.__suppress_context__ = error.__suppress_context__
    return twin.with_traceback(None)


def _as_error(link: Any) -> BaseException | None:
    return link if isinstance(link, BaseException) else None


def blank_exception(error: BaseException) -> BaseException:
    """Make the exception that a cycle of causes may point to.

    Raises:
        Cannot: The class wants arguments.
    """
    try:
        return type(error).__new__(type(error))
    except Exception:
        raise Cannot(type(error).__name__) from None
