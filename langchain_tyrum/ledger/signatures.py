"""Which key must have signed which row."""

from __future__ import annotations

import hmac
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from langchain_tyrum.ledger.chain import row_hash

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.ledger.data_keys import LedgerKeys

#: How far from its place a row is looked for that was moved.
_NEAR = 64


class Signatures:
    """The keys of a ledger, by the rows that they signed.

    Args:
        keys: The keys.

    Attributes:
        ledger_id: The ledger that the rows must belong to.
        ends: The hash that the last row of each earlier epoch must carry.
        lost: What is wrong with the keys of earlier epochs, in words.
    """

    def __init__(self, keys: LedgerKeys) -> None:
        self.ledger_id = keys.ledger_id
        kept = {
            epoch.number: epoch
            for epoch in keys.epochs
            if epoch.key is not None and epoch.number < keys.number
        }
        known = [kept[number] for number in sorted(kept)]
        self.ends = {epoch.until_seq: epoch.hash for epoch in known}
        self._untils = [epoch.until_seq for epoch in known]
        self._keys = [epoch.key or b"" for epoch in known] + [keys.audit]
        self._numbers = [epoch.number for epoch in known] + [keys.number]
        self.lost = [
            f"the key of part {number + 1} of the ledger, kept in the table data_keys, "
            "is gone or was altered"
            for number in range(keys.number)
            if number not in kept
        ]
        strange = [e.number for e in keys.epochs if e.number >= keys.number]
        self.lost += [f"the table data_keys holds a key {n} too many" for n in strange]
        self.lost += [
            f"the key {label!r}, kept in the table data_keys, is gone or was altered"
            for label, key in keys.stable.items()
            if key is None
        ]

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether the key that counts for this row signed it, here, in this ledger."""
        key = self._keys[bisect_left(self._untils, row["seq"])]
        return self._signed(key, row)

    def doubtful(self, seq: int) -> bool:
        """Whether the key that counts for a row may be one that is lost."""
        at = bisect_left(self._untils, seq)
        before = self._numbers[at - 1] if at else -1
        return self._numbers[at] != before + 1

    def other_place(self, row: Mapping[str, Any]) -> int | None:
        """The number near by under which a row was written; None when there is none."""
        seq = row["seq"]
        for other in range(max(1, seq - _NEAR), seq + _NEAR + 1):
            if other != seq and self.fits({**row, "seq": other}):
                return other
        return None

    def _signed(self, key: bytes, row: Mapping[str, Any]) -> bool:
        signed = row_hash(key, self.ledger_id, row)
        return hmac.compare_digest(ascii(signed), ascii(row["hash"]))
