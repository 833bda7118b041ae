"""Whether what was planted in an input got into the graph, and if not, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.types import Command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_REACHED = ("state", "history", "result", "exception")


def reached(
    sinks: Mapping[str, bytes],
    told_to_nodes: Iterable[bytes],
    *,
    steps: Sequence[Any],
    own: Iterable[str] = (),
) -> bytes:
    """What shows that an input was taken, not merely handed over.

    Traces, handlers and events are told of the input of a run before the graph looks
    at it, and a checkpoint keeps it as it came: what stands there proves nothing.

    Args:
        sinks: The bytes of each surface.
        told_to_nodes: What handlers heard of the runs inside the run.
        steps: The inputs. The answer to an interrupt need not go into the state: it
            is taken once it is stored.
        own: Names of the user's surfaces.

    Returns:
        The bytes of state, result, streams, errors and node inputs.
    """
    names = {*_REACHED, *own}
    if any(isinstance(step, Command) for step in steps):
        names.add("checkpointer")
    taken = [
        data
        for name, data in sinks.items()
        if name in names or name.startswith("stream: ")
    ]
    return b"\n".join([*taken, *told_to_nodes])


def unknown_channels(graph: Any, steps: Iterable[Any]) -> tuple[list[str], list[str]]:
    """The keys of dict inputs that a graph drops.

    Args:
        graph: The compiled graph.
        steps: Its inputs.

    Returns:
        These keys, and the channels that the graph takes; both are empty where it
        cannot be told.
    """
    known = _channels(graph)
    keys = {str(key): 0 for step in steps if isinstance(step, dict) for key in step}
    return ([key for key in keys if key not in known], known) if known else ([], [])


def _channels(graph: Any) -> list[str]:
    builder = getattr(graph, "builder", None)
    schemas = getattr(builder, "schemas", None) or {}
    schema = getattr(builder, "input_schema", None)
    if schema in schemas:
        names = [str(name) for name in schemas[schema]]
    else:
        given = getattr(graph, "input_channels", None)
        names = [] if given is None or isinstance(given, str) else [*map(str, given)]
    return [] if "__root__" in names else names
