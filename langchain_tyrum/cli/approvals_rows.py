"""Approval requests as `approvals` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.ledger.requests import StoredRequest


def with_states(
    broker: SecretBroker, every: Iterable[StoredRequest]
) -> list[tuple[StoredRequest, Mapping[str, str]]]:
    """Requests with the state of each of their calls."""
    from langchain_tyrum.approval.states import (  # noqa: PLC0415 - LangGraph is slow
        call_states,
    )

    grants = broker.grants()
    leases = broker.unfinished(older_than_seconds=0)
    reserved = {lease.grant_id for lease in leases if lease.grant_id}
    now = broker.catalog.clock()
    return [
        (one, call_states(one, now=now, grants=grants, reserved=reserved))
        for one in every
    ]


def fields_of(request: StoredRequest, states: Mapping[str, str]) -> dict[str, Any]:
    """What is told of a request; its texts were redacted when it was asked."""
    place, payload = request.place, request.payload
    calls = [
        {
            "tool_call_id": call_id,
            "state": states.get(call_id, "asked"),
            **payload["action_requests"][index],
        }
        for index, call_id in enumerate(request.tool_call_ids)
    ]
    state = ", ".join(dict.fromkeys(one["state"] for one in calls))
    return {
        "request_id": request.request_id,
        "state": state,
        "tenant": place.tenant,
        "user": place.user,
        "thread_id": place.thread_id,
        "checkpoint_ns": place.checkpoint_ns,
        "digest": request.digest,
        "scopes": payload["tyrum"]["scopes"],
        "calls": calls,
        "allowed": payload["review_configs"][0]["allowed_decisions"],
        "created_at": request.created_at,
        "expires_at": request.expires_at,
    }


def summary_of(row: Mapping[str, Any]) -> tuple[object, ...]:
    """A request in one line."""
    return (
        row["request_id"],
        row["state"],
        row["thread_id"],
        row["user"],
        ", ".join(one["name"] for one in row["calls"]),
        ", ".join(row["scopes"]),
        f"{row['expires_at']:%Y-%m-%d %H:%M} UTC",
        row["digest"][:12],
    )


def waiting_among(url: str, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """The requests that graphs with a checkpointer wait for."""
    from langchain_tyrum.cli.approvals_waiting import (  # noqa: PLC0415 - slow
        waited_for,
    )

    return waited_for(
        url,
        {(one["thread_id"], one["checkpoint_ns"].rpartition("|")[0]) for one in rows},
    )
