"""The private names of LangChain and LangGraph that secret tools stand on.

They are pinned by `tests/tools/test_compat.py`: a release that moves one fails
there first, with its name.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, NoReturn, cast, get_type_hints

from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tools.base import (
    _get_injected_args_keys_from_signature,
    _get_runnable_config_param,
    _is_injected_arg_type,
    get_all_basemodel_annotations,
)
from langchain_core.tracers.context import _configure_hooks, tracing_v2_callback_var
from langgraph._internal._constants import (
    CONFIG_KEY_CALL,
    CONFIG_KEY_READ,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_TASK_ID,
)

from langchain_tyrum.errors import ConfigError, InterruptInsideLease

try:
    from langgraph.pregel._tools import _tool_call_writer
except ImportError:  # a langgraph without the `tools` stream has no deltas to guard
    _tool_call_writer = ContextVar("no_tool_call_writer", default=None)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import Runtime

config_parameter = _get_runnable_config_param
is_injected = _is_injected_arg_type
injected_in_signature = _get_injected_args_keys_from_signature
annotations_of = get_all_basemodel_annotations

_PREGEL = "__pregel_"
_DROPPED = frozenset({"callbacks", "tags", "metadata", "run_name", "run_id"})


def in_graph(config: Mapping[str, Any]) -> bool:
    """Say whether a task of a graph makes this call."""
    return CONFIG_KEY_TASK_ID in (config.get("configurable") or {})


def isolated_config(
    config: RunnableConfig, guard_runtime: Callable[[Runtime[Any]], Runtime[Any]]
) -> RunnableConfig:
    """Return the config under which tool code may run while it holds a value.

    What belongs to the caller stays. What would carry values out goes: callbacks,
    tags, metadata, names, and the graph's own doors for writes, sub-tasks, streams
    and checkpoints.
    """
    theirs = config.get("configurable") or {}
    kept = {k: v for k, v in theirs.items() if not k.startswith(_PREGEL)}
    if CONFIG_KEY_READ in theirs:
        kept[CONFIG_KEY_READ] = theirs[CONFIG_KEY_READ]
    if runtime := theirs.get(CONFIG_KEY_RUNTIME):
        kept[CONFIG_KEY_RUNTIME] = guard_runtime(runtime)
    kept[CONFIG_KEY_SCRATCHPAD] = _NoInterrupts()
    kept[CONFIG_KEY_CALL] = _refuse_task
    rest: dict[str, Any] = {k: v for k, v in config.items() if k not in _DROPPED}
    rest |= {"callbacks": [], "configurable": kept}
    return cast("RunnableConfig", rest)


class _NoInterrupts:
    """Stands for the scratchpad of a task: there is nobody to ask in here."""

    def __init__(self) -> None:
        self.resume: list[Any] = []
        self.call_counter = count().__next__
        self.subgraph_counter = count().__next__

    def get_null_resume(self, consume: bool = False) -> None:  # noqa: FBT001, FBT002
        """No answer is waiting."""

    def interrupt_counter(self) -> NoReturn:
        """Refuse: `interrupt` asks for its number first."""
        raise interrupt_refused()


def interrupt_refused() -> InterruptInsideLease:
    """Make the error for a tool that asks a person while it holds a value."""
    return InterruptInsideLease(
        "interrupt() was called while the tool held a secret: ask first, in a node or "
        "tool of its own, or let the policy ask (require_approval=[…])"
    )


def _refuse_task(*_: Any, **__: Any) -> NoReturn:
    raise ConfigError(
        "a @task was called while the tool held a secret, and its arguments would be "
        "traced and stored: call it outside the secret tool, or call a plain function"
    )


def enter(config: RunnableConfig, guard: Callable[[Any], Any]) -> None:
    """Make the current context an isolated one; call it in a copy of a context.

    Args:
        config: What `get_config` finds from now on.
        guard: Redacts what a tool emits as a delta of its output.
    """
    var_child_runnable_config.set(config)
    tracing_v2_callback_var.set(None)
    for variable, *_ in _configure_hooks:
        variable.set(None)
    if (writer := _tool_call_writer.get()) is not None:
        _tool_call_writer.set(guard(writer))


def with_guards(runtime: Any, **guarded: Any) -> Any:
    """Return a `Runtime` or `ToolRuntime` with some of its fields replaced."""
    return replace(runtime, **guarded)


def hints_of(function: Any) -> dict[str, Any]:
    """Return the resolved annotations of a function; none when one is unknown."""
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:
        return dict(getattr(function, "__annotations__", {}))
