"""Rows of secrets: between the columns and the records they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langchain_tyrum.handles import SecretRecord

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


@dataclass(frozen=True)
class Entry:
    """A record together with where its value lives.

    Attributes:
        ref: What the provider calls it.
        fingerprint: Keyed digest of the value; '' when none was seen yet.
        first_version: The oldest version that was not destroyed.
        source: The application whose settings file declares it; None is code.
    """

    record: SecretRecord
    ref: str
    fingerprint: str
    first_version: int
    source: str | None = None


def entry_of(row: RowMapping, *, now: datetime) -> Entry:
    """Read a row; past its expiry an active secret counts as expired."""
    expires_at = _time(row["expires_at"])
    status = row["status"]
    if status == "active" and row["disabled"]:
        status = "disabled"
    if status == "active" and expires_at and expires_at <= now:
        status = "expired"
    owner = row["owner"] or None
    record = SecretRecord(
        handle_id=row["handle_id"],
        name=row["name"],
        provider=row["provider"],
        scope=row["scope"],
        created_at=datetime.fromisoformat(row["created_at"]),
        version=row["version"],
        status=status,
        tenant=row["tenant"],
        owner=owner,
        principal="user" if owner else "service",
        environment=row["environment"] or None,
        allowed_hosts=tuple(row["allowed_hosts"]),
        expires_at=expires_at,
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )
    return Entry(
        record, row["ref"], row["fingerprint"], row["first_version"], row["source"]
    )


def row_of(entry: Entry) -> dict[str, Any]:
    """Write an entry as a row."""
    record = entry.record
    row = record.model_dump(mode="json", exclude={"principal"})
    for column in ("created_at", "updated_at", "expires_at"):
        moment: datetime | None = getattr(record, column)
        row[column] = moment.isoformat() if moment else None
    row |= {
        "owner": record.owner or "",
        "environment": record.environment or "",
        "disabled": False,
        "source": entry.source,
        "ref": entry.ref,
        "fingerprint": entry.fingerprint,
        "first_version": entry.first_version,
        "next_version": record.version + 1,
    }
    return row


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
