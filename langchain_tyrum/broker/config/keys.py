"""Keys: where something stands in a settings file, as a path from the top."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Names of tables and keys, and places in lists: `("secrets", "github/token", "ref")`.
Key = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def has(tree: object, key: Key) -> bool:
    """Whether something stands there."""
    for part in key:
        if isinstance(tree, dict):
            if part not in tree:
                return False
            tree = tree[part]
        elif isinstance(tree, list) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
        else:
            return False
    return True


def at(tree: Any, key: Key) -> Any:
    """What stands there; None when nothing does."""
    if not has(tree, key):
        return None
    for part in key:
        tree = tree[part]
    return tree


def table(tree: object, *key: str | int) -> dict[str, Any]:
    """The table that stands there; an empty one where there is none."""
    found = at(tree, key)
    return found if isinstance(found, dict) else {}


def leaves(tree: object, key: Key = ()) -> Iterator[tuple[Key, Any]]:
    """Everything that is no table and no list, with its key."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from leaves(value, (*key, name))
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from leaves(value, (*key, place))
    else:
        yield key, tree


def shown(key: Key) -> str:
    """Write a key as the file would; a credential in it becomes a marker."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        name = shown_name(part)
        quoted = name if _BARE.fullmatch(name) else f'"{name}"'
        text += f".{quoted}" if text else quoted
    return text or "(top)"


def shown_name(name: str) -> str:
    """Write a name so that it shows no credential and cannot steer a terminal."""
    clean = Redactor().redact_text(name)
    return "".join(x if x.isprintable() else ascii(x)[1:-1] for x in clean)
