"""The ledger: a hash-chained audit trail that holds no value.

Each row carries an HMAC over its own fields, the hash of the row before it and the id
of this ledger. The key is derived from the master key, so who can write the database
cannot write history; when the master key changes, the next row is signed by the key of
the new one.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger import reading, schema
from langchain_tyrum.ledger.chain import row_hash, shortened
from langchain_tyrum.ledger.data_keys import DataKeys
from langchain_tyrum.ledger.headfile import HeadFile
from langchain_tyrum.ledger.sinks import check_sinks
from langchain_tyrum.ledger.verify import LedgerHead

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from langchain_tyrum.ledger.catalog import Catalog
    from langchain_tyrum.ledger.data_keys import LedgerKeys
    from langchain_tyrum.ledger.master import MasterKey
    from langchain_tyrum.ledger.ring import KeyRing
    from langchain_tyrum.ledger.verify import LedgerReport

logger = logging.getLogger(__name__)

#: Made once: every lease executes them.
_ADD = insert(schema.ledger)
_MOVE_ON = update(schema.ledger_head)
_END = select(schema.ledger_head.c.hash, schema.ledger.c.hash).join_from(
    schema.ledger_head, schema.ledger, schema.ledger_head.c.seq == schema.ledger.c.seq
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What one ledger row tells, before the chain adds its number and hashes."""

    action: str
    outcome: str
    handle_id: str | None = None
    version: int | None = None
    name: str | None = None
    scope: str | None = None
    tool_id: str | None = None
    tool_call_id: str | None = None
    thread_id: str | None = None
    run_id: str | None = None
    tenant: str | None = None
    user: str | None = None
    environment: str | None = None
    policy_sha256: str | None = None
    error: str | None = None


class Audit:
    """Append to, read and verify one ledger.

    Args:
        catalog: The database that holds it.
        ring: The master keys; the one that the ledger is under gives its key.
        head_file: Where the end of the chain is kept outside the database, so that
            truncation and rollback show. Its folder must exist.
        sinks: Called with each row, as a dict, after it has been committed. The SQL
            ledger is the record; a sink that fails is logged and holds up nobody.

    Raises:
        KeyMismatch: The ledger is under another key.
        LedgerError: It has rows and has lost its head.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        ring: KeyRing,
        head_file: Path | None = None,
        sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    ) -> None:
        self._catalog = catalog
        self._keys = DataKeys(ring)
        self._head_file = HeadFile(head_file) if head_file else None
        self._sinks = check_sinks(sinks)
        with catalog.reading() as connection:
            head = reading.head_row(connection)
            if head is not None:
                self._keys.of(connection, head)
        if head is None:
            with catalog.transaction() as connection:
                head = reading.head_row(connection, lock=True)
                head = head or self._keys.begin(connection)
                self._keys.of(connection, head)
        self.ledger_id: str = head.ledger_id
        if self._head_file:
            self._begin_head(self._head_file)

    def _begin_head(self, file: HeadFile) -> None:
        """Keep the head outside from here on, if it was not kept before."""
        with self._catalog.reading() as connection:
            if self._keys.of(connection, self._head(connection)).head_kept:
                return
        with self._catalog.transaction() as connection:
            head = self._head(connection, lock=True)
            keys = self._keys.of(connection, head)
            if not keys.head_kept:
                file.begin(LedgerHead(head.ledger_id, head.seq, head.hash))
                self._keys.mark_kept(connection, keys)

    def __repr__(self) -> str:
        return f"Audit({self.ledger_id!r}, sinks={len(self._sinks)})"

    @property
    def ring(self) -> KeyRing:
        """The master keys."""
        return self._keys.ring

    def lasting_key(self, label: str) -> bytes:
        """A key for another purpose, which no rotation of the master key changes.

        Args:
            label: `fingerprint` or `seal`.

        Raises:
            LedgerError: What is kept of it is gone or was altered.
        """
        return self.keys().lasting(label)

    def keys(self) -> LedgerKeys:
        """The keys that the ledger is under now; a rotation changes them."""
        with self._catalog.reading() as connection:
            return self._keys.of(connection, self._head(connection))

    def append(self, connection: Connection, event: Event) -> dict[str, Any]:
        """Write one row inside the caller's transaction.

        The row stands or falls with what it tells of. Give the result to `publish`
        once the transaction has committed.

        Raises:
            LedgerError: The head of the chain is missing, or the database did not
                take the row: a trigger can turn any statement into nothing.
            KeyMismatch: The master key was rotated, and the new one is not to be
                found here.
        """
        head = self._head(connection, lock=True)
        keys = self._keys.of(connection, head)
        row: dict[str, Any] = {
            "seq": head.seq + 1,
            "occurred_at": self._catalog.clock().isoformat(),
            **shortened(vars(event)),
            "prev_hash": head.hash,
        }
        row["hash"] = row_hash(keys.audit, self.ledger_id, row)
        connection.execute(_ADD, row)
        connection.execute(_MOVE_ON, {"seq": row["seq"], "hash": row["hash"]})
        if connection.execute(_END).all() != [(row["hash"], row["hash"])]:
            raise LedgerError(
                "the database did not take the row of the ledger: look for triggers "
                "and rules on its tables; nothing was changed"
            )
        return row

    def turn(
        self, connection: Connection, new: MasterKey, event: Event
    ) -> dict[str, Any] | None:
        """Write the last row under the present key, and go on under a new master key.

        Returns:
            The row; None when the ledger is under that master key already.
        """
        keys = self._keys.load(connection, self._head(connection, lock=True))
        if keys.master == new:
            return None
        row = self.append(connection, event)
        self._keys.turn(connection, keys, new, row)
        return row

    def publish(self, *rows: dict[str, Any]) -> None:
        """Tell the head file and the sinks of rows that have been committed.

        Raises:
            LedgerError: The head cannot be kept. The rows stand; but what could be cut
                off later without a trace must not be followed by a value.
        """
        if rows and self._head_file:
            self._head_file.keep(
                self.ledger_id,
                rows,
                hash_at=lambda seq: reading.hash_at(self._catalog, seq),
            )
        for sink in self._sinks:
            for row in rows:
                try:
                    sink(dict(row))
                except KeyboardInterrupt:
                    raise
                except BaseException:  # a SystemExit of its own ends nobody's lease
                    # No traceback: a sink's own exception may hold anything.
                    logger.warning("an audit sink failed; the SQL ledger is complete")

    def head(self) -> LedgerHead:
        """Where the chain ends now. Keep it elsewhere to notice truncation."""
        with self._catalog.reading() as connection:
            head = self._head(connection)
        return LedgerHead(head.ledger_id, head.seq, head.hash)

    def keep_head(self) -> LedgerHead:
        """Accept the ledger as it is, after its head file was lost or left behind.

        Do this when you know why: a backup was restored, or the file was deleted by
        mistake. Until then `verify` tells of it.

        Returns:
            The head that is kept from now on.

        Raises:
            LedgerError: There is no head file, or the rows themselves do not verify.
        """
        if not self._head_file:
            raise LedgerError("this ledger keeps no head file: pass head_file=…")
        head = self.head()
        found = self.verify(head)
        if not found.ok:
            kinds = ", ".join(sorted({problem.kind for problem in found.problems}))
            raise LedgerError(
                f"the rows of the ledger do not verify ({kinds}): keep the database as "
                "evidence, and restore a backup; nothing was changed"
            )
        self._head_file.replace(head)
        return head

    def tail(self, n: int = 20, *, tenant: str | None = None) -> list[dict[str, Any]]:
        """The last `n` rows, oldest first; those of one tenant, if one is given."""
        return reading.tail_rows(self._catalog, n, tenant=tenant)

    def export(self, path: str | Path, *, tenant: str | None = None) -> int:
        """Write the rows as JSON lines, for yourself alone; returns how many.

        Args:
            path: The file; an existing one is replaced when the new one is complete.
            tenant: Only rows of this tenant. Such a file cannot be verified: rows of
                others lie between its rows.
        """
        return reading.export_rows(self._catalog, Path(path), tenant=tenant)

    def verify(
        self,
        expected: LedgerHead | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> LedgerReport:
        """Check every row and the chain between them.

        Finds edits, deletions, reordering, insertion, replay, changed metadata and
        forks; with a head kept outside the database (the head file of
        `SecretBroker.local`, or `expected`) also truncation and rollback. Leases and
        everything else go on meanwhile.

        Args:
            expected: A head noted earlier; the chain must still run through it.
            progress: Called with the number of rows checked so far.

        Returns:
            The report; `report.ok` is False when anything was found.
        """
        return reading.verify_rows(
            self._catalog,
            self._keys,
            head_file=self._head_file,
            expected=expected,
            progress=progress,
        )

    def _head(self, connection: Connection, *, lock: bool = False) -> Row[Any]:
        head = reading.head_row(connection, lock=lock)
        mine = head is not None and head.ledger_id == self.ledger_id
        if head is None or not mine or not isinstance(head.seq, int):
            raise LedgerError(
                "the head of the ledger is missing, altered or another ledger's: "
                "restore the catalog from a backup; nothing was changed"
            )
        return head
