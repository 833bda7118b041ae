"""A history that was clean, compared as one."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from langchain_tyrum.redaction.made import (
    Made,
    are_packed,
    extra_of,
    fields_of,
    made_others,
    made_packed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.made import Others


class Row(NamedTuple):
    """Messages beside each other, and all that they held when they were clean.

    A history comes again at each step, longer by what is new. Looking each message up
    by itself costs as much as comparing it, so they are kept in the order they had.

    Attributes:
        items: The messages.
        fields: The fields of each, with the very containers that they have, but for
            empty ones.
        others: Gets those fields of each that are no texts, where there are any.
        packed: What those got, packed: a container may be edited in place.
    """

    items: list[Any]
    fields: list[dict[str, Any]]
    others: list[Others | None]
    packed: bytes

    def plus(self, items: Sequence[Any], made: Sequence[Made]) -> Self:
        """Return a longer row; the same when they hold something else by now."""
        fields = list(map(_with_containers, made, map(fields_of, items)))
        if not all(map(Made.is_in, made, fields)):
            return self
        return type(self)(
            [*self.items, *items],
            [*self.fields, *fields],
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


def _with_containers(made: Made, held: dict[str, Any]) -> dict[str, Any]:
    """Put the containers of a message in place of their copies.

    The same object is told to be equal at once. An empty one would be, too, once it
    is filled.
    """
    fields = made.fields.items()
    return {name: held.get(name) if each else each for name, each in fields}
