"""What tools and approvals share: a call that wants secrets, and who makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from langgraph.errors import GraphBubbleUp

from langchain_tyrum.errors import ApprovalRefused, ApprovalRequired

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages import ToolCall

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.handles import SecretRecord


@dataclass(frozen=True)
class BoundCall:
    """One tool call that wants secrets, as it would run.

    Attributes:
        name: The tool's name, as the model called it.
        tool_id: The consumer that policy, grants and the ledger know.
        tool_call_id: The model's id of the call; None outside a tool call.
        arguments: Validated by the tool's schema, defaults in; injected and secret
            parameters are not among them.
        records: The secrets it would lease.
    """

    name: str
    tool_id: str
    tool_call_id: str | None
    arguments: Mapping[str, Any]
    records: tuple[SecretRecord, ...]

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of its secrets, each once, sorted."""
        return tuple(sorted({record.scope for record in self.records}))


@runtime_checkable
class SecretBound(Protocol):
    """A tool that leases secrets, as the approval room sees it."""

    name: str
    tool_id: str

    @property
    def broker(self) -> SecretBroker:
        """The broker whose secrets it leases."""
        ...

    def bind_call(self, tool_call: ToolCall, call: CallIdentity) -> BoundCall:
        """Validate a call and name the secrets it wants; nothing is leased.

        Raises:
            TyrumError: The call asks for a secret that it may not have.
            ValidationError: The arguments do not fit the tool's schema.
        """
        ...


class NobodyToAsk(ApprovalRequired, GraphBubbleUp):
    """Nobody can be asked here: no graph with a checkpointer runs this call.

    It bubbles up like an interrupt, so that no `handle_tool_errors` turns it into
    text for the model.
    """


class AnswerRefused(ApprovalRefused, GraphBubbleUp, ValueError):
    """The answer does not fit the question; nothing ran, and it stays open.

    It bubbles up to whoever resumed the graph, past `handle_tool_errors`.
    """
