"""What a chat model streams, on its way through one guard or several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.chunks import (
    EventStreamGuard,
    InfoStream,
    MessageStreamGuard,
    blank,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from langchain_tyrum.redaction import Redactor


class ChunkGuard:
    """Guards the generation chunks of one call."""

    def __init__(self, redactor: Redactor) -> None:
        self._messages = MessageStreamGuard(redactor)
        self._info = InfoStream(redactor)
        self._last: Any = None

    def feed(self, chunk: Any) -> list[Any]:
        """Return the chunks that may be shown in place of one."""
        self._last = chunk
        message = self._messages.feed(chunk.message, key="call")
        last = getattr(message, "chunk_position", None) == "last"
        info = self._info.feed(chunk.generation_info, last=last)
        return [type(chunk)(message=message, generation_info=info)]

    def close(self) -> list[Any]:
        """Return what was held back, where the provider sent no last chunk."""
        if self._last is None:
            return []
        kind = type(self._last)
        tails = [kind(message=tail) for tail in self._messages.flush()]
        if info := self._info.flush():
            tails = tails or [kind(message=blank(self._last.message))]
            tails[-1].generation_info = info
        return tails


class EventGuard:
    """Guards the protocol events of one call."""

    def __init__(self, redactor: Redactor) -> None:
        self.feed = EventStreamGuard(redactor).feed

    def close(self) -> list[Any]:
        """Return nothing: what was held came with the end of its block."""
        return []


class Chain:
    """Several guards, one behind the other."""

    def __init__(self, guards: list[Any]) -> None:
        self._guards = guards

    def feed(self, item: Any, start: int = 0) -> list[Any]:
        """Return what all guards, or those from one on, make of an item."""
        items = [item]
        for guard in self._guards[start:]:
            items = [clean for each in items for clean in guard.feed(each)]
        return items

    def close(self) -> Iterator[Any]:
        """Yield what each guard held back, as the guards behind it show it."""
        for at, guard in enumerate(self._guards):
            for tail in guard.close():
                yield from self.feed(tail, at + 1)


def chain(
    guards: Iterable[tuple[Redactor, Any]], guard_type: Callable[[Redactor], Any]
) -> Chain:
    """Return the guards of one call."""
    return Chain([guard_type(redactor) for redactor, _ in guards])
