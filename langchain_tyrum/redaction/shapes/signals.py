"""Signals: which expressions match a text at all, asked in one pass."""

from __future__ import annotations

import functools
import importlib
import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.engines import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence


class Signals:
    """Expressions compiled together; tells only which of them match somewhere."""

    def __init__(self, expressions: Sequence[bytes]) -> None:
        self._expressions = tuple(expressions)

    @functools.cached_property
    def _database(self) -> Any:
        try:
            hyper = importlib.import_module("langchain_tyrum.redaction.engines.hyper")
        except ImportError:
            return None
        once = hyper.hyperscan.HS_FLAG_SINGLEMATCH | hyper.hyperscan.HS_FLAG_DOTALL
        flags = [once] * len(self._expressions)
        return hyper.Database(self._expressions, flags=flags)

    @functools.cached_property
    def _slow(self) -> tuple[re.Pattern[bytes], ...]:
        return tuple(re.compile(each, re.DOTALL) for each in self._expressions)

    def fired(self, data: bytes) -> list[int]:
        """Return the indexes of the expressions that match somewhere.

        Raises:
            EngineError: The search failed.
        """
        if not self._expressions:
            return []
        if self._database is None:
            return [i for i, each in enumerate(self._slow) if each.search(data)]
        if len(data) >= 1 << 31:
            raise EngineError("the text is too long for one search")
        return [index for index, _ in self._database.scan(data)]
