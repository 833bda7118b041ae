"""The same question inside `create_agent`. Needs the extra `agents`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain.agents.middleware.types import AgentMiddleware
from langgraph.config import get_config

from langchain_tyrum.approval.binding import find_among, find_enrolled
from langchain_tyrum.approval.calling import settle_calls

if TYPE_CHECKING:
    from langgraph.prebuilt import ToolNode

    from langchain_tyrum.approval.binding import Tools
    from langchain_tyrum.broker import SecretBroker


class SecretApprovalMiddleware(AgentMiddleware[Any, Any, Any]):
    """Asks a person by secret scope after each model call, before any tool runs.

    All calls of a message that need agreement come in one question. Rejected and
    denied ones get their `ToolMessage` here, so `create_agent` never dispatches them;
    every other call runs in a task of its own. `TyrumMiddleware` contains it.

    Args:
        broker: Policy, grants and requests.
        tools: The agent's tools; by default those that were made with the broker. Two
            of one name that want different secrets ask for themselves instead.
    """

    def __init__(
        self, broker: SecretBroker, *, tools: ToolNode | Tools | None = None
    ) -> None:
        super().__init__()
        self._broker = broker
        self._find = find_enrolled(broker) if tools is None else find_among(tools)

    def after_model(
        self,
        state: Any,
        runtime: Any,  # noqa: ARG002 - LangChain passes it by name
    ) -> dict[str, Any] | None:
        """Decide about the calls that the model just made."""
        settled = settle_calls(
            self._broker, self._find, state["messages"], get_config()
        )
        messages = [*settled.rewritten, *settled.told]
        return {"messages": messages} if messages else None

    async def aafter_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Decide about the calls; the async twin."""
        return await asyncio.to_thread(self.after_model, state, runtime)
