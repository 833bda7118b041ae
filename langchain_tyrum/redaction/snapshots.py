"""What messages and data were made of when they were found clean."""

from __future__ import annotations

import secrets
from itertools import compress, count, repeat
from operator import itemgetter, ne
from typing import TYPE_CHECKING, Any

import xxhash

from langchain_tyrum.redaction.made import (
    NUMBERS,
    TEXTS,
    Made,
    are_packed,
    extra_of,
    fields_of,
    pack,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 4096
_SEED = secrets.randbits(64)
_made_fields, _made_numbers = itemgetter(0), itemgetter(1)
#: Unlike all that a message may hold.
_NOTHING = Made({"": object()}, None, b"")


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

    def of(self, item: Any) -> Made | None:
        """Return what a message held; None when it is not known."""
        return self._state[0].get(id(item))

    def fresh(self, items: Sequence[Any]) -> list[int]:
        """Return the indexes of those that are new, or not what they were."""
        then = self._state[0].get
        if len(items) == 1:  # an update of one node, mostly
            known = then(id(items[0]))
            return [] if known is not None and known.is_of(items[0]) else [0]
        try:
            now = list(map(fields_of, items))
            made = list(map(then, map(id, items), repeat(_NOTHING)))
            fresh = list(compress(count(), map(ne, now, map(_made_fields, made))))
            if any(map(extra_of, items)):
                fresh = sorted({*fresh, *compress(count(), map(extra_of, items))})
            if any(map(_made_numbers, made)):
                fresh = _with_other_numbers(fresh, now, made)
        except Exception:  # no messages, or something that cannot be compared
            return list(range(len(items)))
        self._longest = max(self._longest, len(items))
        return fresh

    def renamed(self, item: Any) -> Made | None:
        """Return what a known message holds if nothing but its id was set since."""
        then, name = self.of(item), fields_of(item).get("id")
        if then is None or type(name) is not str:
            return None
        made = then._replace(fields={**then.fields, "id": name})
        return made if made.is_of(item) else None

    def changes(self, item: Any, made: Made) -> dict[str, Any] | None:
        """Return the fields of a known message that were set since.

        Args:
            item: The message.
            made: What it holds now.

        Returns:
            The fields, or None when the message is not known.
        """
        then = self.of(item)
        if then is None:
            return None
        if (made.numbers, made.packed) != (then.numbers, then.packed):
            return made.fields  # equality does not tell them
        return {
            name: each
            for name, each in made.fields.items()
            if name not in then.fields or each != then.fields[name]
        }

    def note(self, item: Any, made: Made | None) -> None:
        """Remember a message that was clean when it held this."""
        if made is None:
            return
        known, kept = self._state
        if len(known) >= max(_MOST, 2 * self._longest):
            self._state, self._longest = ({}, {}), 0
            known, kept = self._state
        kept[id(item)] = item
        known[id(item)] = made


def _with_other_numbers(
    fresh: list[int], now: list[dict[str, Any]], made: list[Made]
) -> list[int]:
    """Add those whose numbers equal what they were, but are of another type."""
    for at in fresh:
        made[at] = _NOTHING
    if are_packed(made, now):
        return fresh
    pairs = enumerate(zip(made, now, strict=True))
    other = (at for at, (each, held) in pairs if not are_packed([each], [held]))
    return sorted({*fresh, *other})


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
            if type(each) is tuple and TEXTS.issuperset(map(type, (key, *each))):
                self._pairs.add((key, each))


def _token(key: Any, value: Any) -> Any:
    """Return what tells a key and its value from others."""
    if type(key) not in TEXTS:
        return print_of({key: value}) or object()
    if type(value) in TEXTS:
        return key, value
    if type(value) in NUMBERS:
        return key, type(value), value
    held = print_of(value)
    return object() if held is None else (key, held)  # an object is never known


def print_of(data: Any) -> bytes | None:
    """Return what tells plain data from other; None when it is more than data."""
    try:
        return xxhash.xxh3_128_digest(pack(data), _SEED)
    except (TypeError, ValueError):
        return None
