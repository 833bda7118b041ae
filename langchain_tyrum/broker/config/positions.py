"""On which line a key stands, though `tomllib` tells no positions.

Growing prefixes of the text are parsed: the statement after which a key is there for
the first time is the one that brought it. Only errors ask, so it need not be fast.
"""

from __future__ import annotations

import tomllib
from typing import Any

from langchain_tyrum.broker.config.keys import Key, has


class Positions:
    """The lines of one text that parses as a whole.

    Args:
        text: The settings file.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._parsed: dict[int, Any] = {0: {}}

    def line(self, key: Key) -> int:
        """The first line of the statement that brings a key, counted from 1.

        Of a key that is not there, the table that it is missing from.
        """
        while key and not has(self._prefix(len(self._lines)), key):
            key = key[:-1]
        if not key:
            return 1
        low, high = 1, len(self._lines)
        while low < high:
            middle = (low + high) // 2
            end = self._next_whole(middle)
            if has(self._prefix(end), key):
                high = middle
            else:
                low = end + 1
        return self._last_whole(self._next_whole(low) - 1) + 1

    def _next_whole(self, count: int) -> int:
        while self._prefix(count) is None:
            count += 1
        return count

    def _last_whole(self, count: int) -> int:
        while self._prefix(count) is None:
            count -= 1
        return count

    def _prefix(self, count: int) -> Any:
        """The first lines, parsed; None where they end inside a statement."""
        if count not in self._parsed:
            try:
                found = tomllib.loads("\n".join(self._lines[:count]))
            except ValueError:
                found = None
            self._parsed[count] = found
        return self._parsed[count]
