"""What messages were written as, for as long as they hold what they held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_tyrum.redaction.snapshots import Snapshots, made_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Bytes that are kept; of a longer history none, so that it is not kept in vain.
_MOST = 1 << 24


class Fresh(NamedTuple):
    """A message that was written just now, and what it held before and after."""

    message: Any
    held: dict[str, Any] | None
    whole: bytes


class Written:
    """The bytes of clean messages, by the objects they are and all that they held.

    Successive checkpoints repeat their messages, and most of what a checkpoint costs
    is writing those. One that was edited in place is another one. No lock: at worst
    two threads write one message twice.
    """

    def __init__(self) -> None:
        self._messages = Snapshots()
        self._bytes: dict[int, bytes] = {}
        self._size = 0

    def __repr__(self) -> str:
        return f"Written({len(self._bytes)} messages)"

    def of(self, items: list[Any]) -> list[bytes | None]:
        """Return the bytes of each; None for what is new or not what it was."""
        fresh = self._messages.fresh(items)
        if len(fresh) == len(items):
            return [None] * len(items)
        found: list[bytes | None] = list(map(self._bytes.get, map(id, items)))
        for at in fresh:
            found[at] = None
        return found

    def add(self, fresh: Iterable[Fresh]) -> None:
        """Remember messages whose bytes were found clean."""
        told = [each for each in fresh if each.held is not None]
        size = sum(len(each.whole) for each in told)
        if self._size + size > _MOST:
            self._messages, self._bytes, self._size = Snapshots(), {}, 0
        if size > _MOST:
            return
        for message, held, whole in told:
            self._bytes[id(message)] = whole
            self._messages.note(message, held)
        self._size += size


def written_now(message: Any, encode: Callable[[Any], bytes]) -> Fresh:
    """Write a message; what it held is told if nobody edited it meanwhile."""
    held = made_of(message)
    whole = encode(message)
    same = held is not None and held == vars(message)
    return Fresh(message, held if same else None, whole)
