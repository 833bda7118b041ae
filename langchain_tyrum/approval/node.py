"""A graph node that asks a person by secret scope, before any tool runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END
from langgraph.types import Command, Send

from langchain_tyrum.approval.binding import find_among
from langchain_tyrum.approval.calling import settle_calls
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import AnyMessage
    from langgraph.prebuilt import ToolNode

    from langchain_tyrum.approval.binding import Tools
    from langchain_tyrum.approval.calling import Settled


class ApprovalNode(Protocol):
    """The function that `approval_node` makes."""

    __name__: str

    def __call__(self, state: Any, config: RunnableConfig) -> Command[Any]:
        """Decide about the pending calls, asking a person where the policy says so."""
        ...


def approval_node(
    broker: SecretBroker,
    tools: ToolNode | Tools,
    *,
    approved: str = "tools",
    rejected: str = "model",
    messages_key: str = "messages",
) -> ApprovalNode:
    """Make a node that asks about the secrets of all pending tool calls at once.

    `builder.add_node("approve", approval_node(broker, tools))` is all: the node says
    itself where it goes, so no edge follows it, and the drawn graph shows both ways.
    Calls that lease nothing, or that the policy or a grant allows, pass without a
    question. Each call that may run gets a task of its own, so one that fails or
    waits never makes another run twice.

    Args:
        broker: Policy, grants and requests.
        tools: The tools that the calls name, or the `ToolNode` that runs them.
        approved: The node that runs tools.
        rejected: Where to go when no call is left to run, usually the model.
        messages_key: The state key of the conversation.

    Returns:
        The node. It works in sync and async runs; asking needs a checkpointer.

    Raises:
        ConfigError: Broker or tools are something else.
    """
    if not isinstance(broker, SecretBroker):
        raise ConfigError(
            "approval_node takes first the broker, then the tools: write "
            "approval_node(broker, tools)"
        )
    find = find_among(tools)

    def approve(state: Any, config: RunnableConfig) -> Command[Any]:
        messages = _messages(state, messages_key)
        settled = settle_calls(broker, find, messages, config)
        return Command(
            goto=_targets(settled, approved=approved, rejected=rejected),
            update=_update(settled, state, messages_key),
        )

    # StateGraph reads the targets from here; they are known only now.
    approve.__annotations__["return"] = Command[Literal[approved, rejected]]  # type: ignore[valid-type]
    approve.__annotations__["config"] = RunnableConfig
    approve.__annotations__["state"] = Any
    return approve


def _messages(state: Any, key: str) -> Sequence[AnyMessage]:
    if isinstance(state, list):
        return state
    found = state.get(key) if isinstance(state, dict) else getattr(state, key, None)
    if found is None:
        raise ConfigError(
            f"the state has no {key!r}: tell the approval node where the conversation "
            "is with messages_key=…"
        )
    return list(found)


def _targets(settled: Settled, *, approved: str, rejected: str) -> list[Send] | str:
    if settled.run:
        return [Send(approved, [call]) for call in settled.run]
    called = settled.message is not None and bool(settled.message.tool_calls)
    return rejected if called else END


def _update(settled: Settled, state: Any, key: str) -> Any:
    messages = [*settled.rewritten, *settled.told]
    if not messages:
        return None
    return messages if isinstance(state, list) else {key: messages}
