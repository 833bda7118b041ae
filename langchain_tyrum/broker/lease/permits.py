"""Whether a use is permitted: the policy first, then a grant where it asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ApprovalRequired, SecretForbidden
from langchain_tyrum.ledger.grants import Grant, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from langchain_tyrum.broker.core import Core, Journal
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry
    from langchain_tyrum.policy import Outcome


class Permits:
    """Asks the policy and spends grants.

    Args:
        core: The broker's stores and rules.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def needs(
        self,
        records: Sequence[SecretRecord],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None = None,
    ) -> Use | None:
        """The use that a grant has to cover; None when the policy asks for none."""
        gated = self._of("require_approval", records, tool_id, call)
        if not gated:
            return None
        return Use(
            tenant=call.tenant,
            user=call.user,
            thread_id=call.thread_id,
            tool_id=tool_id,
            scopes=tuple(record.scope for record in gated),
            versions={record.handle_id: record.version for record in gated},
            digest=digest,
        )

    def reserve(
        self,
        journal: Journal,
        entries: Iterable[Entry],
        told: dict[str, Any],
        *,
        call: CallIdentity,
        digest: str | None,
    ) -> tuple[Grant | None, dict[str, Any]]:
        """Take one use of a grant, where the policy asks for one.

        Args:
            journal: The open transaction.
            entries: What is wanted.
            told: Ledger fields of this call.
            call: On whose behalf, and where.
            digest: Digest of the approved call, for `once` grants.

        Returns:
            The grant, if one was needed, and the ledger fields with the policy's hash.

        Raises:
            SecretForbidden: The policy denies it.
            ApprovalRequired: No grant covers it.
        """
        records = [entry.record for entry in entries]
        tool_id = told["tool_id"]
        decision = self._core.decide(tool_id, records, call)
        told = {**told, "policy_sha256": decision.policy_sha256}
        scopes = ", ".join(decision.scopes)
        if decision.outcome == "deny":
            denied = self._of("deny", records, tool_id, call)
            raise SecretForbidden(
                f"the policy denies {scopes!r} to {tool_id!r}: add the scope to "
                "`allow` or `require_approval` if this use is meant",
                handle=denied[0].handle_id,
                scope=scopes,
                tool_id=tool_id,
            )
        if decision.outcome == "allow":
            return None, told
        use = self.needs(records, tool_id=tool_id, call=call, digest=digest)
        if use is None:
            return None, told
        grants = self._core.grants
        grant = grants.usable(journal.connection, use)
        if grant is None or not grants.reserve(journal.connection, grant):
            raise ApprovalRequired(
                f"{tool_id!r} may use {scopes!r} only after a person agrees: add an "
                "approval node, or allow it with SecretPolicy"
                f"(allow={list(dict.fromkeys(use.scopes))})",
                handle=next(iter(use.versions)),
                scope=scopes,
                tool_id=tool_id,
            )
        return grant, told

    def _of(
        self,
        outcome: Outcome,
        records: Sequence[SecretRecord],
        tool_id: str,
        call: CallIdentity,
    ) -> list[SecretRecord]:
        """Those of which, each alone, the policy says so."""
        return [
            record
            for record in records
            if self._core.decide(tool_id, [record], call).outcome == outcome
        ]
