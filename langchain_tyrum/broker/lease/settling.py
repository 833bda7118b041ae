"""The part of the broker that finds and settles what a crash left behind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from langchain_tyrum.broker.part import Part, twin
from langchain_tyrum.handles import Table
from langchain_tyrum.ledger import reservations

if TYPE_CHECKING:
    from langchain_tyrum.ledger.reservations import Unfinished


class Settling(Part):
    """`unfinished` and `settle`, and their twins."""

    def unfinished(self, *, older_than_seconds: float = 60) -> list[Unfinished]:
        """Leases that were begun and have no outcome, oldest first.

        Each is a process that died between intent and outcome. The outcome is written
        before the value is handed out, so its tool never got it; still, the grant that
        it reserved counts as used.

        Args:
            older_than_seconds: Leave out younger ones: they may still be at it.
        """
        core = self._core
        latest = core.catalog.clock() - timedelta(seconds=older_than_seconds)
        with core.catalog.reading() as connection:
            found = reservations.unfinished(connection)
        return Table(lease for lease in found if lease.reserved_at <= latest)

    def settle(self, intent_seq: int) -> bool:
        """Close the books on a lease that will have no outcome any more.

        Its outcome in the ledger is then `unfinished`. The grant stays used: ask the
        person again. Settling a lease that is still at it makes that lease fail.

        Args:
            intent_seq: As `unfinished` tells it.

        Returns:
            False when it has an outcome already.
        """
        with self._core.journal() as journal:
            connection = journal.connection
            for lease in reservations.unfinished(connection):
                if lease.intent_seq != intent_seq:
                    continue
                reservations.drop(connection, intent_seq)
                told = reservations.about(lease)
                for handle_id in lease.handle_ids:
                    journal.log("lease", "unfinished", handle_id=handle_id, **told)
                return True
        return False

    aunfinished = twin(unfinished)
    asettle = twin(settle)
