"""The end of the chain, kept outside the database so that truncation shows."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger.verify import LedgerHead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC
#: The file is written in place and never gets shorter, so one call replaces it.
_LENGTH = 256


class HeadFile:
    """A small file that never goes back, however many threads and processes write.

    It moves on only along the chain whose head it holds. A database that was set back
    to an older copy, or replaced, leaves it standing where it was, and so does a file
    that somebody deleted: it is made once, and never again by itself. Verification
    then tells of it until `Audit.keep_head` accepts the ledger as it is. Who can write
    this file can read the key beside it, so it is not signed.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> LedgerHead | None:
        """The head that was kept last, or None when there is no file.

        Raises:
            LedgerError: The file is there and cannot be read.
        """
        try:
            with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as file:
                return self._head(file)
        except FileNotFoundError:
            return None
        except OSError:
            pass  # raised below
        raise self._unreadable()

    def begin(self, head: LedgerHead) -> None:
        """Make the file, unless there is one."""
        self._write(head, os.O_RDWR | os.O_CREAT, moves_on=lambda kept: kept is None)

    def replace(self, head: LedgerHead) -> None:
        """Keep this head, whatever was kept before."""
        self._write(head, os.O_RDWR | os.O_CREAT, moves_on=lambda _: True)

    def keep(
        self,
        ledger_id: str,
        rows: Sequence[Mapping[str, Any]],
        *,
        hash_at: Callable[[int], str | None],
    ) -> None:
        """Move on to the last of some rows, unless a later one is kept already.

        Args:
            ledger_id: The ledger.
            rows: Rows that follow one another, and were committed.
            hash_at: Looks up the hash of an earlier row in the database.

        Raises:
            LedgerError: The file cannot be read or written.
        """
        last = rows[-1]

        def moves_on(kept: LedgerHead | None) -> bool:
            if kept and kept.ledger_id == ledger_id and kept.seq >= last["seq"]:
                return False
            if kept and kept.ledger_id == ledger_id:
                known = {row["seq"]: row["hash"] for row in rows}
                known[rows[0]["seq"] - 1] = rows[0]["prev_hash"]
                before = known.get(kept.seq) or hash_at(kept.seq)
                if before == kept.hash:
                    return True
            logger.warning(
                "the ledger does not go on from its head file: verify the audit trail"
            )
            return False

        head = LedgerHead(ledger_id, last["seq"], last["hash"])
        try:
            self._write(head, os.O_RDWR, moves_on=moves_on)
        except FileNotFoundError:
            logger.warning("the ledger has lost its head file: verify the audit trail")

    def _write(
        self,
        head: LedgerHead,
        flags: int,
        *,
        moves_on: Callable[[LedgerHead | None], bool],
    ) -> None:
        content = json.dumps(asdict(head)).encode().ljust(_LENGTH)
        try:
            with self._locked(flags, fcntl.LOCK_EX) as file:
                if moves_on(self._head(file)):
                    os.pwrite(file, content, 0)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
        except OSError:
            pass  # raised below
        else:
            return
        raise LedgerError(
            f"the ledger's head {str(self._path)!r} cannot be kept: make it a file "
            "that you can write; the rows that were to move it on are in the ledger"
        )

    @contextmanager
    def _locked(self, flags: int, lock: int) -> Iterator[int]:
        file = os.open(self._path, flags | _OPEN, 0o600)
        try:
            fcntl.flock(file, lock)
            yield file
        finally:
            # A child that was forked meanwhile has the file open too, and the lock.
            fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)

    def _head(self, file: int) -> LedgerHead | None:
        """What the file holds; None when it was just made."""
        content = os.pread(file, 4 * _LENGTH, 0)
        try:
            return LedgerHead(**json.loads(content)) if content else None
        except (ValueError, TypeError):
            pass  # raised below, without the file's content
        raise self._unreadable()

    def _unreadable(self) -> LedgerError:
        return LedgerError(
            f"the ledger's head {str(self._path)!r} cannot be read: restore it from a "
            "backup; or, if you know that the ledger is whole, delete it and call "
            "broker.audit.keep_head()"
        )
