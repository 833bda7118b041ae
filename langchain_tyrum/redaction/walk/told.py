"""What objects say of themselves: looked at like text, once what they hold is clean.

What they say is asked for once, by the same calls with which others ask; what fails
to answer is withheld. An object whose text is another each time may tell somebody
else another one, so who only observes is given a stand-in. What cannot be known is
what methods tell that nobody calls unasked, or that an object has as attributes. What
yields step by step is gone through only if it holds plain data; a model is not, since
it is written without that.
"""

from __future__ import annotations

import copy
import inspect
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.markers import MARKER, NAMELESS
from langchain_tyrum.redaction.walk.held import DATA, refilled, state_of
from langchain_tyrum.redaction.walk.hushed import closes
from langchain_tyrum.redaction.walk.machine import Cannot, Frame, Handler, Step, Steps
from langchain_tyrum.redaction.walk.slots import (
    is_transparent,
    worn_by,
)
from langchain_tyrum.redaction.walk.standin import (
    FORMAT,
    ITEMS,
    JSON,
    PYTHON,
    REPR,
    STR,
    as_data,
    settle,
    stand_in,
)
from langchain_tyrum.redaction.walk.voices import Voices, found_in, voices_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST_ITEMS = 100_000
_SHORTEST_PIECE = 3
_DEEPEST_PIECE = 3
_PLAIN = frozenset({str, bytes, int, float, bool, complex, type(None)})
_CONTAINERS = frozenset({list, tuple, dict, set, frozenset})
_TEXTS = frozenset({REPR, STR, FORMAT})


class _Asked(threading.local):
    count = 0


_asked = _Asked()


def times_asked() -> int:
    """Count how often this thread asked an object for what it says of itself."""
    return _asked.count


def note_asked() -> None:
    """Count it."""
    _asked.count += 1


def telling(handler: Handler | None) -> Handler:
    """Let a handler also look at what its objects say of themselves.

    Args:
        handler: The handler; None for leaves, which have been looked at.
    """

    def walk_telling(frame: Frame) -> Steps:
        voices = voices_of(type(frame.obj)) or Voices()
        if voices.lazy and not _may_yield(frame.obj):
            yield Step(repr(frame.obj), "{text}")
            raise Cannot("items")
        became = (yield from handler(frame)) if handler else frame.obj
        return (yield from walk_told(frame, became, voices))

    return walk_telling


def walk_told(frame: Frame, became: Any, voices: Voices) -> Steps:
    """Look at what an object says of itself.

    Args:
        frame: The object.
        became: What became of it by what it holds.
        voices: What it is asked.

    Returns:
        What became of it; when that says more than may be seen, a copy without the
        pieces that the value is put together from, or else what it said, redacted.
    """
    shown = yield from _told(frame, became, voices)
    if frame.twin is not None and frame.twin is not shown:
        settle(frame.twin, shown)
    return shown


def _told(frame: Frame, became: Any, voices: Voices) -> Steps:
    # the object itself: in a cycle, what became of it may not be complete yet
    obj = became if _holds_iterators(frame.obj) else frame.obj
    was_met, frame.met, frame.asking = frame.met, False, True
    said: dict[str, Any] = {}
    shown = yield from shown_by(obj, voices, said)
    is_met, frame.met = frame.met, was_met
    if shown is None:
        return steadied(frame, became, voices, said)
    bad, clean = shown
    if is_met:  # what is still being walked stands in it as it is
        clean = yield Step(str(bad))
    try:
        for twin in (
            became if became is not obj else None,
            _without(became, bad, clean),
        ):
            said = {}
            if twin is not None and (yield from shown_by(twin, voices, said)) is None:
                return steadied(frame, twin, voices, said)
    except Exception:  # it cannot do without what was taken from it
        return clean
    return clean


def shown_by(obj: Any, voices: Voices, said: dict[str, Any]) -> Steps:
    """Look at all that an object says; return what shows a value, as it was and is.

    Args:
        obj: The object.
        voices: What it is asked.
        said: Takes what it said, by how it was asked.
    """
    note_asked()
    for how, each in _said(obj, voices):
        if how in _TEXTS and each in said.values():
            said[how] = each
            continue
        said[how] = each
        clean = yield Step(each, "{text}" if how in _TEXTS else how)
        if clean is not each:
            return each, clean
    return None


def steadied(frame: Frame, obj: Any, voices: Voices, said: dict[str, Any]) -> Any:
    """Return an object, or for who only observes what says for good what it said.

    Data of a class that allows no stand-in becomes plain data. What else allows none
    stays itself if it says the same twice, and may say another thing later: objects
    of classes that are written in C, such as times and numbers. Classes stay too.
    """
    if not frame.freezes or not frame.freezes.takes(obj):
        return obj
    try:
        return stand_in(obj, said)
    except Exception:
        if isinstance(obj, DATA):
            return as_data(obj, said)
        same = dict(_said(obj, voices)) == said
        return obj if same else as_data(obj, said)


def _said(obj: Any, voices: Voices) -> Iterator[tuple[str, Any]]:
    cls = type(obj)
    if voices.spoken:
        yield REPR, repr(obj)
        if found_in(cls, "__str__") is not object.__dict__["__str__"]:
            yield STR, str(obj)
        if found_in(cls, "__format__") is not object.__dict__["__format__"]:
            yield FORMAT, f"{obj}"
    if voices.dumps and not _holds_iterators(obj):
        dump = cls.__pydantic_serializer__.to_python
        for how in (PYTHON, JSON):
            mode = how.strip("{}")
            yield how, dump(obj, mode=mode, warnings=False, fallback=_as_it_is)
    for name in voices.tellers:
        said = getattr(obj, name)()
        if inspect.iscoroutine(said):
            said.close()
            raise Cannot(name)
        if said is not obj:
            yield f".{name}()", _listed(said) if hasattr(said, "__next__") else said
    if voices.items:
        yield ITEMS, _listed(_items(obj))
    if voices.lazy:
        yield ITEMS, _listed(_yielded(obj))


def _as_it_is(obj: Any) -> Any:
    return repr(type(obj))


def _holds_iterators(obj: Any) -> bool:
    """Tell whether writing an object would use it up; such a one is withheld."""
    return any(hasattr(type(each), "__next__") for each in worn_by(obj).values())


def _items(obj: Any) -> Iterable[Any]:
    keys = getattr(obj, "keys", None)
    if isinstance(obj, dict):
        return obj.items()
    return ((key, obj[key]) for key in keys()) if callable(keys) else iter(obj)


def _may_yield(obj: Any) -> bool:
    """Tell whether going through an object costs and changes nothing that is live."""
    return hasattr(obj, "__iter__") and _is_plain(obj)


def _yielded(obj: Any) -> Iterable[Any]:
    """Go through a copy of an object, which may be used up by that."""
    twin: Iterable[Any] = refilled(obj, copy.deepcopy)
    return twin


def _is_plain(obj: Any) -> bool:
    """Tell whether all that an object leads to is data, and not too much of it."""
    todo, seen = [*state_of(obj).values()], {id(obj)}
    while todo:
        value = todo.pop()
        kind = type(value)
        if kind in _PLAIN or id(value) in seen:
            continue
        seen.add(id(value))
        if kind is dict:
            todo += [*value, *value.values()]
        elif kind in _CONTAINERS:
            todo += value
        elif isinstance(value, type) or closes(kind) or not is_transparent(kind):
            return False
        else:
            todo += state_of(value).values()
        if len(todo) + len(seen) > _MOST_ITEMS:
            return False
    return True


def _listed(items: Iterable[Any]) -> list[Any]:
    listed = list(islice(items, _MOST_ITEMS + 1))
    if len(listed) > _MOST_ITEMS:
        raise Cannot("items")
    return listed


def _without(obj: Any, said: Any, clean: Any) -> Any:
    """Copy an object without the pieces that a value was put together from.

    Returns:
        The copy, in its own class; None when it holds no such pieces.
    """
    before, after = str(said), str(clean)
    found = MARKER.search(after)
    mark = found[0] if found else NAMELESS
    masked = False

    def mask(value: Any, depth: int) -> Any:
        nonlocal masked
        if type(value) is str:
            if len(value) < _SHORTEST_PIECE or MARKER.search(value):
                return value
            if before.count(value) <= after.count(value):
                return value
            masked = True
            return mark
        if depth and type(value) in (list, tuple):
            return type(value)(mask(each, depth - 1) for each in value)
        if depth and type(value) is dict:
            return {key: mask(each, depth - 1) for key, each in value.items()}
        return value

    twin = refilled(obj, lambda value: mask(value, _DEEPEST_PIECE))
    return twin if masked else None
