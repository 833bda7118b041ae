"""Blocks of text: what is cut across them is whole again where they are read.

So are the tokens of an answer whose probabilities its provider told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.markers import MARKER, NAMELESS
from langchain_tyrum.redaction.walk.machine import Step, Steps

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The field whose strings, beside blocks, are text of one message.
CONTENT = "content"


def joined_text(items: Sequence[Any], field: str) -> str:
    """Return the text that several content blocks make; empty when they make none.

    Args:
        items: The items of a list.
        field: The name that the list has where it stands.
    """
    if len(items) < 2:
        return ""
    if _are_tokens(items):
        return _said(items)
    at = texts_at(items, field)
    return "".join(text_of(items[index]) for index in at) if len(at) > 1 else ""


def walk_blocks(items: list[Any], field: str) -> Steps:
    """Look at the joined text of content blocks.

    Args:
        items: The items of a list, redacted one by one.
        field: The name that the list has where it stands.

    Returns:
        The same items; when a value is cut across blocks of text, all of their text
        is in the first one, redacted. Of tokens nothing is left then.
    """
    if _are_tokens(items):
        said = _said(items)
        if (yield Step(said)) == said and not MARKER.search(said):
            return items
        return [_silent(item) for item in items]
    joined = joined_text(items, field)
    if not joined:
        return items
    clean = yield Step(joined)
    if clean == joined:
        return items
    first, *rest = texts_at(items, field)
    block = items[first]
    one = clean if type(block) is str else {**block, "text": clean}
    dropped = set(rest)
    return [
        one if index == first else item
        for index, item in enumerate(items)
        if index not in dropped
    ]


def texts_at(items: Sequence[Any], field: str) -> list[int]:
    """Return the indexes of the items that are text of one message."""
    strings = field == CONTENT
    return [
        index
        for index, item in enumerate(items)
        if (
            item.get("type") == "text" and type(item.get("text")) is str
            if type(item) is dict
            else strings and type(item) is str
        )
    ]


def text_of(item: Any) -> str:
    """Return the text of such an item."""
    return item if type(item) is str else item["text"]


def _are_tokens(items: Sequence[Any]) -> bool:
    """Tell whether items are tokens, from the first of them."""
    first = items[0] if items else None
    return (
        type(first) is dict and "logprob" in first and type(first.get("token")) is str
    )


def _said(tokens: Sequence[Any]) -> str:
    return "".join(
        str(each.get("token") or "") for each in tokens if type(each) is dict
    )


def _silent(item: Any) -> Any:
    """Return a token without what it says, and without the codes of its letters."""
    if type(item) is dict:
        return {key: _silent(each) for key, each in item.items()}
    if type(item) is list:
        return [_silent(each) for each in item if type(each) is not int]
    return NAMELESS if type(item) is str else item
