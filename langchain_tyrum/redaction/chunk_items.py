"""Items that chunks append to a list: each comes whole, and yet they may spell a text.

The tokens whose probabilities a provider tells are such: one by one they say what the
message says. So an item waits until it is certain that none of its strings goes on
with the next item's to a value.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.chunk_pieces import Pieces
from langchain_tyrum.redaction.chunk_words import PUBLIC
from langchain_tyrum.redaction.markers import NAMELESS

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterator

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.chunk_words import Words

#: The place of an item that nothing joins to others.
APART = "#"
#: Where a string stands in an item.
_Keys = tuple["Hashable", ...]


class Items:
    """The items of one list, in order.

    Args:
        redactor: What to redact with.
        words: What is known of words.
        but: Keys of text that is held back by itself.
    """

    def __init__(
        self, redactor: Redactor, words: Words, but: Container[Hashable]
    ) -> None:
        self._redactor = redactor
        self._words = words
        self._but = but
        self._texts: dict[_Keys, Pieces] = {}
        self._queue: deque[tuple[Any, list[tuple[Pieces, int]]]] = deque()

    def feed(self, item: Any) -> Iterator[tuple[Any, bool]]:
        """Take an item; yield those that may be shown, or must be withheld, now."""
        needs = []
        for keys, text in _strings(item, (), self._but):
            pieces = self._texts.setdefault(keys, Pieces(self._redactor))
            if pieces.sure < pieces.fed or not self._words.is_sure(text):
                pieces.feed(text)
                needs.append((pieces, pieces.fed))
        self._queue.append((item, needs))
        yield from self._ready()

    def close(self) -> Iterator[tuple[Any, bool]]:
        """Yield the items that are left. Those that come late go on with their text."""
        for pieces in self._texts.values():
            pieces.close()
        yield from self._ready()
        self._texts = {keys: pieces.again() for keys, pieces in self._texts.items()}

    def _ready(self) -> Iterator[tuple[Any, bool]]:
        while self._queue:
            item, needs = self._queue[0]
            sure = all(number <= pieces.sure for pieces, number in needs)
            odd = any(pieces.odd and number > pieces.sure for pieces, number in needs)
            if not sure and not odd:
                return
            self._queue.popleft()
            yield item, sure


def place(item: Any) -> Hashable:
    """Return what an item of a list is known by in the next chunk."""
    index = item.get("index") if isinstance(item, dict) else None
    return index if isinstance(index, int | str) else APART


def withheld(item: Any) -> Any:
    """Return an item without what its strings say."""
    if isinstance(item, str):
        return item if item in PUBLIC else NAMELESS
    if isinstance(item, dict):
        return {key: withheld(each) for key, each in item.items()}
    if isinstance(item, list):
        return without_codes([withheld(each) for each in item])
    return item


def without_codes(item: Any) -> Any:
    """Return an item without lists of numbers, which may be the codes of letters."""
    if isinstance(item, dict):
        return {key: without_codes(each) for key, each in item.items()}
    if isinstance(item, list):
        return [without_codes(each) for each in item if type(each) is not int]
    return item


def _strings(
    item: Any, keys: _Keys, but: Container[Hashable]
) -> Iterator[tuple[_Keys, str]]:
    if isinstance(item, str):
        yield keys, item
    elif isinstance(item, dict):
        for key, each in item.items():
            if key not in but:
                yield from _strings(each, (*keys, key), but)
    elif isinstance(item, list):
        for at, each in enumerate(item):
            yield from _strings(each, (*keys, at), but)
