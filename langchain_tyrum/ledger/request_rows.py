"""The rows of approval requests: what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003 - dataclass fields
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

RequestStatus = Literal["open", "answered", "superseded", "expired"]


@dataclass(frozen=True)
class Place:
    """Where a question is asked: whose run, which thread, which task of it."""

    tenant: str
    user: str | None
    thread_id: str
    checkpoint_ns: str
    task_id: str

    @property
    def node(self) -> str:
        """The namespace without the task: the same for every run of the node."""
        return self.checkpoint_ns.rpartition(":")[0]


@dataclass(frozen=True, kw_only=True)
class StoredRequest:
    """One row: a question, and its answer once there is one.

    The answer of an open request was left for the graph, which has not run since.
    """

    request_id: str
    place: Place
    digest: str
    tool_call_ids: tuple[str, ...]
    status: RequestStatus
    position: int | None
    payload: Mapping[str, Any]
    policy_sha256: str
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    answer: Mapping[str, Any] | None

    def __repr__(self) -> str:
        return f"StoredRequest({self.request_id!r}, {self.status})"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A question before it has an id.

    Attributes:
        digest_of: The digest it has under a given request id.
        payload_of: The redacted payload under a given id, digest and expiry. Called
            inside the transaction: it must not touch the catalog.
    """

    place: Place
    tool_call_ids: tuple[str, ...]
    digest_of: Callable[[str], str]
    payload_of: Callable[[str, str, datetime], Mapping[str, Any]]
    policy_sha256: str
    lifetime: timedelta


@dataclass(frozen=True)
class Opened:
    """What `open` did.

    Attributes:
        request: The open request.
        created: Whether it is new; False when it was asked before.
        superseded: Ids of requests that it took the place of.
    """

    request: StoredRequest
    created: bool
    superseded: tuple[str, ...] = ()


def stored_request(mapping: RowMapping) -> StoredRequest:
    """Read one row of the table."""
    row = dict(mapping)
    place = Place(**{name: row.pop(name) for name in Place.__dataclass_fields__})
    row["tool_call_ids"] = tuple(row["tool_call_ids"])
    for moment in ("created_at", "expires_at", "answered_at"):
        row[moment] = datetime.fromisoformat(row[moment]) if row[moment] else None
    return StoredRequest(place=place, **row)
