"""What messages and data were made of when they were found clean."""

from __future__ import annotations

import secrets
from itertools import compress, count, repeat
from operator import ne
from typing import TYPE_CHECKING, Any

import xxhash

from langchain_tyrum.redaction.made import (
    NUMBERS,
    TEXTS,
    Made,
    are_packed,
    extra_of,
    fields_of,
    made_fields,
    made_others,
    made_packed,
    pack,
)
from langchain_tyrum.redaction.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.rows import Row

_MOST = 4096
#: So many are looked up one by one.
_FEW = 4
_SEED = secrets.randbits(64)
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
        self._rows = Rows()
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
        done, row, rows = 0, None, self._rows
        if len(items) > _FEW and (row := rows.that_leads(items)) is not None:
            done = len(row.items)
        if len(items) - done > _FEW:
            return self._fresh(items, row, rows)
        then, fresh = self._state[0].get, []
        for at, item in enumerate(items[done:], done):
            known = then(id(item))
            if known is None or not known.is_of(item):
                fresh.append(at)
        return fresh

    def _fresh(self, items: Sequence[Any], row: Row | None, rows: Rows) -> list[int]:
        """Look up those beyond a row all at once."""
        done = 0 if row is None else len(row.items)
        rest = items[done:]
        then = self._state[0].get
        try:
            now = list(map(fields_of, rest))
            made = list(map(then, map(id, rest), repeat(_NOTHING)))
            fresh = list(compress(count(), map(ne, now, map(made_fields, made))))
            if any(map(extra_of, rest)):
                fresh = sorted({*fresh, *compress(count(), map(extra_of, rest))})
            if any(map(made_others, made)):
                fresh = _with_others(fresh, now, made)
        except Exception:  # no messages, or something that cannot be compared
            return list(range(len(items)))
        self._longest = max(self._longest, len(items))
        if clean := fresh[0] if fresh else len(rest):
            rows.add(row, rest[:clean], made[:clean])
        return [done + at for at in fresh]

    def renamed(self, item: Any) -> Made | None:
        """Return what a known message holds if nothing but its id was set since."""
        then, name = self.of(item), fields_of(item).get("id")
        if then is None or type(name) is not str:
            return None
        made = then.renamed(name)
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
        return {
            name: each
            for name, each in made.fields.items()
            if name not in then.fields or not _is_same(each, then.fields[name])
        }

    def note(self, item: Any, made: Made | None) -> None:
        """Remember a message that was clean when it held this."""
        if made is None:
            return
        known, kept = self._state
        if len(known) >= max(_MOST, 2 * self._longest):
            self._state, self._rows, self._longest = ({}, {}), Rows(), 0
            known, kept = self._state
        if id(item) in known:
            self._rows = self._rows.without(item)
        kept[id(item)] = item
        known[id(item)] = made


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether plain data is the same, not only equal."""
    return one == other and (type(one) in TEXTS or pack(one) == pack(other))


def _with_others(
    fresh: list[int], now: list[dict[str, Any]], made: list[Made]
) -> list[int]:
    """Add those whose data equals what it was, but is of other types."""
    for at in fresh:
        made[at] = _NOTHING
    packed = b"".join(map(made_packed, made))
    if are_packed(list(map(made_others, made)), now, packed):
        return fresh
    pairs = enumerate(zip(made, now, strict=True))
    other = (at for at, (each, held) in pairs if not each.is_in(held))
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
