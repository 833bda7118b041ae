"""One line that guards a whole graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.membrane.checking import (
    check_given,
    refuse_foreign_tools,
    unusable_tools,
    with_broker,
)
from langchain_tyrum.membrane.compat import guard_closures
from langchain_tyrum.membrane.guarded import Guarded
from langchain_tyrum.membrane.membrane import Membrane
from langchain_tyrum.membrane.runs import Mode, run_in
from langchain_tyrum.membrane.tracing import ensure_tracing

if TYPE_CHECKING:
    from langgraph.pregel import Pregel

    from langchain_tyrum.broker import SecretBroker

G = TypeVar("G", bound="Pregel[Any, Any, Any, Any]")


@with_broker
def protect(
    graph: G, broker: SecretBroker, *, mode: Mode = "redact", verify: bool = False
) -> G:
    """Guard every way in and out of a compiled graph.

    The result is a new object of a subclass of the given class: it draws, streams,
    copies and nests as the given one does, which stays as it was. What nodes,
    models, clients, checkpoints, stores, caches, traces and handlers get of a run
    holds handles and markers, no raw value. Raw values in `configurable` and
    `context` still reach nodes and tools, and are redacted where they are stored.

    Two things are beyond it. A prompt that a node builds and hands to a model by
    itself is the node's own call: put `TyrumMiddleware` into `create_agent`, or
    `guard_model` around the model. deepagents' sub-agents are such nodes: what their
    tools return is clean, the `system_prompt` of their spec goes to the model as it
    stands, so each spec gets its own `"middleware": [TyrumMiddleware(broker)]`. And
    code that computes on a value (hash, slice) yields something no redactor knows.

    What reached the guard raw is told in the ledger as `leak_found`: one row for each
    place and secret (or kind of shape) of a run, 100 at most.

    Args:
        graph: A compiled graph: `create_agent`, `StateGraph` or `@entrypoint`.
        broker: Whose secrets are kept out. All its stored values are armed now.
        mode: `redact` puts markers in place of raw values. `refuse` raises when an
            input, an update or a node result holds one. `observe` lets shapes
            pass and reports them in the ledger; registered values get their
            markers, traces, handlers and logs hide shapes as before, and what a
            user pasted is put away.
        verify: Resolve every stored secret now, and look up those that the secret
            tools of the graph name; users' own ones are looked up at the call.

    Returns:
        The guarded graph; the given one if this broker guards it already.

    Raises:
        ConfigError: This is no compiled graph, it has a secret tool of another
            broker, another broker or mode guards it already, or `verify` found
            secrets that cannot be leased (all of them are listed).
        RawSecretFound: A node or channel is named by a raw value; later, from a
            run, a raw value keys a row or `mode` is `refuse`.
    """
    check_given(graph, broker)
    if isinstance(graph, Guarded):
        _refuse_another(graph, broker, mode)
    elif mode not in get_args(Mode):
        raise ConfigError(
            f"mode={mode!r} is unknown: choose 'redact', 'refuse' or 'observe'"
        )
    refuse_foreign_tools(graph, broker)
    if verify:
        _verify(graph, broker)
    if isinstance(graph, Guarded):
        return graph
    broker.arm()
    ensure_tracing(broker)
    guard_closures(_closure_twin)
    return Membrane(broker, mode).twin(graph)


def _closure_twin(graph: Pregel[Any, Any, Any, Any]) -> Any | None:
    """The guarded twin of a graph that a node or tool calls inside a membrane."""
    if isinstance(graph, Guarded):
        return None
    run = run_in(None)
    return None if run is None else run.membrane.twin(graph)


def _refuse_another(graph: Guarded, broker: SecretBroker, mode: Mode) -> None:
    membrane = graph.membrane
    if membrane.broker is broker and membrane.mode == mode:
        return
    raise ConfigError(
        "this graph is already protected, by another broker or in mode "
        f"{membrane.mode!r}: protect the graph that it was made from instead"
    )


def _verify(graph: Pregel[Any, Any, Any, Any], broker: SecretBroker) -> None:
    problems = [*map(str, broker.verify()), *unusable_tools(graph)]
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise ConfigError(
            f"{len(problems)} of the declared secrets cannot be leased:\n{listed}"
        )
