"""Which tool a tool id stands for: two different ones under one id are an error.

Policies, grants and the ledger know a tool by its id alone. A permission that a person
gave to one tool would be another's too, if both had the same.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools.forms import function_of

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

_lock = threading.Lock()


@dataclass(frozen=True)
class Origin:
    """Where a tool comes from: the same again after a reload or a cell run anew.

    Attributes:
        name: What models call it.
        code: The modules and qualified names of its code.
    """

    name: str
    code: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name!r} of {self.code[0]}"


class Claim:
    """A tool's hold on its id, as long as a tool of that origin lives.

    It is its own copy, so that copies of a tool share it.

    Args:
        origin: The tool that it is for.
    """

    __slots__ = ("__weakref__", "origin")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


#: By ledger and tool id: two brokers on one store share its grants.
_claims: WeakValueDictionary[tuple[str, str], Claim] = WeakValueDictionary()


def origin_of(tool: BaseTool) -> Origin:
    """Tell where a tool comes from; of a factory's, what its tools look like."""
    code = (function_of(tool), type(tool))
    return Origin(name=tool.name, code=tuple(map(_named, code)))


def claim(ledger_id: str, tool_id: str, origin: Origin) -> Claim:
    """Take an id for a tool, which keeps what this returns as long as it lives.

    Args:
        ledger_id: Of the store whose grants count.
        tool_id: The id.
        origin: The tool.

    Raises:
        ConfigError: Another tool has it.
    """
    with _lock:
        found = _claims.setdefault((ledger_id, tool_id), Claim(origin))
    if found.origin == origin:
        return found
    raise ConfigError(
        f"the tool id {tool_id!r} is taken by {found.origin}, and {origin} is another "
        "tool: what a person permits to the one would be the other's too; give each "
        "its own tool_id="
    )


def holds(claimed: Claim | None, ledger_id: str, tool_id: str) -> bool:
    """Whether a claim is the one on that id: a tool may be given another id later."""
    return claimed is not None and _claims.get((ledger_id, tool_id)) is claimed


def _named(code: Any) -> str:
    while isinstance(code, functools.partial):
        code = code.func
    name = getattr(code, "__qualname__", None)
    kind = code if name else type(code)
    return f"{kind.__module__}.{name or kind.__qualname__}"
