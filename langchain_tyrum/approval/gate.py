"""The question that a tool asks by itself, when no node has asked before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from langchain_tyrum.approval.desk import Desk
from langchain_tyrum.approval.turn import has_own_task, turn_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.approval.seats import Verdict
    from langchain_tyrum.approval.turn import Turn
    from langchain_tyrum.broker import CallIdentity, SecretBroker


def authorize(
    broker: SecretBroker,
    bound: BoundCall,
    *,
    call: CallIdentity,
    config: RunnableConfig,
    siblings: Sequence[BoundCall] = (),
) -> str | None:
    """Make sure that a call may lease; the tool calls this before any lease.

    A plain `ToolNode` runs all calls of a message as one task, which starts again from
    its top for each answer. So the first call that comes asks for all of them in one
    question, and none goes on before that is answered.

    Args:
        broker: Policy, grants and requests.
        bound: The call.
        call: Whose call it is, and where.
        config: The config of the tool run.
        siblings: The other pending calls of the same message.

    Returns:
        The digest for `lease_all(digest=…)`; None when no `once` grant is involved.

    Raises:
        GraphInterrupt: A person has to answer first.
        SecretForbidden: The policy denies it.
        ApprovalRefused: A person rejected it, or the answer does not fit.
        ApprovalRequired: Nobody can be asked: no graph with a checkpointer runs this.
    """
    turn = turn_of(config, call)
    with turn.lock:
        verdict = _waiting(turn, bound)
        if verdict is None:
            group = _group(turn, bound, siblings, config)
            verdicts = Desk(broker, call=call, turn=turn).settle(group)
            turn.verdicts |= {one.bound.tool_call_id: one for one in verdicts}
            verdict = turn.verdicts.pop(bound.tool_call_id)
        turn.served.add(bound.tool_call_id)
    if verdict.error is not None:
        raise verdict.error
    return verdict.digest


async def aauthorize(
    broker: SecretBroker,
    bound: BoundCall,
    *,
    call: CallIdentity,
    config: RunnableConfig,
    siblings: Sequence[BoundCall] = (),
) -> str | None:
    """Async twin of `authorize`: the same, in a worker thread."""
    return await asyncio.to_thread(
        authorize, broker, bound, call=call, config=config, siblings=siblings
    )


def _waiting(turn: Turn, bound: BoundCall) -> Verdict | None:
    """The verdict that a sibling's question brought, if this is still that call.

    It serves once: a tool that is run again in the same task is decided anew.
    """
    verdict = turn.verdicts.pop(bound.tool_call_id, None)
    return verdict if verdict and verdict.bound == bound else None


def _group(
    turn: Turn, bound: BoundCall, siblings: Sequence[BoundCall], config: RunnableConfig
) -> list[BoundCall]:
    """The calls to ask about together: those of this task that are not served yet.

    They stand in one order whichever comes first, since the digest covers it.
    """
    if turn.place is None or has_own_task(config):
        return [bound]
    done = turn.served | {bound.tool_call_id}
    others = [one for one in siblings if one.tool_call_id not in done]
    return sorted([bound, *others], key=lambda one: one.tool_call_id or "")
