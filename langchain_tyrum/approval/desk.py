"""The desk: decides about the pending calls of one task, asking where it must.

Policy first, then grants, then a person. What a person answered is kept in the
catalog; running again, as nodes do, reads it back there and decides the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from langchain_tyrum.approval.answers import read_answer
from langchain_tyrum.approval.calls import AnswerRefused, NobodyToAsk
from langchain_tyrum.approval.digest import request_digest
from langchain_tyrum.approval.outcomes import Rebind, Settling
from langchain_tyrum.approval.refusals import REFUSALS
from langchain_tyrum.approval.seats import Seat, Verdict, denied
from langchain_tyrum.approval.showing import payload, show, with_arguments
from langchain_tyrum.approval.stricter import stricter
from langchain_tyrum.errors import ApprovalRefused
from langchain_tyrum.ledger.requests import Draft

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from langchain_tyrum.approval.answers import Decided
    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.approval.turn import Turn
    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.ledger.requests import StoredRequest

#: How long a question stays open.
LIFETIME = timedelta(days=7)
EVERY_DECISION = ("approve", "edit", "reject", "respond")
YES_OR_NO = ("approve", "reject")


class Desk:
    """Decides about calls on behalf of one task.

    Args:
        broker: Policy, grants and requests.
        call: Whose run it is, and where.
        turn: The execution that may ask.
        rebind: Binds a call that a person edited; without it nobody may edit or
            respond, since a tool that asks by itself can only run as called or not.
    """

    def __init__(
        self,
        broker: SecretBroker,
        *,
        call: CallIdentity,
        turn: Turn,
        rebind: Rebind | None = None,
    ) -> None:
        self._broker = broker
        self._call = call
        self._turn = turn
        self._settling = Settling(broker, call=call, rebind=rebind)
        self._allowed = EVERY_DECISION if rebind else YES_OR_NO

    def settle(self, calls: Sequence[BoundCall]) -> list[Verdict]:
        """Decide about every call; returns when nothing is left to ask.

        Args:
            calls: The pending calls.

        Returns:
            One verdict per call, in their order.

        Raises:
            GraphInterrupt: A person has to answer first.
            NobodyToAsk: Nobody can be asked here.
            AnswerRefused: The answer that came does not fit; nothing ran.
        """
        self._turn.gather(self._broker.requests)
        seats = [Seat(call) for call in calls]
        while True:
            seats = [self._review(seat) for seat in self._recall(seats)]
            waiting = [seat for seat in seats if seat.verdict is None]
            if not waiting:
                self._turn.note_moves(self._broker.requests)
                return [seat.verdict for seat in seats if seat.verdict]
            self._ask(waiting)
            seats = [Seat(call) for call in calls]

    def _recall(self, seats: list[Seat]) -> list[Seat]:
        """Take in what people have answered about these calls before."""
        place = self._turn.place
        if place is None:
            return seats
        known = self._broker.requests.answered(place, [seat.key for seat in seats])
        for request in known:
            here = request.place == place
            seats = [self._settling.recall(seat, request, here=here) for seat in seats]
        return seats

    def _review(self, seat: Seat) -> Seat:
        """Decide by policy and grants alone, if they suffice."""
        if seat.verdict:
            return seat
        bound, call = seat.bound, self._caller(seat)
        try:
            decision = self._broker.decide(bound.tool_id, bound.records, call=call)
        except REFUSALS as error:
            return seat.refuse(error)
        if decision.outcome == "allow":
            return seat.run(None)
        if decision.outcome == "deny":
            return seat.refuse(denied(bound, decision))
        try:
            digest = seat.digest(call.thread_id, seat.request_id)
        except TypeError as error:  # nobody can agree to what has no stable form
            return seat.refuse(ApprovalRefused(str(error), tool_id=bound.tool_id))
        approved = digest if seat.request_id else None
        if self._broker.usable_grant(
            bound.tool_id, bound.records, call=call, digest=approved
        ):
            return seat.run(approved)
        return replace(seat, policy_sha256=decision.policy_sha256)

    def _ask(self, seats: Sequence[Seat]) -> None:
        """Ask about these calls; returns once the answer stands in the catalog."""
        place = self._turn.place
        if place is None:
            raise _nobody(seats[0].bound)
        if not self._turn.holds_answers:
            self._turn.stop_if_stopping()
        opened = self._broker.requests.open(self._draft(seats))
        self._settling.note_opened(opened, seats)
        request = opened.request
        try:
            decisions = self._answer(request, len(seats))
            self._settling.close(request, seats, decisions)
        except AnswerRefused:
            self._turn.forget_plain_answer()
            if request.answer:
                self._broker.requests.drop_answer(request.request_id)
            raise

    def _answer(self, request: StoredRequest, count: int) -> tuple[Decided, ...]:
        """What people said: in the catalog, at the resume, or in both places."""
        requests, turn = self._broker.requests, self._turn

        def read(raw: object) -> tuple[Decided, ...]:
            return read_answer(
                raw,
                request_id=request.request_id,
                count=count,
                allowed=self._allowed,
            )

        if not request.answer:
            return read(turn.ask(requests, request))
        resumed = turn.brought(request)
        left = read(request.answer)
        return left if resumed is None else stricter(left, read(resumed))

    def _draft(self, seats: Sequence[Seat]) -> Draft:
        place = self._turn.place
        assert place is not None  # noqa: S101 - `_ask` has checked it
        calls = [seat.bound for seat in seats]
        shown = [
            show(
                self._broker,
                seat.bound,
                call=self._call,
                again=seat.request_id is not None,
            )
            for seat in seats
        ]
        policy_sha256 = seats[0].policy_sha256

        def digest_of(request_id: str) -> str:
            return request_digest(
                calls, thread_id=place.thread_id, request_id=request_id
            )

        def payload_of(
            request_id: str, digest: str, expires_at: datetime
        ) -> dict[str, Any]:
            question = payload(
                shown,
                request_id=request_id,
                digest=digest,
                policy_sha256=policy_sha256,
                expires_at=expires_at,
                allowed=self._allowed,
            )
            return with_arguments(self._settling.redact(question))

        return Draft(
            place=place,
            tool_call_ids=tuple(seat.key for seat in seats),
            digest_of=digest_of,
            payload_of=payload_of,
            policy_sha256=policy_sha256,
            lifetime=LIFETIME,
        )

    def _caller(self, seat: Seat) -> CallIdentity:
        return replace(self._call, tool_call_id=seat.bound.tool_call_id)


def _nobody(bound: BoundCall) -> NobodyToAsk:
    scopes = ", ".join(bound.scopes)
    return NobodyToAsk(
        f"{bound.tool_id!r} may use {scopes!r} only after a person agrees, and nobody "
        "can be asked here: run it in a graph with a checkpointer and a thread_id, or "
        f"allow it with SecretPolicy(allow={list(dict.fromkeys(bound.scopes))!r})",
        handle=bound.records[0].handle_id,
        scope=scopes,
        tool_id=bound.tool_id,
    )
