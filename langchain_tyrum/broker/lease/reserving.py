"""The two transactions around a lease: what is reserved, and how it ended."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.lease.checks import check_usable
from langchain_tyrum.broker.lease.permits import Permits
from langchain_tyrum.broker.records.names import is_handle_id
from langchain_tyrum.broker.records.rows import about_call, log_lease
from langchain_tyrum.broker.values.changes import note_mark, rotate_outside
from langchain_tyrum.errors import LedgerError, ProviderError, TyrumError
from langchain_tyrum.ledger import reservations
from langchain_tyrum.ledger.reading import hash_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_tyrum.broker.core import Core, Journal, Secret
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.broker.lease.reading import Reading
    from langchain_tyrum.errors import SecretNotFound
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.grants import Grant
    from langchain_tyrum.ledger.secret_rows import Entry


class Stale(ProviderError):
    """The secret changed while it was read, so that nobody has checked what it is."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one transaction has checked and reserved for one call."""

    entries: Mapping[str, Entry]
    call: CallIdentity
    grant: Grant | None
    told: Mapping[str, Any]  # ledger fields that all rows of this call share
    intent_seq: int

    @property
    def records(self) -> list[SecretRecord]:
        """The records, in the order in which they were asked for."""
        return [entry.record for entry in self.entries.values()]


class Reserving:
    """Begins leases and writes down how they ended.

    Args:
        core: The broker's stores and rules.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._permits = Permits(core)

    def begin(
        self,
        wanted: Mapping[str, Secret],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None,
    ) -> Plan:
        """Check, reserve the grant and write the intent, in one transaction.

        Raises:
            TyrumError: This use is refused; the ledger says so.
        """
        begun: Plan | TyrumError | None = None
        try:
            with self._core.journal() as journal:
                begun = self._begin(journal, wanted, tool_id, call, digest)
        except BaseException as error:
            if isinstance(begun, Plan):
                self._take_back(begun, journal.rows[-1], error)
            raise
        if isinstance(begun, TyrumError):
            raise begun
        return begun

    def finish(self, plan: Plan, readings: Sequence[Reading]) -> TyrumError | None:
        """Write the outcome, unless what was checked is no longer so.

        Args:
            plan: What was reserved.
            readings: What the providers answered.

        Returns:
            None when the values may be handed out; else why not. Nothing is reserved
            any more then.
        """
        with self._core.journal() as journal:
            if not reservations.drop(journal.connection, plan.intent_seq):
                return _settled(plan)
            failure = self._changed(journal, plan, readings)
            if failure is not None:
                self._give_back(journal, plan, failure)
                return failure
            for reading in readings:
                if reading.is_first:
                    note_mark(self._core, journal, reading)
            for record in plan.records:
                log_lease(journal, "lease", "resolved", record, plan.told)
            if plan.grant:
                log_lease(journal, "grant_used", plan.grant.mode, None, plan.told)
        return None

    def undo(self, plan: Plan, error: BaseException) -> None:
        """Write that nothing was handed out, and give the grant back."""
        with self._core.journal() as journal:
            if reservations.drop(journal.connection, plan.intent_seq):
                self._give_back(journal, plan, error)

    def explain(self, plan: Plan, missing: SecretNotFound) -> TyrumError:
        """Tell a version that was destroyed meanwhile from a value that is not there.

        Args:
            plan: What was reserved.
            missing: What the provider said.

        Returns:
            What the lease fails with: `Stale` starts it over.
        """
        with self._core.catalog.reading() as connection:
            for entry in plan.entries.values():
                now = self._core.catalog.by_id(connection, entry.record.handle_id)
                if now.record.version != entry.record.version:
                    return _stale(plan)
        return missing

    def _begin(
        self,
        journal: Journal,
        wanted: Mapping[str, Secret],
        tool_id: str,
        call: CallIdentity,
        digest: str | None,
    ) -> Plan | TyrumError:
        told = about_call(tool_id, call, self._core.environment)
        entries: dict[str, Entry] = {}
        try:
            for name, secret in wanted.items():
                entries[name] = self._usable(journal, secret, tool_id, call)
            grant, told = self._permits.reserve(
                journal, entries.values(), told, call=call, digest=digest
            )
        except TyrumError as error:
            error.tool_id = error.tool_id or tool_id
            self._log_refusal(journal, error, told)
            return error
        return self._reserve(journal, entries, grant, told, call)

    def _take_back(
        self, plan: Plan, last: Mapping[str, Any], error: BaseException
    ) -> None:
        """Undo what was committed and could not be told to the head file."""
        with suppress(TyrumError):
            if hash_at(self._core.catalog, last["seq"]) == last["hash"]:
                self.undo(plan, error)

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

    def _reserve(
        self,
        journal: Journal,
        entries: Mapping[str, Entry],
        grant: Grant | None,
        told: Mapping[str, Any],
        call: CallIdentity,
    ) -> Plan:
        if grant:
            log_lease(journal, "grant_reserved", grant.mode, None, told)
        begun = len(journal.rows)
        for entry in entries.values():
            log_lease(journal, "lease_intent", "reserved", entry.record, told)
        seq = reservations.reserve(
            journal.connection,
            journal.rows[begun:],
            grant.grant_id if grant else None,
        )
        return Plan(entries=entries, call=call, grant=grant, told=told, intent_seq=seq)

    def _log_refusal(
        self, journal: Journal, error: TyrumError, told: Mapping[str, Any]
    ) -> None:
        journal.log(
            "lease_denied",
            type(error).__name__,
            handle_id=error.handle if is_handle_id(error.handle) else None,
            scope=error.scope,
            error=str(error),
            **told,
        )

    def _changed(
        self, journal: Journal, plan: Plan, readings: Sequence[Reading]
    ) -> TyrumError | None:
        """Why what was reserved no longer holds, if so."""
        foreign = [reading for reading in readings if reading.is_foreign]
        for reading in foreign:
            rotate_outside(self._core, journal, reading.entry, reading.mark)
        if foreign:
            return _stale(plan)
        for reading in readings:
            record = reading.entry.record
            now = self._core.catalog.by_id(journal.connection, record.handle_id)
            try:
                check_usable(
                    now.record,
                    tool_id=plan.told["tool_id"],
                    call=plan.call,
                    environment=self._core.environment,
                )
            except TyrumError as error:
                return error
            if _differs(reading, now):
                return _stale(plan)
        return None

    def _give_back(self, journal: Journal, plan: Plan, error: BaseException) -> None:
        told = {**plan.told, "error": type(error).__name__}
        if plan.grant:
            self._core.grants.release(journal.connection, plan.grant.grant_id)
            log_lease(journal, "grant_released", plan.grant.mode, None, plan.told)
        for record in plan.records:
            log_lease(journal, "lease", "failed", record, told)


def _differs(reading: Reading, now: Entry) -> bool:
    """Whether a secret is no longer what was checked; a later version alone is not."""
    then = reading.entry
    if then.record.version < now.first_version:  # destroyed, and so covered no more
        return True
    same_version = then.record.version == now.record.version
    if same_version and now.fingerprint not in (then.fingerprint, reading.mark):
        return True
    return _terms(then) != _terms(now)


def _terms(entry: Entry) -> tuple[object, ...]:
    """What policy and provider were asked about."""
    record = entry.record
    place = (record.provider, entry.ref)
    return (*place, record.scope, record.environment, record.allowed_hosts)


def _stale(plan: Plan) -> Stale:
    return Stale(
        "the secret changes faster than it can be read: see in the ledger who rotates "
        "it, and lease it again",
        handle=plan.records[0].handle_id,
        tool_id=plan.told["tool_id"],
    )


def _settled(plan: Plan) -> LedgerError:
    return LedgerError(
        "this lease took so long that somebody settled it as unfinished: ask for "
        "approval again",
        handle=plan.records[0].handle_id,
        tool_id=plan.told["tool_id"],
    )
