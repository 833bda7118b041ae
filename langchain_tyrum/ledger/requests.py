"""Approval requests: what a person was asked, and what the answer was.

A request is written here before the graph stops to ask, and an answer counts for the
request that is open here, whatever interrupt brought it back. Rows hold no value: the
approval room redacts payload and answer before they come.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, cast, insert, null, or_, select, update

from langchain_tyrum.handles import new_id
from langchain_tyrum.ledger.request_rows import (
    Draft,
    Opened,
    Place,
    RequestStatus,
    StoredRequest,
    stored_request,
)
from langchain_tyrum.ledger.schema import approval_requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from langchain_tyrum.ledger.catalog import Catalog

__all__ = ["ApprovalRequests", "Draft", "Opened", "Place", "StoredRequest"]

_columns = approval_requests.c
_ID = re.compile(r"r_[0-9A-Za-z]{22}")


class ApprovalRequests:
    """The approval requests of a catalog.

    Args:
        catalog: Where they are kept.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def __repr__(self) -> str:
        return "ApprovalRequests()"

    def open(self, draft: Draft) -> Opened:
        """Write a question down, unless the very same one is open already.

        Nodes run again from their top, so this is called again for each answer.

        Args:
            draft: The question.

        Returns:
            The open request. Other open questions about any of the same calls, by
            this task or an earlier run of its node, are superseded.
        """
        with self._catalog.transaction() as connection:
            now = self._catalog.clock()
            rivals = self._rivals(connection, draft)
            superseded: list[str] = []
            same: StoredRequest | None = None
            for rival in rivals:
                if same is None and _is_same(rival, draft, now=now):
                    same = rival
                    continue
                late = rival.expires_at <= now
                self._set(connection, rival, status="expired" if late else "superseded")
                superseded.append(rival.request_id)
            request = same or self._insert(connection, draft, now=now)
        return Opened(request, same is None, tuple(superseded))

    def shown(self, request_id: str, position: int) -> None:
        """Note where in its task a request is about to be shown."""
        with self._catalog.transaction() as connection:
            connection.execute(
                update(approval_requests)
                .where(_columns.request_id == request_id)
                .values(position=position)
            )

    def at(self, place: Place, position: int) -> StoredRequest | None:
        """The newest request that was shown at a position of the task."""
        found = self._where(*_at(place), _columns.position == position)
        return found[-1] if found else None

    def answer(self, request_id: str, answer: Mapping[str, Any]) -> bool:
        """Close an open request with its answer, once.

        Args:
            request_id: The request.
            answer: What was decided, redacted.

        Returns:
            False when it was open no more: somebody else answered it, or it expired.
        """
        with self._catalog.transaction() as connection:
            now = self._catalog.clock().isoformat()
            changed = connection.execute(
                update(approval_requests)
                .where(
                    _columns.request_id == request_id,
                    _columns.status == "open",
                    _columns.expires_at > now,
                )
                .values(status="answered", answered_at=now, answer=dict(answer))
            )
            return bool(changed.rowcount)

    def leave(self, request_id: str, answer: Mapping[str, Any]) -> bool:
        """Keep an answer beside an open request until its graph runs on and takes it.

        The request stays open: should its calls change meanwhile, it is superseded,
        and the answer goes with it.

        Args:
            request_id: The request.
            answer: What a person answered; it holds no value.

        Returns:
            False when it was open no more, or has an answer already.
        """
        with self._catalog.transaction() as connection:
            changed = connection.execute(
                update(approval_requests)
                .where(
                    _columns.request_id == request_id,
                    _columns.status == "open",
                    _columns.expires_at > self._catalog.clock().isoformat(),
                    _columns.answer.is_(null()),
                )
                .values(answer=dict(answer))
            )
            return bool(changed.rowcount)

    def drop_answer(self, request_id: str) -> None:
        """Forget an answer that was left and does not fit; the request stays open."""
        with self._catalog.transaction() as connection:
            connection.execute(
                update(approval_requests)
                .where(_columns.request_id == request_id, _columns.status == "open")
                .values(answer=null())
            )

    def supersede(self, request_id: str) -> bool:
        """Close an open request without an answer; False when it was not open."""
        with self._catalog.transaction() as connection:
            changed = connection.execute(
                update(approval_requests)
                .where(_columns.request_id == request_id, _columns.status == "open")
                .values(status="superseded")
            )
            return bool(changed.rowcount)

    def answered(
        self, place: Place, tool_call_ids: Iterable[str]
    ) -> list[StoredRequest]:
        """Answered requests of the thread about any of these calls, oldest first."""
        wanted = set(tool_call_ids)
        mentions = [
            cast(_columns.tool_call_ids, Text).contains(
                json.dumps(one), autoescape=True
            )
            for one in sorted(wanted)
        ]
        if not mentions:
            return []
        found = self._where(
            _columns.tenant == place.tenant,
            _columns.user.is_not_distinct_from(place.user),
            _columns.thread_id == place.thread_id,
            _columns.status == "answered",
            or_(*mentions),
        )
        return [request for request in found if wanted & set(request.tool_call_ids)]

    def find(self, request_id: str) -> StoredRequest | None:
        """The request with that id; None also where the text can be no id."""
        if not _ID.fullmatch(request_id):
            return None
        found = self._where(_columns.request_id == request_id)
        return found[0] if found else None

    def waiting(
        self, *, tenant: str | None = None, thread_id: str | None = None
    ) -> list[StoredRequest]:
        """Open requests, oldest first; of one tenant or thread if given."""
        where = [_columns.status == "open"]
        if tenant is not None:
            where.append(_columns.tenant == tenant)
        if thread_id is not None:
            where.append(_columns.thread_id == thread_id)
        return self._where(*where)

    def every(self, *, tenant: str | None = None) -> list[StoredRequest]:
        """Requests in any state, oldest first; of one tenant if given."""
        return self._where(*([] if tenant is None else [_columns.tenant == tenant]))

    def _rivals(self, connection: Connection, draft: Draft) -> list[StoredRequest]:
        """Open requests that cannot stay open beside this one."""
        place = draft.place
        found = self._select(
            connection,
            _columns.tenant == place.tenant,
            _columns.user.is_not_distinct_from(place.user),
            _columns.thread_id == place.thread_id,
            _columns.status == "open",
        )
        calls = set(draft.tool_call_ids)
        return [
            request
            for request in found
            if request.place.node == place.node and calls & set(request.tool_call_ids)
        ]

    def _insert(
        self, connection: Connection, draft: Draft, *, now: datetime
    ) -> StoredRequest:
        request_id = new_id("r_")
        digest = draft.digest_of(request_id)
        expires_at = now + draft.lifetime
        connection.execute(
            insert(approval_requests).values(
                **vars(draft.place),
                request_id=request_id,
                digest=digest,
                tool_call_ids=list(draft.tool_call_ids),
                status="open",
                payload=dict(draft.payload_of(request_id, digest, expires_at)),
                policy_sha256=draft.policy_sha256,
                created_at=now.isoformat(),
                expires_at=expires_at.isoformat(),
            )
        )
        return self._select(connection, _columns.request_id == request_id)[0]

    def _set(
        self, connection: Connection, request: StoredRequest, *, status: RequestStatus
    ) -> None:
        connection.execute(
            update(approval_requests)
            .where(_columns.request_id == request.request_id)
            .values(status=status)
        )

    def _where(self, *where: ColumnElement[bool]) -> list[StoredRequest]:
        with self._catalog.reading() as connection:
            return self._select(connection, *where)

    def _select(
        self, connection: Connection, *where: ColumnElement[bool]
    ) -> list[StoredRequest]:
        query = (
            select(approval_requests)
            .where(*where)
            .order_by(_columns.created_at, _columns.request_id)
        )
        return [stored_request(row) for row in connection.execute(query).mappings()]


def _at(place: Place) -> list[ColumnElement[bool]]:
    return [
        _columns.tenant == place.tenant,
        _columns.user.is_not_distinct_from(place.user),
        _columns.thread_id == place.thread_id,
        _columns.checkpoint_ns == place.checkpoint_ns,
        _columns.task_id == place.task_id,
    ]


def _is_same(rival: StoredRequest, draft: Draft, *, now: datetime) -> bool:
    return (
        rival.place == draft.place
        and rival.expires_at > now
        and rival.digest == draft.digest_of(rival.request_id)
    )
