"""Neighbors: what is found only once a marker stands before it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from langchain_tyrum.redaction.findings import Span, merge
from langchain_tyrum.redaction.known import find_known
from langchain_tyrum.redaction.markers import NAMELESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.known import Sight
    from langchain_tyrum.redaction.registry import Registry

_WINDOW = 1 << 14
_BESIDE = 64
_MARK = NAMELESS.encode()
_JOINING = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
)


def with_neighbors(
    data: bytes, spans: list[Span], beside: Callable[[bytes, int], list[Span]]
) -> list[Span]:
    """Add to spans what stands beside them, and what stands beside that.

    A token that follows a value without a gap begins nowhere, until the value is a
    marker.

    Args:
        data: The text.
        spans: What was found in it, merged and in order.
        beside: Finds what begins in a window before an offset.

    Returns:
        The spans and what was added, merged and in order.
    """
    todo, done = deque(spans), list[Span]()
    while todo:
        span = todo.popleft()
        done.append(span)
        end = span.end
        if end >= len(data) or data[end] not in _JOINING:
            continue
        shift = end - len(_MARK)
        found = [
            each._replace(start=max(each.start + shift, end), end=each.end + shift)
            for each in beside(_MARK + data[end : end + _WINDOW], len(_MARK) + _BESIDE)
            if each.end > len(_MARK)
        ]
        if not found:
            continue
        last = max(each.end for each in found)
        while todo and todo[0].start < last:
            found.append(todo.popleft())
        todo.extendleft(reversed(merge(found)))
    return done


def known_beside(
    window: bytes, before: int, registry: Registry, sight: Sight
) -> list[Span]:
    """Find the values that a marker makes whole words, and that begin soon after it.

    Other values are found wherever they stand.

    Args:
        window: A marker and what follows it.
        before: Where what begins soon after it ends.
        registry: Who registered what.
        sight: Whose values are covered.

    Raises:
        EngineError: The search failed.
    """
    if not registry.has_short:
        return []
    # one more byte, which tells whether the word goes on
    window = window[: before + registry.longest_short + 1]
    spans = find_known(window, registry, sight)
    return [span for span in spans if span.start < before]
