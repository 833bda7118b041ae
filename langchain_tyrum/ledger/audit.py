"""The ledger: a hash-chained audit trail that holds no value.

Each row carries an HMAC over its own fields, the hash of the row before it and the id
of this ledger. The key is derived from the master key, so who can write the database
cannot write history.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from langchain_tyrum.errors import KeyMismatch, LedgerError
from langchain_tyrum.handles import Table, new_id
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.headfile import HeadFile
from langchain_tyrum.ledger.verify import LedgerHead, LedgerReport, verify_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from langchain_tyrum.ledger.catalog import Catalog

logger = logging.getLogger(__name__)

Sink = "Callable[[Mapping[str, Any]], None]"


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


@dataclass
class Pending:
    """Rows of an open transaction, given to the sinks once it has committed."""

    rows: list[dict[str, Any]] = field(default_factory=list)


class Audit:
    """Append to, read and verify one ledger.

    Args:
        catalog: The database that holds it.
        key: The HMAC key, 32 bytes.
        head_file: Where the end of the chain is kept outside the database, so that
            truncation and rollback show.
        sinks: Called with each row, as a dict, after it has been committed. The SQL
            ledger is the record; a sink that fails is logged and holds up nobody.

    Raises:
        KeyMismatch: The ledger was begun under another key.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        key: bytes,
        head_file: Path | None = None,
        sinks: Sequence[Callable[[Mapping[str, Any]], None]] = (),
    ) -> None:
        self._catalog = catalog
        self._key = key
        self._head_file = HeadFile(head_file) if head_file else None
        self._sinks = tuple(sinks)
        with catalog.transaction() as connection:
            head = _head_row(connection) or self._begin(connection)
        if not hmac.compare_digest(head.key_check, _key_check(key, head.ledger_id)):
            raise KeyMismatch(
                "this ledger was begun under another master key: give the one that "
                "opens the store by `key=`, TYRUM_MASTER_KEY or the key file; nothing "
                "was changed"
            )
        self.ledger_id: str = head.ledger_id

    def _begin(self, connection: Connection) -> Any:
        ledger_id = new_id("l_")
        connection.execute(
            insert(schema.ledger_head).values(
                ledger_id=ledger_id,
                seq=0,
                hash=_genesis(ledger_id),
                key_check=_key_check(self._key, ledger_id),
            )
        )
        return _head_row(connection)

    def __repr__(self) -> str:
        return f"Audit({self.ledger_id!r}, sinks={len(self._sinks)})"

    def append(self, connection: Connection, event: Event) -> dict[str, Any]:
        """Write one row inside the caller's transaction.

        The row stands or falls with what it tells of. Give the result to `publish`
        once the transaction has committed.

        Raises:
            LedgerError: The head of the chain is missing.
        """
        head = _head_row(connection)
        if head is None or head.ledger_id != self.ledger_id:
            raise LedgerError(
                "the head of the ledger is missing or another ledger's: restore the "
                "catalog from a backup; nothing was changed"
            )
        row: dict[str, Any] = {
            "seq": head.seq + 1,
            "occurred_at": self._catalog.clock().isoformat(),
            **asdict(event),
            "prev_hash": head.hash,
        }
        row["hash"] = row_hash(self._key, self.ledger_id, row)
        connection.execute(insert(schema.ledger).values(**row))
        connection.execute(
            update(schema.ledger_head).values(seq=row["seq"], hash=row["hash"])
        )
        return row

    def publish(self, *rows: dict[str, Any]) -> None:
        """Tell the head file and the sinks of rows that have been committed."""
        if rows and self._head_file:
            last = rows[-1]
            self._head_file.keep(LedgerHead(self.ledger_id, last["seq"], last["hash"]))
        for sink in self._sinks:
            for row in rows:
                try:
                    sink(dict(row))
                except Exception:
                    # No traceback: a sink's own exception may hold anything.
                    logger.warning("an audit sink failed; the SQL ledger is complete")

    def head(self) -> LedgerHead:
        """Where the chain ends now. Keep it elsewhere to notice truncation."""
        with self._catalog.transaction() as connection:
            row = _head_row(connection)
        if row is None:
            raise LedgerError("the ledger has lost its head: restore a backup")
        return LedgerHead(row.ledger_id, row.seq, row.hash)

    def tail(self, n: int = 20) -> list[dict[str, Any]]:
        """The last `n` rows, oldest first."""
        query = select(schema.ledger).order_by(schema.ledger.c.seq.desc()).limit(n)
        with self._catalog.transaction() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return Table(rows[::-1])

    def export(self, path: str | Path) -> int:
        """Write all rows as JSON lines; returns how many.

        Args:
            path: The file; an existing one is replaced.
        """
        from pathlib import Path  # noqa: PLC0415 - typing-only elsewhere

        rows = self.tail(2**31)
        text = "".join(json.dumps(row, sort_keys=True) + "\n" for row in rows)
        Path(path).write_text(text, encoding="utf-8")
        return len(rows)

    def verify(
        self,
        expected: LedgerHead | None = None,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> LedgerReport:
        """Check every row and the chain between them.

        Finds edits, deletions, reordering, insertion, replay from another ledger,
        changed metadata and forks; with a head kept outside the database (the head
        file of `SecretBroker.local`, or `expected`) also truncation and rollback.

        Args:
            expected: A head noted earlier; the chain must still run through it.
            progress: Called with the number of rows checked so far.

        Returns:
            The report; `report.ok` is False when anything was found.
        """
        if expected is None and self._head_file:
            expected = self._head_file.read()
        query = select(schema.ledger).order_by(schema.ledger.c.seq)
        with self._catalog.transaction() as connection:
            head = _head_row(connection)
            rows = connection.execute(query).mappings()
            return verify_chain(
                (dict(row) for row in rows),
                ledger_id=self.ledger_id,
                genesis=_genesis(self.ledger_id),
                sign=lambda row: row_hash(self._key, self.ledger_id, row),
                head=LedgerHead(head.ledger_id, head.seq, head.hash) if head else None,
                expected=expected,
                progress=progress,
            )


def row_hash(key: bytes, ledger_id: str, row: Mapping[str, Any]) -> str:
    """HMAC-SHA256 over the canonical JSON of a row and the ledger it belongs to."""
    body = {name: value for name, value in row.items() if name != "hash"}
    text = json.dumps([ledger_id, body], sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _key_check(key: bytes, ledger_id: str) -> str:
    return hmac.new(key, f"key of {ledger_id}".encode(), hashlib.sha256).hexdigest()


def _genesis(ledger_id: str) -> str:
    return hashlib.sha256(ledger_id.encode()).hexdigest()


def _head_row(connection: Connection) -> Any:
    return connection.execute(select(schema.ledger_head).with_for_update()).first()
