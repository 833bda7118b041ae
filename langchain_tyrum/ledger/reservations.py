"""Leases that were begun and have no outcome yet: what a crash leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select

from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

_TABLE = schema.reservations
_ADD = insert(_TABLE)
_ABOUT = ("tool_id", "tenant", "user", "thread_id", "tool_call_id")
_DROP = delete(_TABLE).where(_TABLE.c.intent_seq == bindparam("seq"))


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A lease that was begun and has no outcome: its process died, or is at it.

    Attributes:
        intent_seq: Number of its first `lease_intent` row in the ledger.
        handle_ids: The secrets that it wanted.
        grant_id: The grant that it reserved, if any; it counts as used.
        reserved_at: When it was begun.
    """

    intent_seq: int
    tool_id: str
    tenant: str
    user: str | None
    thread_id: str | None
    tool_call_id: str | None
    handle_ids: tuple[str, ...]
    grant_id: str | None
    reserved_at: datetime


def reserve(
    connection: Connection, intents: Sequence[Mapping[str, Any]], grant_id: str | None
) -> int:
    """Note that a lease was begun, in the transaction of its intent rows.

    Args:
        connection: The open transaction.
        intents: Its `lease_intent` rows as they stand in the ledger.
        grant_id: The grant that it reserved, if any.

    Returns:
        The number under which its outcome drops the note.
    """
    first = intents[0]
    row = {
        "intent_seq": first["seq"],
        "grant_id": grant_id,
        "handle_ids": [intent["handle_id"] for intent in intents],
        "reserved_at": first["occurred_at"],
    }
    row |= {column: first[column] for column in _ABOUT}
    connection.execute(_ADD, row)
    return int(first["seq"])


def drop(connection: Connection, intent_seq: int) -> bool:
    """Forget a note, in the transaction of the outcome; False when it was gone."""
    return bool(connection.execute(_DROP, {"seq": intent_seq}).rowcount)


def unfinished(connection: Connection) -> list[Unfinished]:
    """Every lease without an outcome, oldest first."""
    rows = connection.execute(select(_TABLE).order_by("intent_seq")).mappings()
    return [_unfinished(dict(row)) for row in rows]


def about(lease: Unfinished) -> dict[str, Any]:
    """The ledger fields that tell whose lease it was."""
    return {column: getattr(lease, column) for column in _ABOUT}


def _unfinished(row: dict[str, Any]) -> Unfinished:
    row["handle_ids"] = tuple(row["handle_ids"])
    row["reserved_at"] = datetime.fromisoformat(row["reserved_at"])
    return Unfinished(**row)
