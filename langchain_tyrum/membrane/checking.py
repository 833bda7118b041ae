"""What `protect` is given: a compiled graph, this broker's tools, known secrets."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from langgraph.graph import StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.tools import SecretTool
from langchain_tyrum.tools.bindings import unusable_bindings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")
R = TypeVar("R")

_SHAPE = "protect takes a compiled graph, then the broker: protect(graph, broker)"


def check_given(graph: object, broker: object) -> None:
    """Refuse what is no compiled graph with its broker.

    Raises:
        ConfigError: The graph is not compiled, or something else stands in the place
            of graph or broker.
    """
    if isinstance(graph, SecretBroker) and not isinstance(broker, SecretBroker):
        raise ConfigError(f"graph and broker are swapped: {_SHAPE}")
    if isinstance(graph, StateGraph):
        raise ConfigError(
            "this graph is not compiled yet: call .compile() first, then protect what "
            "it returns: protect(builder.compile(), broker)"
        )
    if not isinstance(graph, Pregel):
        raise ConfigError(
            f"a {type(graph).__name__} is no compiled graph. {_SHAPE}. For a single "
            "tool there is secret_tool, for a model guard_model"
        )
    if not isinstance(broker, SecretBroker):
        raise ConfigError(f"a {type(broker).__name__} is no broker. {_SHAPE}")


def with_broker(guard: Callable[P, R]) -> Callable[P, R]:
    """Name the mend where the broker was left out, which Python alone does not."""

    @wraps(guard)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        if len(args) < 2 and "broker" not in options:
            raise ConfigError(f"the broker is missing: {_SHAPE}")
        return guard(*args, **options)

    return checked


def refuse_foreign_tools(
    graph: Pregel[Any, Any, Any, Any], broker: SecretBroker
) -> None:
    """Refuse tools whose values another broker leases: nobody would redact them.

    Raises:
        ConfigError: The graph has such a tool, or a middleware of another broker, or
            a tool under the id of another one.
    """
    for name, node in graph.nodes.items():
        # Hooks of a middleware are nodes: bound methods of the object that has one.
        hook = getattr(node.bound, "func", None)
        owner = getattr(getattr(hook, "__self__", None), "broker", None)
        if isinstance(owner, SecretBroker) and owner is not broker:
            raise ConfigError(
                f"node {name!r} belongs to a middleware with another broker: make "
                "tools, middleware and protect() with one broker"
            )
    for tool in secret_tools(graph):
        if tool.broker is not broker:
            raise ConfigError(
                f"tool {tool.name!r} belongs to another broker, whose values this one "
                "does not know: make tools, middleware and protect() with one broker"
            )
        tool.hold_id()


def unusable_tools(
    graph: Pregel[Any, Any, Any, Any],
) -> list[str]:
    """What keeps the secret tools of a graph from their secrets, one line each."""
    return [
        f"tool {tool.name!r}: {error}"
        for tool in secret_tools(graph)
        for error in unusable_bindings(
            tool.wiring.bindings, tool.broker, tool_id=tool.tool_id
        )
    ]


def secret_tools(graph: Pregel[Any, Any, Any, Any]) -> list[SecretTool]:
    """The secret tools in the `ToolNode`s of a graph and its sub-graphs, each once."""
    found: dict[int, SecretTool] = {}
    for node in _tool_nodes(graph, set()):
        for tool in node.tools_by_name.values():
            if isinstance(tool, SecretTool):
                found[id(tool)] = tool
    return list(found.values())


def _tool_nodes(
    graph: Pregel[Any, Any, Any, Any], seen: set[int]
) -> Iterator[ToolNode]:
    if id(graph) in seen:
        return
    seen.add(id(graph))
    for node in graph.nodes.values():
        steps = getattr(node.bound, "steps", (node.bound,))
        yield from (step for step in steps if isinstance(step, ToolNode))
        for inner in (*steps, *node.subgraphs):
            if isinstance(inner, Pregel):
                yield from _tool_nodes(inner, seen)
