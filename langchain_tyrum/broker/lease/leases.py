"""From handle to value: the one choke point that everything resolves through."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from langchain_tyrum.broker import forks
from langchain_tyrum.broker.lease.opened import Held, Opened
from langchain_tyrum.broker.lease.permits import Permits
from langchain_tyrum.broker.lease.reading import Reading, read
from langchain_tyrum.broker.lease.reserving import Plan, Reserving, Stale
from langchain_tyrum.errors import SecretNotFound, TyrumError
from langchain_tyrum.handles import SecretValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_tyrum.broker.core import Core, Secret
    from langchain_tyrum.broker.identity import CallIdentity
    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.grants import Use

#: How often a lease starts over when its secret changes while it is read.
_ATTEMPTS = 5


class Leases:
    """Opens leases and knows which are open.

    Args:
        core: The broker's stores and rules.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._permits = Permits(core)
        self._reserving = Reserving(core)
        self.opened = Opened()
        forks.watch(self)

    def __len__(self) -> int:
        return len(self.opened)

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
        held = self._resolve(wanted, tool_id=tool_id, call=call, digest=digest)
        try:
            yield dict(held.values)
        finally:
            self.opened.leave(held)

    def needs(
        self,
        records: Sequence[SecretRecord],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None = None,
    ) -> Use | None:
        """The use that a grant has to cover; None when the policy asks for none."""
        return self._permits.needs(records, tool_id=tool_id, call=call, digest=digest)

    def after_fork(self) -> None:
        """Drop every value in a child; leases are those of the parent."""
        self.opened.after_fork()
        for provider in self._core.providers.values():
            getattr(provider, "after_fork", lambda: None)()

    def _resolve(
        self,
        wanted: Mapping[str, Secret],
        *,
        tool_id: str,
        call: CallIdentity,
        digest: str | None,
    ) -> Held:
        if not wanted:
            return Held({})
        for left in reversed(range(_ATTEMPTS)):
            plan = self._reserving.begin(
                wanted, tool_id=tool_id, call=call, digest=digest
            )
            held = self.opened.enter(plan.entries)
            failure = self._fill(plan, held)
            if failure is None:
                return held
            if not left or not isinstance(failure, Stale):
                # Its frames hold what was read, for as long as somebody keeps it.
                raise failure.with_traceback(None)
        raise AssertionError  # the last attempt returns or raises

    def _fill(self, plan: Plan, held: Held) -> TyrumError | None:
        """Ask the providers, register, and commit the outcome; or undo it all."""
        done = False
        try:
            failure = self._read(plan, held)
            done = failure is None
        except TyrumError as error:  # of the ledger, after the values were read
            with suppress(TyrumError):
                self._reserving.undo(plan, error)
            failure = error
        except BaseException as error:  # e.g. Ctrl-C while a provider is slow
            with suppress(TyrumError):
                self._reserving.undo(plan, error)
            raise
        finally:
            if not done:
                self.opened.leave(held)
        return failure

    def _read(self, plan: Plan, held: Held) -> TyrumError | None:
        failure: TyrumError
        try:
            readings = self._ask(plan, held)
        except SecretNotFound as error:
            failure = self._reserving.explain(plan, error)
        except TyrumError as error:
            failure = error
        else:
            return self._reserving.finish(plan, readings)
        self._reserving.undo(plan, failure)
        return failure

    def _ask(self, plan: Plan, held: Held) -> list[Reading]:
        readings = []
        for name, entry in plan.entries.items():
            reading = read(self._core, entry)
            readings.append(reading)
            held.values[name] = SecretValue(reading.value, name=entry.record.name)
        return readings
