"""Engines: who finds many fixed patterns in one pass, behind one interface."""

from __future__ import annotations

import importlib
import importlib.util
import logging
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.engines.base import MAX_HITS, Engine, EngineError
from langchain_tyrum.redaction.engines.plain import OnlyWith, PlainEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MAX_HITS", "Engine", "EngineError", "build_engines"]

_FEW = 3
_SOME = 64
#: Each engine is one more pass; but compiling takes twenty times the memory of what
#: is compiled, and more at once takes more than half of it twice.
_MOST = 7 << 14
_AHO = "aho:AhoEngine"
_HYPER = "hyper:HyperEngine"
_log = logging.getLogger(__name__)


def build_engines(
    patterns: Sequence[bytes],
) -> list[tuple[Engine, tuple[int, ...]]]:
    """Compile patterns into as many engines as it takes, usually one.

    Args:
        patterns: What to look for; none of them empty.

    Returns:
        Engines, each with the indexes in `patterns` of what it looks for.
    """
    plain = [i for i, pattern in enumerate(patterns) if b"\0" not in pattern]
    awkward = [i for i, pattern in enumerate(patterns) if b"\0" in pattern]
    groups = []
    shares = -(-len(plain) // _MOST)
    parts = [(plain[at::shares], _ladder(len(plain))) for at in range(shares)]
    for indexes, ladder in (*parts, (awkward, _ladder(min(len(awkward), _SOME)))):
        if indexes:
            chosen = [patterns[index] for index in indexes]
            engine = _first_that_builds(chosen, ladder)
            if indexes is awkward:
                engine = OnlyWith(0, engine)
            groups.append((engine, tuple(indexes)))
    return groups


def _ladder(count: int) -> tuple[str, ...]:
    if count <= _FEW:
        return ()
    if count <= _SOME:
        return (_AHO,)
    return (_HYPER, _AHO)


def _first_that_builds(patterns: Sequence[bytes], ladder: tuple[str, ...]) -> Engine:
    for rung in ladder:
        build = _load(rung)
        if build is None:
            continue
        try:
            return build(patterns)
        except Exception as error:
            _log.warning("engine %s cannot be built: %s", rung, type(error).__name__)
    if len(patterns) > _SOME:
        _log.warning(
            "redaction falls back to a slow search: install hyperscan or ahocorasick_rs"
        )
    return PlainEngine(patterns)


def _load(rung: str) -> Callable[[Sequence[bytes]], Engine] | None:
    module, name = rung.split(":")
    try:
        loaded = importlib.import_module(f"{__name__}.{module}")
    except ImportError:
        return None
    engine: Callable[[Sequence[bytes]], Engine] = getattr(loaded, name)
    return engine
