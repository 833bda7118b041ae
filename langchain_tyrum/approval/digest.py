"""Digests: what was shown is what runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from langchain_tyrum.approval.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tyrum.approval.calls import BoundCall


def call_digest(
    bound: BoundCall, *, thread_id: str | None, request_id: str | None
) -> str:
    """Hash one call as one request asked for it.

    It covers the tool id, the validated arguments, scopes, handle ids and versions,
    the ids of call, thread and request; a rotation or another argument changes it.

    Args:
        bound: The call.
        thread_id: The thread it belongs to.
        request_id: The request that asked; None for the call alone.

    Returns:
        SHA-256 in hex.

    Raises:
        TypeError: An argument has no stable form.
    """
    return _sha256(
        {
            "tool_id": bound.tool_id,
            "arguments": dict(bound.arguments),
            "scopes": list(bound.scopes),
            "secrets": sorted(
                [record.handle_id, record.version] for record in bound.records
            ),
            "tool_call_id": bound.tool_call_id,
            "thread_id": thread_id,
            "request_id": request_id,
        }
    )


def request_digest(
    calls: Iterable[BoundCall], *, thread_id: str | None, request_id: str
) -> str:
    """Hash a whole question: its calls, in the order in which they were shown.

    Args:
        calls: The calls asked for.
        thread_id: The thread they belong to.
        request_id: The request.

    Returns:
        SHA-256 in hex.
    """
    return _sha256(
        [
            call_digest(call, thread_id=thread_id, request_id=request_id)
            for call in calls
        ]
    )


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()
