"""The end of the chain, kept outside the database so that truncation shows."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger.verify import LedgerHead

if TYPE_CHECKING:
    from pathlib import Path


class HeadFile:
    """A small file that never goes back, however many threads and processes write.

    Two processes may finish in another order than they committed; the later row then
    stays. An older head would still be true, only weaker.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def read(self) -> LedgerHead | None:
        """The head that was kept last, or None.

        Raises:
            LedgerError: The file is there and cannot be read.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
            return LedgerHead(**json.loads(text))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            pass  # raised below, without the file's content
        raise LedgerError(
            f"the ledger's head {str(self._path)!r} cannot be read: restore it from a "
            "backup, or delete it if you know that the ledger is whole"
        )

    def keep(self, head: LedgerHead) -> None:
        """Keep a head, unless a later one of the same ledger is kept already.

        Raises:
            LedgerError: The file cannot be written.
        """
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            with self._lock:
                kept = self.read()
                if kept and kept.ledger_id == head.ledger_id and kept.seq >= head.seq:
                    return
                draft.write_text(json.dumps(asdict(head)), encoding="utf-8")
                draft.replace(self._path)
        except OSError:
            pass  # raised below
        else:
            return
        raise LedgerError(
            f"the ledger's head cannot be kept: make {str(self._path)!r} writable"
        )
