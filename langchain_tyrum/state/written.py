"""What messages were written as, for as long as they hold what they held."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.messages import BaseMessage

from langchain_tyrum.redaction.made import made_of
from langchain_tyrum.redaction.snapshots import Snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.redaction.made import Made
    from langchain_tyrum.state.compat import Encoder
    from langchain_tyrum.state.view import RunView

#: Bytes that are kept; of a longer history none, so that it is not kept in vain.
_MOST = 1 << 24
#: The head of a list of one.
_ONE = b"\x91"
_whole = itemgetter(2)


class Fresh(NamedTuple):
    """A message that was written just now, and what it held before and after.

    Its bytes were made of `data`, which is nobody else's. When that is what the run
    looked at, and nobody's value was in it, the bytes are clean.
    """

    message: Any
    held: Made | None
    whole: bytes
    data: Any
    clean: bool = False


class Written:
    """The bytes of clean messages, by the objects they are and all that they held.

    Successive checkpoints repeat their messages, and most of what a checkpoint costs
    is writing those. One that was edited in place is another one. No lock: at worst
    two threads write one message twice.

    Args:
        view: Knows what messages of this run were made of.
        trusted: What was clean for it needs no look when it is written.
    """

    def __init__(self, view: RunView | None = None, *, trusted: bool = False) -> None:
        self._view = view
        self._trusted = trusted
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

    def now(self, message: Any, encoder: Encoder) -> Fresh:
        """Write a message, which is new or not what it was."""
        view = self._view
        if view is None or (made := view.made(message)) is None:
            return written_now(message, encoder)
        whole, data = encoder.message(message)
        if data is None:
            return written_now(message, encoder)
        if data.get("id") != made.fields.get("id"):  # LangGraph names what has no name
            made = view.named(made, data.get("id"))
        if not made.is_in(data):
            return written_now(message, encoder)
        clean = self._trusted and view.is_everyones(made)
        return Fresh(message, made, whole, data, clean)

    def alone(self, obj: Any, encoder: Encoder) -> bytes | None:
        """Return the bytes of a node's one message when the run found it clean.

        That is what is written between two checkpoints, mostly.
        """
        if not self._trusted or type(obj) is not list or len(obj) != 1:
            return None
        message = obj[0]
        if not isinstance(message, BaseMessage):
            return None
        fresh = self.now(message, encoder)
        if not fresh.clean:
            return None
        self.add([fresh])
        return _ONE + fresh.whole

    def add(self, fresh: Sequence[Fresh]) -> None:
        """Remember messages whose bytes were found clean."""
        size = sum(map(len, map(_whole, fresh)))
        if self._size + size > _MOST:
            self._messages, self._bytes, self._size = Snapshots(), {}, 0
        if size > _MOST:
            return
        for message, held, whole, _, _ in fresh:
            if held is not None:
                self._bytes[id(message)] = whole
                self._messages.note(message, held)
        self._size += size


def written_now(message: Any, encoder: Encoder) -> Fresh:
    """Write a message; what it held is told if nobody edited it meanwhile."""
    held = made_of(message)
    whole, data = encoder.message(message)
    same = held is not None and held.is_of(message)
    return Fresh(message, held if same else None, whole, data)
