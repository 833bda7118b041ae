"""What chains the rows of a ledger: pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def row_hash(key: bytes, ledger_id: str, row: Mapping[str, Any]) -> str:
    """HMAC-SHA256 over the canonical JSON of a row and the ledger it belongs to."""
    body = {name: value for name, value in row.items() if name != "hash"}
    text = json.dumps([ledger_id, body], sort_keys=True, separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()


def key_check(key: bytes, ledger_id: str, epoch: int, *, head_kept: bool) -> str:
    """Tells the key that signs, and what else must be there.

    That is: so many keys that signed before it, and a head that is kept outside the
    database. Else who can write the database could drop what is kept of earlier keys,
    or delete the head file, and it would look as if there had never been any.
    """
    what = f"key {epoch} of {ledger_id}" if epoch else f"key of {ledger_id}"
    if head_kept:
        what += ", head kept"
    return hmac.digest(key, what.encode(), "sha256").hex()


def genesis(ledger_id: str) -> str:
    """The hash before the first row."""
    return hashlib.sha256(ledger_id.encode()).hexdigest()
