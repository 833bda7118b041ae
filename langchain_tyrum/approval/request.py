"""Pending questions, read back from a graph that waits."""

from __future__ import annotations

from asyncio import InvalidStateError
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from langgraph.types import Command

from langchain_tyrum.approval.answers import approve, decisions, reject
from langchain_tyrum.approval.display import as_html
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel
    from langgraph.types import Interrupt, StateSnapshot

    from langchain_tyrum.approval.answers import Decided, GrantOption
    from langchain_tyrum.ledger.grants import GrantMode


@dataclass(frozen=True, kw_only=True)
class ActionRequest:
    """One call that waits for a decision.

    Attributes:
        name: The tool's name.
        args: Its arguments, redacted.
        description: What a person should read before deciding.
        allowed: Which decisions fit.
    """

    name: str
    args: Mapping[str, Any]
    description: str
    allowed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ApprovalRequest:
    """A question that a waiting graph has asked.

    Attributes:
        request_id: Name it in the answer to be sure that it answers this question.
        interrupt_id: For `Command(resume={interrupt_id: decisions(…)})`, which is
            needed when several questions wait.
        actions: The calls, one decision each, in this order.
        digest: Hash of all that was shown.
        tool_call_ids: The calls, by the ids that the model gave them.
        scopes: What the secrets may be used for.
        references: Handles, names and versions of the secrets.
        grant_options: How far an approval may reach.
        policy_sha256: The policy that wants an answer.
        expires_at: Until when one counts.
    """

    request_id: str
    interrupt_id: str
    actions: tuple[ActionRequest, ...]
    digest: str
    tool_call_ids: tuple[str, ...]
    scopes: tuple[str, ...]
    references: tuple[Mapping[str, Any], ...]
    grant_options: tuple[str, ...]
    policy_sha256: str
    expires_at: datetime

    @property
    def action_requests(self) -> list[dict[str, Any]]:
        """The calls, as LangChain's `HITLRequest` has them."""
        return [
            {"name": one.name, "args": one.args, "description": one.description}
            for one in self.actions
        ]

    @property
    def review_configs(self) -> list[dict[str, Any]]:
        """What may be decided of each, as LangChain's `HITLRequest` has it."""
        return [
            {"action_name": one.name, "allowed_decisions": list(one.allowed)}
            for one in self.actions
        ]

    def answer(self, *each: Decided) -> Command[Any]:
        """Answer the calls in their order; one decision alone counts for all of them.

        Args:
            each: What `approve()`, `reject()`, `edit()` and `respond()` give.

        Returns:
            What to resume the graph with: `graph.invoke(request.answer(…), config)`.
            It answers this question only, whatever else waits.
        """
        if len(each) == 1:
            each *= len(self.actions)
        answer = decisions(*each, request_id=self.request_id)
        return Command(resume={self.interrupt_id: answer})

    def approve(
        self,
        *,
        grant: GrantMode | GrantOption | Mapping[str, Any] = "once",
        ttl_seconds: float | None = None,
        max_uses: int | None = None,
    ) -> Command[Any]:
        """Approve every call shown: `graph.invoke(request.approve(), config)`."""
        return self.answer(
            approve(grant=grant, ttl_seconds=ttl_seconds, max_uses=max_uses)
        )

    def reject(self, message: str | None = None) -> Command[Any]:
        """Reject every call shown; the reason goes to the model."""
        return self.answer(reject(message))

    def _repr_html_(self) -> str:
        return as_html(self)

    @classmethod
    def from_interrupt(cls, interrupt: Interrupt) -> Self | None:
        """Read an interrupt; None when it is somebody else's."""
        value = interrupt.value
        block = value.get("tyrum") if isinstance(value, dict) else None
        if not isinstance(block, dict) or "request_id" not in block:
            return None
        allowed = {
            one["action_name"]: tuple(one["allowed_decisions"])
            for one in value["review_configs"]
        }
        return cls(
            request_id=block["request_id"],
            interrupt_id=interrupt.id,
            actions=tuple(
                ActionRequest(**one, allowed=allowed.get(one["name"], ()))
                for one in value["action_requests"]
            ),
            digest=block["digest"],
            tool_call_ids=tuple(block["tool_call_ids"]),
            scopes=tuple(block["scopes"]),
            references=tuple(block["references"]),
            grant_options=tuple(block["grant_options"]),
            policy_sha256=block["policy_sha256"],
            expires_at=datetime.fromisoformat(block["expires_at"]),
        )


def pending_approvals(
    graph: Pregel[Any, Any, Any, Any], config: RunnableConfig
) -> list[ApprovalRequest]:
    """The questions that a thread waits for.

    Args:
        graph: The graph, protected or not.
        config: Names the thread.

    Returns:
        One entry per open interrupt of ours; empty when none waits.

    Raises:
        ConfigError: The checkpointer is async, and its event loop calls this; the
            graph has none; the config names no thread; or something else than a
            graph was given.
    """
    _check(graph, config)
    try:
        state = graph.get_state(config)
    except (InvalidStateError, NotImplementedError):
        pass  # raised below: theirs names methods of the saver
    else:
        return _ours(state)
    raise ConfigError(
        "the checkpointer of this graph is async and cannot be read here: use `await "
        "apending_approvals(graph, config)`"
    )


async def apending_approvals(
    graph: Pregel[Any, Any, Any, Any], config: RunnableConfig
) -> list[ApprovalRequest]:
    """Async twin of `pending_approvals`."""
    _check(graph, config)
    return _ours(await graph.aget_state(config))


def _check(graph: object, config: object) -> None:
    if not hasattr(graph, "get_state"):
        raise ConfigError(
            f"the first argument is no compiled graph but a {type(graph).__name__}: "
            "write pending_approvals(graph, config) with what builder.compile(…) gave"
        )
    named = config.get("configurable") if isinstance(config, Mapping) else None
    if not isinstance(named, Mapping) or not named.get("thread_id"):
        raise ConfigError(
            "the config names no thread: write pending_approvals(graph, "
            '{"configurable": {"thread_id": …}})'
        )
    given = "__pregel_checkpointer" in named
    if getattr(graph, "checkpointer", True) is None and not given:
        raise ConfigError(
            "this graph has no checkpointer, so nothing waits in it: compile it with "
            "one, builder.compile(checkpointer=…)"
        )


def _ours(state: StateSnapshot) -> list[ApprovalRequest]:
    found = (ApprovalRequest.from_interrupt(one) for one in state.interrupts)
    return [one for one in found if one is not None]
