"""Whose a secret is: the refusal that tells nothing about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.errors import SecretForbidden

if TYPE_CHECKING:
    from langchain_tyrum.handles import SecretRecord


def refuse_foreign(
    record: SecretRecord,
    *,
    tenant: str,
    owner: str | None,
    tool_id: str | None = None,
) -> None:
    """Refuse a secret of another tenant, or of another user.

    Args:
        record: The secret.
        tenant: The caller's tenant.
        owner: The calling user; None is a service.
        tool_id: The consumer, for the error.

    Raises:
        SecretForbidden: It is somebody else's. Only the handle is told, which the
            caller has given itself.
    """
    if record.tenant == tenant and record.owner in (None, owner or None):
        return
    mend = "run as its owner (SecretBroker(identity=…) tells who calls)"
    if tool_id and owner is None:
        mend = f"pass call=broker.identify(config), and {mend}"
    raise SecretForbidden(
        f"{record.handle_id!r} belongs to somebody else: store a secret of your own, "
        f"or {mend}",
        handle=record.handle_id,
        tool_id=tool_id,
    )
