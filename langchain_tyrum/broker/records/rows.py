"""What ledger rows say of a secret and of a call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker.core import Journal
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretRecord


def about(record: SecretRecord) -> dict[str, Any]:
    """The ledger fields that tell of a secret, in a row about the secret itself."""
    return {
        **about_version(record),
        "tenant": record.tenant,
        "user": record.owner,
        "environment": record.environment,
    }


def about_version(record: SecretRecord) -> dict[str, Any]:
    """The ledger fields that name one version of a secret."""
    return {
        "handle_id": record.handle_id,
        "version": record.version,
        "name": record.name,
        "scope": record.scope,
    }


def about_call(
    tool_id: str, call: CallIdentity, environment: str | None
) -> dict[str, Any]:
    """The ledger fields that tell who asked, where."""
    return {
        "tool_id": tool_id,
        "tool_call_id": call.tool_call_id,
        "thread_id": call.thread_id,
        "run_id": call.run_id,
        "tenant": call.tenant,
        "user": call.user,
        "environment": environment,
    }


def log_lease(
    journal: Journal,
    action: str,
    outcome: str,
    record: SecretRecord | None,
    told: Mapping[str, Any],
) -> None:
    """Append one row of a lease: about a secret, or about the call as a whole."""
    journal.log(action, outcome, **(about_version(record) if record else {}), **told)
