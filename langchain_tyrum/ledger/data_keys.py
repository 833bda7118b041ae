"""Keys that outlive the master key they were derived from.

When the master key changes, the key that signed the ledger so far is still needed to
verify it, and the fingerprints of values must stay what they are. Such keys are kept in
the table `data_keys`, sealed under the present master key. What is sealed names the
label, the epoch, the last row and the ledger, and holds that row's hash: so neither a
key nor the row up to which it counts can be moved, and who knows only the old master
key cannot write the old epoch anew.
"""

from __future__ import annotations

import hmac
import json
import os
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, insert, select, update

from langchain_tyrum.errors import KeyMismatch, LedgerError
from langchain_tyrum.handles import new_id
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.chain import genesis, key_check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from langchain_tyrum.ledger.master import MasterKey
    from langchain_tyrum.ledger.ring import KeyRing

#: Labels of keys that a rotation of the master key does not change.
STABLE = ("fingerprint", "seal")
_LASTING = frozenset((label, 0) for label in STABLE)

#: How many lost epochs are looked for, to tell them from a wrong master key.
_LOST = 64
_KEY = 32


@dataclass(frozen=True, repr=False)
class Epoch:
    """The rows that one earlier key signed.

    Attributes:
        number: From 0.
        until_seq: The last of them.
        key: The key; None when what is kept of it was altered.
        hash: The hash of the last row.
    """

    number: int
    until_seq: int
    key: bytes | None
    hash: str


@dataclass(frozen=True, repr=False)
class LedgerKeys:
    """The keys of a ledger at one moment.

    Attributes:
        ledger_id: The ledger.
        key_check: By which the head of the ledger tells these keys from others.
        master: The master key of the present epoch.
        number: Of the present epoch; so many came before it.
        audit: The key that signs now.
        epochs: What is kept of the earlier ones, by number.
        stable: Keys that never change, by label; None when one was altered.
        head_kept: Whether the end of the ledger is kept outside the database too.
    """

    ledger_id: str
    key_check: str
    master: MasterKey
    number: int
    audit: bytes
    epochs: tuple[Epoch, ...]
    stable: Mapping[str, bytes | None]
    head_kept: bool

    def lasting(self, label: str) -> bytes:
        """A key that no rotation changes.

        Raises:
            LedgerError: What is kept of it is gone or was altered.
        """
        found = self.stable.get(label)
        if found is None:
            raise LedgerError(
                f"the key {label!r}, which is kept in the table data_keys, is gone or "
                "was altered: restore the catalog from a backup; nothing was changed"
            )
        return found


class DataKeys:
    """Finds the keys of a ledger, also after another process has rotated them.

    Args:
        ring: The master keys.
    """

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self.known: LedgerKeys | None = None

    def begin(self, connection: Connection) -> Row[Any]:
        """Write the head of a new ledger.

        Raises:
            LedgerError: There are rows already.
        """
        if connection.execute(select(schema.ledger.c.seq).limit(1)).first():
            raise LedgerError(
                "the ledger has rows and has lost its head: keep the database as "
                "evidence, and restore a backup; nothing was changed"
            )
        ledger_id = new_id("l_")
        check = key_check(
            self.ring.current.derive("audit"), ledger_id, 0, head_kept=False
        )
        head = {"ledger_id": ledger_id, "seq": 0, "key_check": check}
        head["hash"] = genesis(ledger_id)
        connection.execute(insert(schema.ledger_head).values(**head))
        return connection.execute(select(schema.ledger_head)).one()

    def of(self, connection: Connection, head: Row[Any]) -> LedgerKeys:
        """The keys that the head of the ledger calls for.

        Raises:
            KeyMismatch: None of the master keys is the ledger's.
            ConfigError: The place of the master keys cannot be read any more.
        """
        known = self.known
        if known is None or head.key_check != known.key_check:
            self.known = known = self.load(connection, head)
        return known

    def load(self, connection: Connection, head: Row[Any]) -> LedgerKeys:
        """Like `of`, from what stands in the database now."""
        rows = list(connection.execute(select(schema.data_keys)))
        found = self._match(head, rows)
        if found is None:
            self.ring.reload()
            found = self._match(head, rows)
        if found is not None:
            return found
        raise KeyMismatch(
            "this ledger is kept under another master key than "
            f"{' and '.join(self.ring.ids)}: give the one that opens the store by "
            "`key=`, TYRUM_MASTER_KEY or the key file; when the master key was rotated "
            "meanwhile, start again with the new one; nothing was changed"
        )

    def turn(
        self,
        connection: Connection,
        keys: LedgerKeys,
        new: MasterKey,
        last: Mapping[str, Any],
    ) -> None:
        """End an epoch: keep its keys under the new master key, which signs from here.

        Args:
            connection: The open transaction, in which `last` was written.
            keys: The keys of the epoch.
            new: The master key of the next one.
            last: The last row of the epoch.

        Raises:
            LedgerError: What is kept of earlier keys was altered.
        """
        epochs = [
            *keys.epochs,
            Epoch(keys.number, last["seq"], keys.audit, last["hash"]),
        ]
        numbers = [epoch.number for epoch in epochs if epoch.key is not None]
        if numbers != list(range(keys.number + 1)):
            raise LedgerError(
                "keys of earlier parts of the ledger, kept in the table data_keys, are "
                "gone or were altered: restore the catalog from a backup before the "
                "master key is rotated; nothing was changed"
            )
        seal = _Seal(new, keys.ledger_id)
        rows = [seal.row(label, 0, 0, keys.lasting(label)) for label in STABLE]
        for epoch in epochs:
            plain = (epoch.key or b"") + epoch.hash.encode()
            rows.append(seal.row("audit", epoch.number, epoch.until_seq, plain))
        connection.execute(delete(schema.data_keys))
        connection.execute(insert(schema.data_keys), rows)
        self._check(connection, new, replace(keys, number=len(epochs)))

    def mark_kept(self, connection: Connection, keys: LedgerKeys) -> None:
        """Note that the head is kept outside the database from here on."""
        self._check(connection, keys.master, replace(keys, head_kept=True))

    def _check(
        self, connection: Connection, master: MasterKey, keys: LedgerKeys
    ) -> None:
        check = key_check(
            master.derive("audit"),
            keys.ledger_id,
            keys.number,
            head_kept=keys.head_kept,
        )
        connection.execute(update(schema.ledger_head).values(key_check=check))

    def _match(self, head: Row[Any], rows: list[Row[Any]]) -> LedgerKeys | None:
        there = sum(row.label == "audit" for row in rows)
        for master in self.ring.keys:
            audit = master.derive("audit")
            for number, kept in product(range(there + _LOST), (True, False)):
                check = key_check(audit, head.ledger_id, number, head_kept=kept)
                if hmac.compare_digest(ascii(check), ascii(head.key_check)):
                    return self._keys(head, rows, master, number, head_kept=kept)
        return None

    def _keys(
        self,
        head: Row[Any],
        rows: list[Row[Any]],
        master: MasterKey,
        number: int,
        *,
        head_kept: bool,
    ) -> LedgerKeys:
        opened = {
            (row.label, row.epoch): (row.until_seq, self._open(head.ledger_id, row))
            for row in rows
        }
        epochs = []
        stable: dict[str, bytes | None] = {}
        for (label, epoch), (until, plain) in opened.items():
            if label == "audit" and isinstance(epoch, int):
                key, ending = (plain or b"")[:_KEY] or None, (plain or b"")[_KEY:]
                epochs.append(Epoch(epoch, until, key, ending.decode()))
            elif (label, epoch) not in _LASTING:  # nobody's: verification tells of it
                stable[f"{label} {epoch}"] = None
        epochs.sort(key=lambda epoch: epoch.number)
        for label in STABLE:
            kept = opened.get((label, 0), (0, None))[1]
            stable[label] = kept if number else master.derive(label)
        return LedgerKeys(
            head.ledger_id,
            head.key_check,
            master,
            number,
            master.derive("audit"),
            tuple(epochs),
            stable,
            head_kept,
        )

    def _open(self, ledger_id: str, row: Row[Any]) -> bytes | None:
        master = self.ring.by_id(row.key_id)
        return _Seal(master, ledger_id).open(row) if master else None


class _Seal:
    """Seals derived keys under a master key, each for its place."""

    def __init__(self, master: MasterKey, ledger_id: str) -> None:
        self._aead = AESGCM(master.derive("data_keys"))
        self._key_id = master.key_id
        self._ledger_id = ledger_id

    def row(
        self, label: str, epoch: int, until_seq: int, plain: bytes
    ) -> dict[str, Any]:
        nonce = os.urandom(12)
        place = self._place(label, epoch, until_seq)
        return {
            "label": label,
            "epoch": epoch,
            "until_seq": until_seq,
            "key_id": self._key_id,
            "nonce": nonce,
            "sealed": self._aead.encrypt(nonce, plain, place),
        }

    def open(self, row: Row[Any]) -> bytes | None:
        try:
            place = self._place(row.label, row.epoch, row.until_seq)
            return self._aead.decrypt(row.nonce, row.sealed, place)
        except (InvalidTag, ValueError, TypeError):  # a cell may hold anything
            return None

    def _place(self, label: str, epoch: int, until_seq: int) -> bytes:
        parts = [label, epoch, until_seq, self._ledger_id, self._key_id]
        return json.dumps(parts, separators=(",", ":")).encode()
