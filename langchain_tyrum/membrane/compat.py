"""Every name of LangGraph's inside that the membrane stands on, in one place.

`tests/membrane/test_compat.py` pins them: when LangGraph moves one, that test
names it, and this module is the only one that changes.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.event_stream import _AstreamEventsCallbackHandler
from langchain_core.tracers.log_stream import LogStreamCallbackHandler
from langgraph._internal._config import ensure_config
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CACHE,
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINTER,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SEND,
    CONFIG_KEY_TASK_ID,
)
from langgraph.pregel import Pregel
from langgraph.pregel._messages import StreamMessagesHandler
from langgraph.pregel._tools import StreamToolCallHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel._read import PregelNode

#: Carries the run's guard to every node. The prefix makes LangGraph drop the key
#: wherever it stores or shows a `configurable`.
RUN_KEY = "__pregel_tyrum_run"
#: The parts of a `configurable` that key rows; a value in them can only be refused.
COORDINATES = ("thread_id", "checkpoint_ns", "checkpoint_id")
#: The methods that a graph called from inside a node must not run unguarded.
_ENTRIES = ("stream", "astream", "bulk_update_state", "abulk_update_state")
_installed: list[Callable[[Any], Any | None]] = []

__all__ = (
    "CONF",
    "CONFIG_KEY_CACHE",
    "CONFIG_KEY_CALL",
    "CONFIG_KEY_CHECKPOINTER",
    "CONFIG_KEY_RUNTIME",
    "CONFIG_KEY_SEND",
    "CONFIG_KEY_TASK_ID",
    "COORDINATES",
    "RUN_KEY",
    "ambient",
    "ambient_config",
    "configurable_of",
    "ensure_config",
    "guard_closures",
    "is_event_handler",
    "is_stream_handler",
    "with_node",
    "with_run",
    "without_run",
)


def configurable_of(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """The `configurable` of a config, empty when there is none."""
    return (config or {}).get(CONF) or {}


def with_run(config: RunnableConfig | None, run: Any) -> RunnableConfig:
    """A config that carries a run's guard."""
    configurable = {**configurable_of(config), RUN_KEY: run}
    return {**(config or {}), CONF: configurable}


def without_run(config: RunnableConfig) -> RunnableConfig:
    """A config as the caller may keep it: it carries no run's guard."""
    if RUN_KEY not in configurable_of(config):
        return config
    configurable = dict(configurable_of(config))
    del configurable[RUN_KEY]
    return {**config, CONF: configurable}


def ambient_config() -> RunnableConfig | None:
    """The config of the runnable that is running around us, if any."""
    return var_child_runnable_config.get()


@contextmanager
def ambient(config: RunnableConfig | None) -> Iterator[None]:
    """Let a config stand as the one running around us, for the block."""
    before = var_child_runnable_config.get()
    var_child_runnable_config.set(config)
    try:
        yield
    finally:
        # Not `reset`: a generator may be closed from another context.
        var_child_runnable_config.set(before)


def is_stream_handler(handler: object) -> bool:
    """Whether a handler only feeds the stream of the graph that added it."""
    return isinstance(handler, StreamMessagesHandler | StreamToolCallHandler)


def is_event_handler(handler: object) -> bool:
    """Whether a handler collects what `astream_events` or `astream_log` yields."""
    return isinstance(handler, _AstreamEventsCallbackHandler | LogStreamCallbackHandler)


def with_node(node: PregelNode, runnable: Any, **changes: Any) -> PregelNode:
    """A copy of a node that runs `runnable` (a function of what it ran before).

    `PregelNode.node` is a cached property without a setter, so the copy's cache is
    filled instead; drawing and cache keys read `bound` and stay as they were.
    """
    copy = node.copy(changes)
    inner = copy.node
    if inner is not None:
        copy.__dict__["node"] = runnable(inner)
    return copy


def guard_closures(guarded_twin: Callable[[Any], Any | None]) -> None:
    """Guard graphs that a node or tool calls by itself, inside a membrane.

    LangGraph has no hook for them, so the four entries of `Pregel` are replaced,
    once per process. Outside a membrane they do what they did.

    Args:
        guarded_twin: Gives the guarded twin of a graph that is called inside a
            membrane, or None where nothing is to be done.
    """
    if _installed:
        return
    _installed.append(guarded_twin)
    for name in _ENTRIES:
        setattr(Pregel, name, _entry(getattr(Pregel, name), name, guarded_twin))


def _entry(
    original: Callable[..., Any],
    name: str,
    guarded_twin: Callable[[Any], Any | None],
) -> Callable[..., Any]:
    @functools.wraps(original)
    def entry(self: Any, *args: Any, **kwargs: Any) -> Any:
        twin = guarded_twin(self)
        if twin is None:
            return original(self, *args, **kwargs)
        return getattr(twin, name)(*args, **kwargs)

    return entry
