"""From handle to value: the one choke point that everything resolves through."""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.checks import check_usable, revoked
from langchain_tyrum.broker.rows import about_call, log_lease
from langchain_tyrum.errors import (
    ApprovalRequired,
    ProviderError,
    SecretForbidden,
    TyrumError,
)
from langchain_tyrum.handles import SecretValue
from langchain_tyrum.ledger.grants import Grant, Use

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_tyrum.broker.core import Core, Journal, Secret
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


@dataclass(frozen=True)
class Plan:
    """What one transaction has checked and reserved for one call."""

    entries: Mapping[str, Entry]
    grant: Grant | None
    told: Mapping[str, Any]  # ledger fields that all rows of this call share

    @property
    def records(self) -> list[SecretRecord]:
        """The records, in the order in which they were asked for."""
        return [entry.record for entry in self.entries.values()]


class Leases:
    """Opens leases and knows which are open.

    Args:
        core: The broker's stores and rules.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._open: dict[str, list[SecretValue]] = defaultdict(list)
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return sum(len(values) for values in self._open.values())

    @contextmanager
    def open(
        self,
        wanted: Mapping[str, Secret],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None,
    ) -> Iterator[dict[str, SecretValue]]:
        """Resolve several secrets for one call, under one grant.

        Checks, the reserved grant and the intent rows are one transaction, written
        before any provider is asked: no audit, no secret.

        Args:
            wanted: Secrets by the name under which the caller wants their values.
            tool_id: The consumer.
            call: On whose behalf, and where.
            digest: Digest of the approved call, for `once` grants.

        Yields:
            The values by name. They are dropped on exit.
        """
        plan = self._reserve(wanted, tool_id=tool_id, call=call, digest=digest)
        values = self._resolve(plan)
        try:
            yield values
        finally:
            self._close(plan, values)

    def expire(self, handle_id: str) -> None:
        """Drop the values of a revoked secret that are in use right now."""
        with self._lock:
            for value in self._open.pop(handle_id, []):
                value.expire()

    def needs(
        self,
        records: Sequence[SecretRecord],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None = None,
    ) -> Use | None:
        """The use that a grant has to cover; None when the policy asks for none."""
        gated = [
            record
            for record in records
            if self._core.decide(tool_id, [record], call).outcome == "require_approval"
        ]
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

    def _reserve(
        self,
        wanted: Mapping[str, Secret],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None,
    ) -> Plan:
        told = about_call(tool_id, call, self._core.environment)
        grant: Grant | None = None
        entries: dict[str, Entry] = {}
        refusal: TyrumError | None = None
        with self._core.journal() as journal:
            try:
                for name, secret in wanted.items():
                    entries[name] = self._usable(journal, secret, tool_id, call)
                grant, told = self._permit(journal, entries, told, call, digest)
            except TyrumError as error:
                refusal = error
                self._log_refusal(journal, error, told)
            else:
                for entry in entries.values():
                    log_lease(journal, "lease_intent", "reserved", entry.record, told)
        if refusal is not None:
            raise refusal
        return Plan(entries, grant, told)

    def _usable(
        self, journal: Journal, secret: Secret, tool_id: str, call: CallIdentity
    ) -> Entry:
        entry = self._core.find(
            journal.connection, secret, tenant=call.tenant, owner=call.user
        )
        check_usable(
            entry.record,
            tool_id=tool_id,
            call=call,
            environment=self._core.environment,
        )
        self._core.provider(entry.record.provider)
        return entry

    def _permit(
        self,
        journal: Journal,
        entries: Mapping[str, Entry],
        told: dict[str, Any],
        call: CallIdentity,
        digest: str | None,
    ) -> tuple[Grant | None, dict[str, Any]]:
        records = [entry.record for entry in entries.values()]
        tool_id = told["tool_id"]
        decision = self._core.decide(tool_id, records, call)
        told = {**told, "policy_sha256": decision.policy_sha256}
        scopes = ", ".join(decision.scopes)
        where = {"scope": scopes, "tool_id": tool_id}
        if decision.outcome == "deny":
            raise SecretForbidden(
                f"the policy denies {scopes!r} to {tool_id!r}: add the scope to "
                "`allow` or `require_approval` if this use is meant",
                **where,
            )
        use = self.needs(records, tool_id=tool_id, call=call, digest=digest)
        if use is None:
            return None, told
        grants = self._core.grants
        grant = grants.usable(journal.connection, use)
        if grant is None or not grants.reserve(journal.connection, grant):
            raise ApprovalRequired(
                f"{tool_id!r} may use {scopes!r} only after a person agrees: add an "
                "approval node, or allow it with SecretPolicy"
                f"(allow=[{use.scopes[0]!r}])",
                **where,
            )
        log_lease(journal, "grant_reserved", grant.mode, None, told)
        return grant, told

    def _log_refusal(
        self, journal: Journal, error: TyrumError, told: Mapping[str, Any]
    ) -> None:
        journal.log(
            "lease_denied",
            type(error).__name__,
            scope=error.scope,
            error=str(error),
            **told,
        )

    def _resolve(self, plan: Plan) -> dict[str, SecretValue]:
        """Ask the providers, register, and commit the outcome; or undo it all."""
        values: dict[str, SecretValue] = {}
        failure: TyrumError | None = None
        try:
            for name, entry in plan.entries.items():
                values[name] = self._fetch(entry)
            failure = self._commit(plan)
        except TyrumError as error:
            failure = error
        except Exception as error:
            failure = ProviderError(
                f"a provider failed with {type(error).__name__}; its own text is "
                "withheld, since it may hold the value"
            )
        if failure is None:
            self._track(plan, values)
            return values
        for value in values.values():
            value.expire()
        self._undo(plan, failure)
        raise failure

    def _fetch(self, entry: Entry) -> SecretValue:
        record = entry.record
        provider = self._core.provider(record.provider)
        raw = provider.get(entry.ref, version=record.version)
        self._core.tell(record, raw)
        return SecretValue(raw, name=record.name)

    def _commit(self, plan: Plan) -> TyrumError | None:
        """Write the outcome rows, unless somebody revoked a secret meanwhile."""
        with self._core.journal() as journal:
            for record in plan.records:
                now = self._core.catalog.by_id(journal.connection, record.handle_id)
                if now.record.status == "revoked":
                    return revoked(now.record)
            for record in plan.records:
                log_lease(journal, "lease", "resolved", record, plan.told)
            if plan.grant:
                log_lease(journal, "grant_used", plan.grant.mode, None, plan.told)
        return None

    def _undo(self, plan: Plan, failure: TyrumError) -> None:
        with self._core.journal() as journal:
            if plan.grant:
                self._core.grants.release(journal.connection, plan.grant.grant_id)
                log_lease(journal, "grant_released", plan.grant.mode, None, plan.told)
            for record in plan.records:
                told = {**plan.told, "error": type(failure).__name__}
                log_lease(journal, "lease", "failed", record, told)

    def _track(self, plan: Plan, values: Mapping[str, SecretValue]) -> None:
        with self._lock:
            for name, entry in plan.entries.items():
                self._open[entry.record.handle_id].append(values[name])

    def _close(self, plan: Plan, values: Mapping[str, SecretValue]) -> None:
        gone = {id(value) for value in values.values()}
        with self._lock:
            for record in plan.records:
                left = self._open.pop(record.handle_id, [])
                left = [value for value in left if id(value) not in gone]
                if left:
                    self._open[record.handle_id] = left
        for value in values.values():
            value.expire()
