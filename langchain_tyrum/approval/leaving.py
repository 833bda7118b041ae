"""Answers that are given outside of the process whose graph waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_tyrum.approval.answers import read_answer, refuse_values
from langchain_tyrum.approval.calls import AnswerRefused
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.ledger.requests import StoredRequest


def leave_answer(
    broker: SecretBroker,
    request_id: str,
    answer: Mapping[str, Any],
    *,
    digest: str | None = None,
    tenant: str | None = None,
) -> StoredRequest:
    """Leave an answer in the catalog for a graph that waits, maybe elsewhere.

    The graph takes it when it runs on: at `graph.invoke(None, config)`, or at any
    other resume. It counts for this very question. When the calls, the secrets or the
    policy changed meanwhile, the question is superseded, and the answer with it. A
    second answer cannot be left. A resume may bring one: then the stricter of the two
    decisions counts for each call (reject, respond, edit, approve), and of two
    approvals that reach differently far, this call alone. A resume that does not fit,
    or another edit than was left, is refused; what was left is dropped then, and the
    question stays open.

    Args:
        broker: One on the catalog of the waiting graph.
        request_id: The question, as `pending_approvals` or `approvals list` names it.
        answer: What `decisions(…)` gives: one decision per call.
        digest: The digest that was shown, or its beginning; a question that has
            changed is not answered then.
        tenant: Whose questions may be answered; None means any tenant's.

    Returns:
        The request; it stays open until the graph takes the answer.

    Raises:
        ConfigError: There is no such request, or it is open no more.
        AnswerRefused: The answer does not fit, or holds a raw value. Nothing is kept.
    """
    request = broker.requests.find(request_id)
    if request is None or (tenant is not None and request.place.tenant != tenant):
        raise ConfigError(
            "no request has that id in this catalog: see `langchain-tyrum approvals "
            "list`, and whether the waiting program uses the same catalog"
        )
    if digest is not None and (
        len(digest) < 8 or not request.digest.startswith(digest)
    ):
        raise AnswerRefused(
            f"the digest is not that of {request_id!r}: the calls are other ones than "
            "you were shown; list them again and decide anew"
        )
    decided = read_answer(
        dict(answer),
        request_id=request_id,
        count=len(request.payload["action_requests"]),
        allowed=_allowed(request),
    )
    refuse_values(broker.redactor, decided)
    plain = [one.model_dump(mode="json", exclude_none=True) for one in decided]
    kept = {"decisions": plain, "request_id": request_id}
    if not broker.requests.leave(request_id, kept):
        raise ConfigError(_closed(broker, request_id))
    ids = request.tool_call_ids
    for decision, call_id, tool_id in zip(
        decided, ids, request.payload["tyrum"]["tool_ids"], strict=True
    ):
        broker.record(
            "approval_left",
            decision.type,
            tool_id=tool_id,
            tool_call_id=call_id,
            thread_id=request.place.thread_id,
            tenant=request.place.tenant,
            user=request.place.user,
            policy_sha256=request.policy_sha256,
        )
    return request


async def aleave_answer(
    broker: SecretBroker,
    request_id: str,
    answer: Mapping[str, Any],
    *,
    digest: str | None = None,
    tenant: str | None = None,
) -> StoredRequest:
    """Async twin of `leave_answer`: the same, in a worker thread."""
    return await asyncio.to_thread(
        leave_answer, broker, request_id, answer, digest=digest, tenant=tenant
    )


def _allowed(request: StoredRequest) -> tuple[str, ...]:
    return tuple(request.payload["review_configs"][0]["allowed_decisions"])


def _closed(broker: SecretBroker, request_id: str) -> str:
    request = broker.requests.find(request_id)
    if request is None or request.status == "open":
        late = request is None or request.answer is None
        why = "has expired" if late else "has an answer already, which its graph takes"
    else:
        why = f"is {request.status}"
    return (
        f"{request_id!r} {why}: run the graph on with graph.invoke(None, config), and "
        "answer what it asks then"
    )
