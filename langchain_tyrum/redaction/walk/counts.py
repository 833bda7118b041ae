"""Counts of tokens, which LangChain adds up: no marker may stand in place of one."""

from __future__ import annotations

from typing import Any

_USAGE = frozenset({"input_tokens", "output_tokens", "total_tokens"})
_MOST_TOKENS = 10**7
_DEEPEST = 2


def counted(obj: Any) -> str:
    """Return the names of what is counted, if a dict is counts of tokens only.

    A value of as few digits is such a number by accident.

    Args:
        obj: What is walked as a mapping.

    Returns:
        The names, one on a line; empty when anything else is in it.
    """
    if type(obj) is not dict or not obj.keys() >= _USAGE:
        return ""
    return _names(obj, _DEEPEST)


def _names(counts: dict[Any, Any], depth: int) -> str:
    names = []
    for key, each in counts.items():
        inner = _names(each, depth - 1) if type(each) is dict and depth > 1 else ""
        count = type(each) is int and -_MOST_TOKENS < each < _MOST_TOKENS
        if type(key) is not str or not (inner or count):
            return ""
        names += [key, inner]
    return "\n".join(names)
