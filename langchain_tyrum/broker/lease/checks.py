"""Who may use a secret at all, before any policy is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.broker.records.owning import refuse_foreign
from langchain_tyrum.errors import SecretExpired, SecretForbidden, SecretRevoked

if TYPE_CHECKING:
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretRecord


def check_usable(
    record: SecretRecord,
    *,
    tool_id: str,
    call: CallIdentity,
    environment: str | None,
) -> None:
    """Refuse a secret that this caller may not use, whatever the policy says.

    Raises:
        SecretForbidden: Another tenant's, another user's or another environment's.
        SecretRevoked: Revoked.
        SecretExpired: Past its expiry.
    """
    refuse_foreign(record, tenant=call.tenant, owner=call.user, tool_id=tool_id)
    where = {
        "handle": record.handle_id,
        "scope": record.scope,
        "tool_id": tool_id,
    }
    if record.environment not in (None, environment):
        raise SecretForbidden(
            f"{record.name!r} may be used in {record.environment!r} only; this broker "
            f"runs in {environment!r} (TYRUM_ENVIRONMENT)",
            **where,
        )
    refuse_ended(record, tool_id=tool_id)
    if record.status == "expired":
        raise SecretExpired(
            f"{record.name!r} has expired: store a fresh value with "
            "broker.put(…, expires_at=…, replace=True)",
            **where,
        )


def refuse_ended(record: SecretRecord, *, tool_id: str | None = None) -> None:
    """Refuse a secret that was revoked, or that its settings file withdrew.

    Raises:
        SecretRevoked: It was.
    """
    if record.status == "revoked":
        raise revoked(record, tool_id=tool_id)
    if record.status == "disabled":
        raise SecretRevoked(
            f"{record.name!r} is no longer declared in tyrum.toml: put its table "
            "[secrets] back, or store it anew under another name",
            handle=record.handle_id,
            scope=record.scope,
            tool_id=tool_id,
        )


def revoked(record: SecretRecord, *, tool_id: str | None = None) -> SecretRevoked:
    """The refusal of a revoked secret, for whoever raises it."""
    return SecretRevoked(
        f"{record.name!r} is revoked and stays so until somebody reauthorizes it: "
        "broker.reauthorize(…) or `langchain-tyrum secret reauthorize`",
        handle=record.handle_id,
        scope=record.scope,
        tool_id=tool_id,
    )
