"""Putting guards on the parts of a graph: nodes, channels, saver, store, cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.pregel import Pregel

from langchain_tyrum.handles import Principal
from langchain_tyrum.membrane.compat import with_node
from langchain_tyrum.membrane.config import guard_static
from langchain_tyrum.membrane.node import GuardNode
from langchain_tyrum.redaction.structure import pass_structure
from langchain_tyrum.state import (
    bind_channels,
    guard_cache,
    guard_checkpointer,
    guard_store,
)

if TYPE_CHECKING:
    from langgraph.pregel._read import PregelNode

    from langchain_tyrum.membrane.membrane import Membrane
    from langchain_tyrum.redaction import Redactor


def arm(graph: Pregel[Any, Any, Any, Any], membrane: Membrane) -> None:
    """Guard what a graph runs and stores into; what is guarded already stays.

    Args:
        graph: The twin; the graph it was made from shares no part that is changed.
        membrane: Whose guard it is.

    Raises:
        RawSecretFound: A node or channel is named by a raw value.
    """
    redactor = membrane.redactor
    refuse_names(graph, redactor)
    graph.nodes = {
        name: _guard_node(name, node, membrane) for name, node in graph.nodes.items()
    }
    graph.channels = dict(bind_channels(graph.channels, redactor))
    if isinstance(graph.checkpointer, BaseCheckpointSaver):
        graph.checkpointer = guard_checkpointer(graph.checkpointer, redactor)
    if graph.store is not None:
        graph.store = guard_store(graph.store, redactor)
    if graph.cache is not None:
        graph.cache = guard_cache(graph.cache, redactor)
    if any(isinstance(channel, DeltaChannel) for channel in graph.channels.values()):
        graph.__dict__["_tyrum_suspect"] = True  # its rows are read past the state
    if graph.config:
        graph.config = guard_static(graph.config, membrane.enter(graph.config))


def refuse_names(graph: Pregel[Any, Any, Any, Any], redactor: Redactor) -> None:
    """Refuse raw values in names: they stand in every row and key every lookup.

    Only a service's own counts. What a user stored equal to a name is no secret: it
    stands in code, and passes as structure from here on.

    Raises:
        RawSecretFound: A node or channel is named by a raw value.
    """
    services = redactor.view(Principal())
    services.refuse([*graph.nodes], where="the node names")
    services.refuse([*graph.channels], where="the channel names")
    pass_structure(redactor, (*graph.nodes, *graph.channels))


def _guard_node(name: str, node: PregelNode, membrane: Membrane) -> PregelNode:
    if isinstance(node.__dict__.get("node"), GuardNode):
        return node
    redactor = membrane.redactor
    changes: dict[str, Any] = {
        "subgraphs": [_twin(graph, membrane) for graph in node.subgraphs],
        "bound": _twin(node.bound, membrane),
    }
    if node.metadata:
        changes["metadata"] = redactor.redact(node.metadata)
    if node.tags:
        changes["tags"] = redactor.redact(list(node.tags))
    return with_node(
        node, lambda inner: GuardNode(inner, name=name, enter=membrane.of), **changes
    )


def _twin(graph: Any, membrane: Membrane) -> Any:
    return membrane.twin(graph) if isinstance(graph, Pregel) else graph
