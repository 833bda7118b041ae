"""What messages and data were made of when they were found clean."""

from __future__ import annotations

import secrets
from itertools import compress, count
from operator import attrgetter, ne
from typing import TYPE_CHECKING, Any

import ormsgpack
import xxhash

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 4096
_DEEPEST = 8
_TEXTS = frozenset({str, bytes, type(None)})
_NUMBERS = frozenset({int, float, bool})
_NO_COUNTS = _NUMBERS - {int}
_ATOMS = _TEXTS | _NUMBERS
_NONE: frozenset[type] = frozenset()
#: No count of tokens: the text of such a number, or of its float, is a value rather.
_BIG = 10**7
#: Fields of counts, which are compared at each step: small ones stand as they are.
_COUNTS = frozenset({"usage_metadata", "response_metadata"})
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

#: The fields of a message, with copies of the containers among them; to be compared.
Made = dict[str, Any]


class _Exact:
    """A number, or what holds numbers: unlike in `1 == 1.0 == True`, types count.

    The numbers of one list or dict are told at once: each by itself would cost a step
    of Python.
    """

    __slots__ = ("_held", "_kinds")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, held: Any, kinds: Any) -> None:
        self._held = held
        self._kinds = kinds

    def __eq__(self, other: object) -> bool:
        if type(other) is _Exact:
            same: bool = self._kinds == other._kinds and self._held == other._held
            return same
        return bool(self._kinds == _kinds(other) and self._held == other)

    @property
    def plain(self) -> Any:
        """The number or container by itself."""
        return _plain(self._held)


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
            name: _plain(each)
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
        self._pairs: set[Any] = set()

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
        known = self._pairs
        try:
            rest = set(data.items()) - known
        except TypeError:  # there are containers among the values
            return {k: v for k, v in data.items() if _token(k, v) not in known}
        return {
            k: v
            for k, v in rest
            if (k, type(v), v) not in known and _token(k, v) not in known
        }

    def note_pairs(self, data: dict[Any, Any]) -> None:
        """Remember keys and values of plain data that were clean."""
        if len(self._pairs) >= _MOST:
            self._pairs = set()
        for key, each in data.items():
            self._pairs.add(_token(key, each))
            if type(each) is tuple and _TEXTS.issuperset(map(type, (key, *each))):
                self._pairs.add((key, each))


def _token(key: Any, value: Any) -> Any:
    """Return what tells a key and its value from others."""
    if type(key) not in _TEXTS:
        return print_of({key: value}) or object()
    if type(value) in _TEXTS:
        return key, value
    if type(value) in _NUMBERS:
        return key, type(value), value
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
        return {
            name: each
            if type(each) in _TEXTS
            else _copy(each, _DEEPEST, small=name in _COUNTS)
            for name, each in vars(message).items()
        }
    except (TypeError, AttributeError, RuntimeError):
        return None


def _copy(value: Any, deepest: int, *, small: bool) -> Any:
    """Copy lists, tuples and dicts of plain data.

    Args:
        value: One of those, or a number.
        deepest: How deep they may be.
        small: Whether small integers stand as they are.

    Raises:
        TypeError: It holds more than that, or is too deep.
    """
    kind = type(value)
    if kind in _NUMBERS:
        return _Exact(value, kind)
    if not deepest or kind not in (dict, list, tuple):
        raise TypeError
    if not value:
        return kind()
    copy = kind(value)  # at once: another thread may write into it
    parts: Any = copy
    seen: frozenset[type] | set[type] = _NONE
    if kind is dict:
        parts, seen = copy.values(), set(map(type, copy))
        if not seen <= _ATOMS:
            raise TypeError
    seen = seen.union(map(type, parts))
    exact = not seen.isdisjoint(_NUMBERS) and (
        not small or not seen.isdisjoint(_NO_COUNTS) or _is_any_big(copy, parts)
    )
    kinds = _kinds(copy) if exact else None
    if not seen <= _ATOMS:
        copy = _copy_inner(copy, deepest - 1, small=small)
    return _Exact(copy, kinds) if exact else copy


def _copy_inner(copy: Any, deepest: int, *, small: bool) -> Any:
    if type(copy) is dict:
        return {
            key: each if type(each) in _ATOMS else _copy(each, deepest, small=small)
            for key, each in copy.items()
        }
    return type(copy)(
        [
            each if type(each) in _ATOMS else _copy(each, deepest, small=small)
            for each in copy
        ]
    )


def _is_any_big(keys: Any, parts: Any) -> bool:
    for each in parts:
        if type(each) is int and not -_BIG < each < _BIG:
            return True
    return keys is not parts and not _TEXTS.issuperset(map(type, keys))


def _kinds(value: Any) -> Any:
    """Return the types in a list, tuple or dict, keys first; of all else its own."""
    kind = type(value)
    if kind is dict:
        return [*map(type, value), *map(type, value.values())]
    if kind is list or kind is tuple:
        return list(map(type, value))
    return kind


def _plain(held: Any) -> Any:
    """Return what was copied, as what it was."""
    kind = type(held)
    if kind is _Exact:
        return held.plain
    if kind is dict:
        return {key: _plain(each) for key, each in held.items()}
    if kind is list or kind is tuple:
        return kind(map(_plain, held))
    return held
