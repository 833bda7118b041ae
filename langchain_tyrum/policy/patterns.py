"""Patterns over scopes: whole-string, case-sensitive, two wildcards."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """Read a pattern once; rules keep theirs, so that a long policy stays quick."""
    first, *rest = (re.escape(p).replace(r"\?", ".") for p in pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    # Atomic groups: the leftmost place for a middle part is always good enough, so
    # a hostile scope cannot make many stars backtrack.
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern covers a whole text, case-sensitively.

    `*` is any run of characters, `:` and `/` included, `?` is exactly one; everything
    else stands for itself, brackets and backslashes too.
    """
    return compiled(pattern).fullmatch(text) is not None


def any_matches(patterns: tuple[re.Pattern[str], ...], texts: tuple[str, ...]) -> bool:
    """Tell whether some pattern covers some text; no patterns narrow nothing."""
    return not patterns or any(
        pattern.fullmatch(text) for pattern in patterns for text in texts
    )
