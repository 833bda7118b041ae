"""What chains the rows of a ledger: pure."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The longest text of a row, and how much of a longer one it shows.
_LONGEST, _SHOWN = 1_024, 256


def row_hash(key: bytes, ledger_id: str, row: Mapping[str, Any]) -> str:
    """HMAC-SHA256 over the canonical JSON of a row and the ledger it belongs to."""
    body = {name: value for name, value in row.items() if name != "hash"}
    text = json.dumps(
        [ledger_id, body], sort_keys=True, separators=(",", ":"), default=_foreign
    )
    return hmac.digest(key, text.encode(), "sha256").hex()


def shortened(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Cut long texts, which clients and models choose, and no row ever forgets."""
    return {name: _short(value) for name, value in fields.items()}


def _short(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= _LONGEST:
        return value
    whole = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
    return f"{value[:_SHOWN]}… ({len(value)} characters, sha256 {whole})"


def _foreign(value: object) -> dict[str, str]:
    """What no row is written with, so that its hash fits nothing: bytes."""
    return {type(value).__name__: repr(value)}


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
