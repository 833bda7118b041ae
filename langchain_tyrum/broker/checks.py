"""Who may use a secret at all, before any policy is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    where = {"handle": record.handle_id, "tool_id": tool_id}
    if record.tenant != call.tenant or record.owner not in (None, call.user):
        # Neither name nor owner is told: they are somebody else's.
        raise SecretForbidden(
            f"{record.handle_id!r} belongs to somebody else: store a secret of your "
            "own, or run as its owner (SecretBroker(identity=…) tells who calls)",
            **where,
        )
    where["scope"] = record.scope
    if record.environment not in (None, environment):
        raise SecretForbidden(
            f"{record.name!r} may be used in {record.environment!r} only; this broker "
            f"runs in {environment!r} (TYRUM_ENVIRONMENT)",
            **where,
        )
    if record.status == "revoked":
        raise revoked(record, tool_id=tool_id)
    if record.status == "disabled":
        raise SecretRevoked(
            f"{record.name!r} is no longer declared in tyrum.toml: put its table "
            "[secrets] back, or store it anew under another name",
            **where,
        )
    if record.status == "expired":
        raise SecretExpired(
            f"{record.name!r} has expired: store a fresh value with a later expires_at",
            **where,
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
