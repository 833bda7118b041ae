"""The other secret calls that run in the same task as this one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage
from pydantic import ValidationError

from langchain_tyrum.approval.calls import SecretBound
from langchain_tyrum.approval.turn import has_own_task
from langchain_tyrum.errors import TyrumError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.messages import ToolCall
    from langchain_core.runnables import RunnableConfig
    from langgraph.prebuilt.tool_node import ToolRuntime

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.broker import CallIdentity


def siblings_of(
    runtime: ToolRuntime | None, config: RunnableConfig, call: CallIdentity
) -> tuple[BoundCall, ...]:
    """Bind the other secret calls of this call's message, for one question.

    A plain `ToolNode` runs every call of a message in one task, and re-runs them
    all after an interrupt; so one question must cover them. `create_agent` gives
    each call a task of its own, and then there are none.

    Args:
        runtime: What ToolNode injected; without it nothing is known of others.
        config: The caller's config.
        call: Who makes this call.

    Returns:
        Those calls that could run; a call that cannot fails on its own.
    """
    if runtime is None or has_own_task(config):
        return ()
    tools = {tool.name: tool for tool in runtime.tools}
    bound: list[BoundCall] = []
    for tool_call in _others(runtime.state, call.tool_call_id):
        tool = tools.get(tool_call["name"])
        if not isinstance(tool, SecretBound):
            continue
        try:
            who = replace(call, tool_call_id=tool_call["id"])
            bound.append(tool.bind_call(tool_call, who))
        except (TyrumError, ValidationError):
            continue  # it will say so itself
    return tuple(one for one in bound if one.records)


def _others(state: Any, tool_call_id: str | None) -> Iterator[ToolCall]:
    for messages in _lists(state):
        for message in reversed(messages):
            if not isinstance(message, AIMessage):
                continue
            ids = [tool_call["id"] for tool_call in message.tool_calls]
            if tool_call_id in ids:
                yield from (
                    one for one in message.tool_calls if one["id"] != tool_call_id
                )
                return
            break


def _lists(state: Any) -> Iterator[list[Any]]:
    if isinstance(state, list):
        yield state
        return
    values = state if isinstance(state, dict) else getattr(state, "__dict__", {})
    yield from (value for value in values.values() if isinstance(value, list))
