"""What a matrix may be given: mistakes are refused before anything runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

_WRITE = {"inputs": "[{…}]", "updates": "[{…}]"}
_NO_LIST = (str, bytes, Mapping)


def refuse_single(**options: Any) -> None:
    """Refuse one thing where a list of them belongs.

    A dict or a string can be iterated: each key or letter would be taken for one.

    Args:
        **options: The options by name; None is left out.

    Raises:
        ConfigError: One of them is no list.
    """
    for name, given in options.items():
        if given is None:
            continue
        if isinstance(given, _NO_LIST) or not hasattr(given, "__iter__"):
            example = _WRITE.get(name, '["…"]')
            raise ConfigError(f"{name} is a list: write {name}={example}")


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that are not known.

    Args:
        what: The option.
        given: The names that it holds.
        known: Those there are.

    Raises:
        ConfigError: A name is unknown.
    """
    if unknown := [name for name in given if name not in known]:
        raise ConfigError(f"unknown {what} {unknown}: choose among {[*known]}")


def refuse_running_loop() -> None:
    """Refuse to start an event loop inside another.

    Raises:
        ConfigError: An event loop runs here.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise ConfigError(
        "an event loop runs here: await LeakMatrix(…).arun() or aassert_no_leaks(…) "
        "for the async ways; run() takes the sync ones if ways= names no other"
    )
