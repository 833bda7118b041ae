"""Signals: which expressions match a text, and where, asked in one pass."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.engines import EngineError
from langchain_tyrum.redaction.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 1 << 31


class Signals:
    """Expressions compiled together.

    Args:
        expressions: What to look for.
        once: Whether only to tell which of them match somewhere, which is faster
            for texts in which they do.
    """

    def __init__(self, expressions: Sequence[bytes], *, once: bool = True) -> None:
        self._expressions = tuple(expressions)
        self._once = once

    @lazy
    def _database(self) -> Any:
        try:
            hyper = importlib.import_module("langchain_tyrum.redaction.engines.hyper")
        except ImportError:
            return None
        flags = hyper.hyperscan.HS_FLAG_DOTALL
        if self._once:
            flags |= hyper.hyperscan.HS_FLAG_SINGLEMATCH
        return hyper.Database(self._expressions, flags=[flags] * len(self._expressions))

    @lazy
    def _slow(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(re.compile(each, re.DOTALL) for each in self._expressions)

    def fired(self, data: bytes) -> list[int]:
        """Return the indexes of the expressions that match somewhere.

        Raises:
            EngineError: The search failed.
        """
        return [index for index, _ in self.ends(data)]

    def ends(self, data: bytes) -> list[tuple[int, int]]:
        """Return (index, end) of each match of each expression.

        Without an engine, the end is that of the text and of all there is.

        Raises:
            EngineError: The search failed, or there were too many.
        """
        if not self._expressions:
            return []
        if self._database is None:
            size = len(data)
            return [(i, size) for i, each in enumerate(self._slow) if each.search(data)]
        if len(data) >= _LONGEST:
            raise EngineError("the text is too long for one search")
        ends: list[tuple[int, int]] = self._database.scan(data)
        return ends

    @property
    def tells_where(self) -> bool:
        """Whether the ends are those of matches."""
        return not self._once and self._database is not None
