"""What messages and data were made of when they were found clean."""

from __future__ import annotations

import secrets
from contextlib import suppress
from itertools import compress, count
from operator import attrgetter, ne
from typing import TYPE_CHECKING, Any

import ormsgpack
import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 4096
_DEEPEST = 8
_ATOMS = frozenset({str, bytes, int, float, bool, type(None)})
_PLAIN_ONLY = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
_SEED = secrets.randbits(64)
_extra = attrgetter("__pydantic_extra__")
_fields = attrgetter("__dict__")  # as `vars`, but faster

#: The fields of a message, with copies of the containers among them.
Made = dict[str, Any]


class Snapshots:
    """Remembers messages by the objects they are, and by all that they held.

    A message can be edited in place, so knowing the object proves nothing. Its fields
    are compared instead, for a whole history without a step of Python for each: a text
    that is the same object is told at once, lists and dicts by what they hold. A
    message that holds anything but plain data, whose inside cannot be told so, is
    never known.
    """

    def __init__(self) -> None:
        # What each held, and the message: so that no other is given a freed one's id.
        self._state: tuple[dict[int, Made], dict[int, Any]] = ({}, {})
        self._longest = 0

    def __len__(self) -> int:
        return len(self._state[0])

    def __contains__(self, item: object) -> bool:
        return id(item) in self._state[0]

    def fresh(self, items: Sequence[Any]) -> list[int]:
        """Return the indexes of those that are new, or not what they were."""
        then = self._state[0].get
        try:
            now = list(map(_fields, items))
            fresh = list(compress(count(), map(ne, now, map(then, map(id, items)))))
            if any(map(_extra, items)):
                fresh = sorted({*fresh, *compress(count(), map(_extra, items))})
        except Exception:  # no messages, or something that cannot be compared
            return list(range(len(items)))
        self._longest = max(self._longest, len(items))
        return fresh

    def changes(self, item: Any, made_of: Made | None) -> Made | None:
        """Return the fields of a known message that were set since.

        Args:
            item: The message.
            made_of: What it holds now.

        Returns:
            The fields, or None when the message is not known.
        """
        then = self._state[0].get(id(item))
        if then is None or made_of is None:
            return None
        return {
            name: each
            for name, each in made_of.items()
            if name not in then or each != then[name]
        }

    def note(self, item: Any, made_of: Made | None) -> None:
        """Remember a message that was clean when it held this."""
        if made_of is None:
            return
        if len(self) >= max(_MOST, 2 * self._longest):
            self._state, self._longest = ({}, {}), 0
        made, kept = self._state
        made[id(item)], kept[id(item)] = made_of, item


class Contents:
    """Remembers plain data that was clean, by what it held: no object is kept."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()
        self._pairs: set[tuple[Any, Any]] = set()

    def knows(self, held: bytes | None) -> bool:
        """Tell whether data like this was clean."""
        return held in self._known

    def note(self, held: bytes | None) -> None:
        """Remember data that was clean."""
        if held is not None:
            if len(self._known) >= _MOST:
                self._known = set()
            self._known.add(held)

    def fresh_pairs(self, data: dict[Any, Any]) -> dict[Any, Any]:
        """Return the keys and values that are not known."""
        try:
            return dict(set(data.items()) - self._pairs)
        except TypeError:  # there are containers among the values
            pass
        known = self._pairs
        return {k: each for k, each in data.items() if _token(k, each) not in known}

    def note_pairs(self, data: dict[Any, Any]) -> None:
        """Remember keys and values of plain data that were clean."""
        if len(self._pairs) >= _MOST:
            self._pairs = set()
        for key, each in data.items():
            self._pairs.add(_token(key, each))
            if type(each) is tuple:
                with suppress(TypeError):
                    self._pairs.add((key, each))


def _token(key: Any, value: Any) -> Any:
    """Return what tells a key and its value from others."""
    if type(value) in _ATOMS:
        return key, value
    held = print_of(value)
    return object() if held is None else (key, held)  # an object is never known


def print_of(data: Any) -> bytes | None:
    """Return what tells plain data from other; None when it is more than data."""
    try:
        return xxhash.xxh3_128_digest(ormsgpack.packb(data, None, _PLAIN_ONLY), _SEED)
    except (TypeError, ValueError):
        return None


def made_of(message: Any) -> Made | None:
    """Note what a message holds now; None when that cannot be told."""
    try:
        if _extra(message) or message.__pydantic_private__ is not None:
            return None
        return _copy_pairs(vars(message), _DEEPEST)
    except (TypeError, AttributeError, RuntimeError):
        return None


def _copy_pairs(pairs: dict[Any, Any], deepest: int) -> dict[Any, Any]:
    return {
        name: each if type(each) in _ATOMS else _copy(each, deepest)
        for name, each in pairs.items()
    }


def _copy(value: Any, deepest: int) -> Any:
    """Copy lists, tuples and dicts of plain data.

    Raises:
        TypeError: It holds more than that, or is too deep.
    """
    kind = type(value)
    if deepest and kind is dict:
        if not value:
            return {}
        if _ATOMS.issuperset(map(type, value)):
            return _copy_pairs(value, deepest - 1)
    if deepest and kind in (list, tuple):
        return kind(
            each if type(each) in _ATOMS else _copy(each, deepest - 1) for each in value
        )
    raise TypeError
