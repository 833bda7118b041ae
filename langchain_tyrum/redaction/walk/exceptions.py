"""The handler of exceptions: rebuilt in their own class, without a traceback."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from pydantic_core import ValidationError

from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Step, Steps
from langchain_tyrum.redaction.walk.slots import UNSET, read_slot, slots_of, worn_by
from langchain_tyrum.redaction.walk.told import note_asked, shown_by, steadied
from langchain_tyrum.redaction.walk.voices import voices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LINKS = ("__cause__", "__context__")
_OWN = frozenset(vars(BaseException))
_DATA = (str, bytes, bytearray, list, dict, tuple, set, frozenset, BaseModel)
#: Read past properties that a class may have put in its place.
_ARGS = vars(BaseException)["args"]


def walk_exception(frame: Frame) -> Steps:
    """Walk arguments, attributes, notes, cause and context of an exception."""
    error = frame.obj
    old_args = _ARGS.__get__(error)
    args = yield Step(old_args, ".args")
    attributes = dict(worn_by(error))
    changed = args is not old_args
    for name, value in list(attributes.items()):
        attributes[name] = yield Step(value, f".{name}")
        changed = changed or attributes[name] is not value
        if (clean := (yield Step(name, "{key}"))) is not name:
            attributes[clean] = attributes.pop(name)
            changed = True
    beside = _beside(error)
    for name, value in list(beside.items()):
        beside[name] = yield Step(value, f".{name}")
        changed = changed or beside[name] is not value
    links: dict[str, Any] = {}
    for name in _LINKS:
        value = getattr(error, name)
        links[name] = yield Step(value, f".{name}")
        changed = changed or links[name] is not value
    spoken = _spoken(error)
    said = yield Step(spoken, "")
    if not changed and said == spoken:
        return (yield from _steadied(frame, error))
    twin = _rebuilt(frame, args, attributes)
    if twin is not None:
        _take_over(twin, beside)
    kept = yield Step(_spoken(twin), "")
    if twin is None or kept != _spoken(twin):
        twin = RuntimeError(said)
        return _linked(twin, error, links)
    return (yield from _steadied(frame, _linked(twin, error, links)))


def _steadied(frame: Frame, error: BaseException) -> Steps:
    """Let an error that computes its text say for good what was looked at."""
    voices = voices_of(type(error))
    if voices is None:
        return error
    note_asked()
    if not frame.freezes:
        return error
    heard: dict[str, Any] = {}
    shown = yield from shown_by(error, voices, heard)
    same = steadied(frame, error, voices, heard) if shown is None else shown[1]
    if isinstance(same, BaseException):
        return same
    links = {name: getattr(error, name) for name in _LINKS}
    return _linked(RuntimeError(str(same)), error, links)


def _spoken(error: BaseException | None) -> str:
    """Return what an exception says of itself; some build it from C attributes."""
    if error is None:
        return ""
    asks: list[Callable[[], Any]] = [lambda: f"{type(error).__name__}: {error}"]
    if (voices := voices_of(type(error))) is not None:
        asks.append(lambda: repr(error))  # any other shows its arguments
        asks += [getattr(error, name) for name in voices.tellers]
    said = []
    for ask in asks:
        with contextlib.suppress(Exception):
            told = ask()
            said.append(told if isinstance(told, str) else repr(told))
    return "\n".join(said)


def _beside(error: BaseException) -> dict[str, Any]:
    """Return what exceptions keep in slots: files, objects, names, exit codes.

    The object that lacked an attribute may be alive and large, so no more of it is
    looked at than what it shows at once.
    """
    found = {}
    for name, member in slots_of(type(error)):
        value = read_slot(member, error)
        if value is UNSET or value is None or name in _OWN:
            continue
        alive = name == "obj" and not isinstance(value, _DATA)
        found[name] = _at_once(value) if alive else value
    return found


def _at_once(obj: Any) -> list[Any]:
    try:
        worn = getattr(obj, "__dict__", None) or {}
        parts = [each for each in worn.values() if isinstance(each, _DATA)]
        return [repr(obj), *parts]
    except Exception:  # it shows nothing to anybody
        return []


def _take_over(twin: BaseException, beside: Mapping[str, Any]) -> None:
    """Give the new exception what the old one kept beside `args`."""
    for name, value in beside.items():
        if name == "obj" or getattr(twin, name, None) is value:
            continue
        try:
            setattr(twin, name, value)
        except (AttributeError, TypeError, ValueError):
            continue  # what cannot be set is not there


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
        worn_by(twin).update(attributes)
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
