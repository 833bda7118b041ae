"""What reached the membrane raw: one ledger row for each place and value of a run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.redaction.findings import Finding

#: Rows that one run may write: a graph that leaks everywhere must not fill a ledger.
_MOST = 100
_ACTION = "leak_found"


class Leaks:
    """Collects what was found, and writes it where the run may wait for the ledger.

    Findings come out of callbacks that an event loop calls; only the graph's own
    stream can await a row. Nothing is written twice.

    Args:
        broker: Whose ledger it is.
        call: On whose behalf the run happens.
    """

    __slots__ = ("_broker", "_call", "_pending", "_seen")

    def __init__(self, broker: SecretBroker, call: CallIdentity) -> None:
        self._broker = broker
        self._call = call
        self._seen: set[tuple[str, str]] = set()
        self._pending: deque[tuple[str, dict[str, Any]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._pending)

    def note(self, finding: Finding, *, where: str, outcome: str) -> None:
        """Note what was found; the value is in none of it.

        Args:
            finding: What was found.
            where: What it was found in.
            outcome: `redacted`, `refused` or `observed`.
        """
        what = where, finding.name or finding.rule
        if what in self._seen or len(self._seen) >= _MOST:
            return
        self._seen.add(what)
        self._pending.append((outcome, self._row(finding, where)))

    def write(self) -> None:
        """Write what was noted.

        Raises:
            LedgerError: The ledger does not take it; the run must not go on unseen.
        """
        while self._pending:
            outcome, row = self._pending.popleft()
            self._broker.record(_ACTION, outcome, **row)

    async def awrite(self) -> None:
        """Write what was noted; the async twin."""
        while self._pending:
            outcome, row = self._pending.popleft()
            await self._broker.arecord(_ACTION, outcome, **row)

    def _row(self, finding: Finding, where: str) -> dict[str, Any]:
        call = self._call
        at = f" at {finding.path}" if finding.path else ""
        return {
            "name": finding.name or None,
            "thread_id": call.thread_id,
            "run_id": call.run_id,
            "tenant": call.tenant,
            "user": call.user,
            "error": f"in {where}{at}, rule {finding.rule}",
        }
