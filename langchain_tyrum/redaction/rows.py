"""Histories that were clean, each compared as one."""

from __future__ import annotations

from collections import deque
from itertools import repeat
from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from langchain_tyrum.redaction.made import (
    are_packed,
    extra_of,
    fields_of,
    made_fields,
    made_others,
    made_packed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_tyrum.redaction.made import Made, Others


#: Of more rows none is kept; a run shows its history in few ways.
MOST = 8


class Row(NamedTuple):
    """Messages beside each other, and all that they held when they were clean.

    A history comes again at each step, longer by what is new. Looking each message up
    by itself costs as much as comparing it, so they are kept in the order they had.

    Attributes:
        items: The messages.
        fields: The fields of each, with copies of the containers among them.
        others: Gets those fields of each that are no texts, where there are any.
        packed: What those got, packed.
    """

    items: list[Any]
    fields: list[dict[str, Any]]
    others: list[Others | None]
    packed: bytes

    def plus(self, items: Sequence[Any], made: Sequence[Made]) -> Self:
        """Return a longer row, by messages that hold this."""
        return type(self)(
            [*self.items, *items],
            [*self.fields, *map(made_fields, made)],
            [*self.others, *map(made_others, made)],
            b"".join([self.packed, *map(made_packed, made)]),
        )

    def leads(self, items: Sequence[Any]) -> int:
        """Return how many messages of a history are these, and hold what they held.

        All or none: where one is another, or was edited, each is to be looked up.
        """
        own = self.items
        start = items[: len(own)]
        try:
            if not all(map(is_, start, own)):
                return 0
            now = list(map(fields_of, start))
            if now != self.fields or any(map(extra_of, start)):
                return 0
            same = not self.packed or are_packed(self.others, now, self.packed)
            return len(own) if same else 0
        except Exception:  # something that cannot be compared
            return 0


class Rows:
    """The histories that a run shows, by their first message.

    One is kept from the second time on, and no longer once a message in it was
    edited: of a window that slides along, or a list that is edited each time, a row
    would be made in vain.
    """

    def __init__(
        self, rows: dict[int, Row] | None = None, begun: Iterable[int] = ()
    ) -> None:
        self._rows = rows or {}
        self._begun = deque(begun, maxlen=MOST)

    def __len__(self) -> int:
        return len(self._rows)

    def that_leads(self, items: Sequence[Any]) -> Row | None:
        """Return the row of which a history is a longer one, if it is unchanged."""
        first = id(items[0])
        row = self._rows.get(first)
        if row is None or row.leads(items):
            return row
        self._rows.pop(first, None)
        return None

    def add(self, row: Row | None, items: Sequence[Any], made: Sequence[Made]) -> None:
        """Make a row longer, or begin one, by messages that hold this now."""
        if row is None:
            if (first := id(items[0])) not in self._begun:
                self._begun.append(first)
                return
            row = _EMPTY
        longer = row.plus(items, made)
        if row is _EMPTY and len(self._rows) >= MOST:
            self._rows.clear()
        self._rows[id(longer.items[0])] = longer

    def without(self, item: Any) -> Rows:
        """Return those that do not hold a message.

        They are others: who compares just now does not add to these.
        """
        rows = {
            at: row
            for at, row in self._rows.copy().items()
            if not any(map(is_, row.items, repeat(item)))
        }
        return Rows(rows, self._begun.copy())


_EMPTY = Row([], [], [], b"")
