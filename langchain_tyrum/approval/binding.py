"""From a tool call to the tool that it names, and to the secrets it would lease."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool
from langgraph.prebuilt import ToolNode
from pydantic import ValidationError

from langchain_tyrum.approval.calls import SecretBound
from langchain_tyrum.approval.refusals import REFUSALS, told
from langchain_tyrum.errors import ApprovalRefused, ConfigError

if TYPE_CHECKING:
    from langchain_core.messages import ToolCall

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.broker import CallIdentity, SecretBroker

Tools = Sequence["BaseTool | Callable[..., Any]"]
#: The tools that a name may mean; None when there is no such tool.
Find = Callable[[str], Sequence[object] | None]

_enrolled: weakref.WeakKeyDictionary[SecretBroker, list[weakref.ref[SecretBound]]] = (
    weakref.WeakKeyDictionary()
)


def enroll(tool: SecretBound) -> None:
    """Make a tool known to the approval middleware of agents that share its broker.

    A middleware is not told which tools its agent has, least of all when a run is
    resumed in another process. Tools call this when they are made.

    Args:
        tool: The tool; it is not kept alive.
    """
    living = [one for one in _enrolled.get(tool.broker, ()) if one() is not None]
    _enrolled[tool.broker] = [*living, weakref.ref(tool)]


def find_among(tools: ToolNode | Tools) -> Find:
    """Find tools in a list or a `ToolNode`.

    Raises:
        ConfigError: It is neither, or holds what is no tool, or a tool whose id is
            that of another one.
    """
    if isinstance(tools, ToolNode):
        known: dict[str, object] = dict(tools.tools_by_name)
    else:
        _check(tools)
        known = {_name(tool): tool for tool in tools}
    for tool in known.values():
        if hold_id := getattr(tool, "hold_id", None):
            hold_id()
    return lambda name: [known[name]] if name in known else None


def _check(tools: object) -> None:
    if isinstance(tools, str | bytes | Mapping) or not isinstance(tools, Iterable):
        raise ConfigError(
            f"the tools are a list of tools or a ToolNode, not a {_kind(tools)}: write "
            "approval_node(broker, [tool, …]) or approval_node(broker, ToolNode(…))"
        )
    for place, tool in enumerate(tools):
        if isinstance(tool, type) or not (
            isinstance(tool, BaseTool | SecretBound) or callable(tool)
        ):
            raise ConfigError(
                f"tools[{place}] is no tool but a {_kind(tool)}: give the tool itself, "
                "not its name"
            )


def _kind(thing: object) -> str:
    return "class" if isinstance(thing, type) else type(thing).__name__


def find_enrolled(broker: SecretBroker) -> Find:
    """Find tools among those that were made with a broker.

    Names may be taken by tools that lease nothing, so no name is unknown here.
    """

    def find(name: str) -> list[object]:
        living = [one() for one in _enrolled.get(broker, ())]
        return [tool for tool in living if tool is not None and tool.name == name]

    return find


class Binder:
    """Binds calls to their tools; remembers which ones cannot be made.

    Args:
        find: Finds tools by name.
        call: Whose calls they are.
    """

    def __init__(self, find: Find, call: CallIdentity) -> None:
        self._find = find
        self._call = call
        self.failed: dict[str, str] = {}

    def bind(self, call: ToolCall) -> BoundCall | None:
        """Bind a model's call; None when it needs no decision here."""
        try:
            bound = self._bind(call, self._find(call["name"]) or ())
        except ValidationError:
            return None  # the tool says the same to the model, and leases nothing
        except REFUSALS as error:
            self.failed[call["id"] or ""] = told(error)
            return None
        return bound

    def rebind(self, call: ToolCall) -> BoundCall | None:
        """Bind a person's call; None when the tool wants no secret.

        Raises:
            TyrumError: There is no such tool, or it refuses the call.
            ValidationError: The arguments do not fit.
        """
        tools = self._find(call["name"])
        if tools is None:
            raise ApprovalRefused(f"there is no tool {call['name']!r} here")
        return self._bind(call, tools)

    def _bind(self, call: ToolCall, tools: Sequence[object]) -> BoundCall | None:
        wanting = [tool for tool in tools if isinstance(tool, SecretBound)]
        if not wanting:
            return None
        if not call["id"]:
            raise ApprovalRefused(
                f"the call of {call['name']!r} has no id, so no approval can be bound "
                "to it: use a chat model that gives tool calls ids"
            )
        identity = replace(self._call, tool_call_id=call["id"])
        first, *others = [tool.bind_call(call, identity) for tool in wanting]
        # Two tools under one name: the one that runs has to ask for itself.
        return first if all(other == first for other in others) else None


def _name(tool: BaseTool | Callable[..., Any]) -> str:
    return str(getattr(tool, "name", None) or getattr(tool, "__name__", ""))
