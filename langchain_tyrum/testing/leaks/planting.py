"""Putting canaries into a user's own inputs and config."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

if TYPE_CHECKING:
    from collections.abc import Callable

#: Parts of a message that are structure: a router may read them.
_STRUCTURE = frozenset({"role", "type", "id", "name", "tool_call_id"})
#: Where canaries go by default.
PATHS = ("input", "metadata", "tags", "run_name", "configurable")


def planted_input(given: Any, plant: Callable[[str], str], path: str = "input") -> Any:
    """A copy of an input, with canaries at the end of each text.

    Args:
        given: What the graph takes: messages, a state, a string.
        plant: Gives the text for a path.
        path: What the canaries are called.

    Returns:
        The copy. Keys, roles, ids and names stay as they are.
    """
    if isinstance(given, str):
        return f"{given} {plant(path)}"
    if isinstance(given, BaseMessage):
        content = planted_input(given.content, plant, path)
        return given.model_copy(update={"content": content})
    if isinstance(given, dict):
        return {
            key: value
            if key in _STRUCTURE
            else planted_input(value, plant, f"{path}/{key}")
            for key, value in given.items()
        }
    if isinstance(given, tuple) and list(map(type, given)) == [str, str]:
        return (given[0], planted_input(given[1], plant, path))  # (role, text)
    if isinstance(given, list | tuple):
        return type(given)(planted_input(item, plant, path) for item in given)
    return copy.copy(given)


def planted_config(
    config: dict[str, Any], plant: Callable[[str], str], paths: tuple[str, ...]
) -> dict[str, Any]:
    """A copy of a config, with canaries where a caller may put a credential.

    Args:
        config: The caller's.
        plant: Gives the text for a path.
        paths: Which of `PATHS` to use.

    Returns:
        The copy.
    """
    planted = dict(config)
    for name in ("metadata", "configurable"):
        if name in paths:
            planted[name] = {**(config.get(name) or {}), "leak_matrix": plant(name)}
    if "tags" in paths:
        planted["tags"] = [*(config.get("tags") or ()), plant("tags")]
    if "run_name" in paths:
        planted["run_name"] = f"{config.get('run_name', 'run')} {plant('run_name')}"
    return planted
