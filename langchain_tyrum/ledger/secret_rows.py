"""Rows of secrets and references: between the columns and what they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import SecretRecord, SecretReference

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def reference_of(row: RowMapping) -> SecretReference:
    """Read a row of the references."""
    return SecretReference(
        secret_ref_id=row["secret_ref_id"],
        secret_alias=row["secret_alias"],
        allowed_tool_ids=tuple(row["allowed_tool_ids"]),
        display_name=row["display_name"],
    )


def meant_in(environment: str | None, found: Mapping[str | None, Entry]) -> Entry:
    """Which of the secrets of one name is meant in an environment.

    Args:
        environment: The environment.
        found: The secrets by the environment that they are for; None is any.

    Raises:
        ConfigError: It stands only for several other environments' secrets.
    """
    for wanted in (environment, None):
        if wanted in found:
            return found[wanted]
    if len(found) == 1:  # of another environment: a lease will say so
        return next(iter(found.values()))
    name = next(iter(found.values())).record.name
    where = ", ".join(repr(place) for place in sorted(filter(None, found)))
    raise ConfigError(
        f"{name!r} stands for other secrets in {where}: set TYRUM_ENVIRONMENT, or pass "
        "the handle of the one you mean"
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
