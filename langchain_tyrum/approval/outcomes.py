"""What follows from an answer: kept in the catalog, turned into grants, read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.messages import ToolCall
from pydantic import ValidationError

from langchain_tyrum.approval.answers import (
    Approve,
    Edit,
    GrantOption,
    Reject,
    Respond,
    refuse_values,
)
from langchain_tyrum.approval.calls import AnswerRefused
from langchain_tyrum.approval.refusals import REFUSALS
from langchain_tyrum.approval.seats import Seat, rejected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_tyrum.approval.answers import Decided
    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.ledger.requests import Opened, StoredRequest

#: Binds a call that a person wrote; None when the tool wants no secret.
Rebind = Callable[[ToolCall], "BoundCall | None"]


class Settling:
    """Applies answers on behalf of one task.

    Args:
        broker: Grants, requests and the ledger.
        call: Whose run it is, and where.
        rebind: Binds a call that a person edited; None where nobody may edit.
    """

    def __init__(
        self,
        broker: SecretBroker,
        *,
        call: CallIdentity,
        rebind: Rebind | None,
    ) -> None:
        self._broker = broker
        self._call = call
        self._rebind = rebind
        # Taken here: a question is written inside a transaction of the catalog, and
        # the broker's look at what is stored would wait for it.
        self._redactor = broker.redactor

    def redact(self, value: Any) -> Any:
        """What the caller may see of something."""
        return self._redactor.view(self._call).redact(value)

    def note_opened(self, opened: Opened, seats: Sequence[Seat]) -> None:
        """Write to the ledger that a question was asked, or took another's place."""
        for request_id in opened.superseded:
            self._broker.record(
                "approval_superseded",
                "superseded",
                error=f"request {request_id} no longer fits the pending calls",
                **self._told(),
            )
        if not opened.created:
            return
        for seat in seats:
            self._log("approval_asked", "open", seat, opened.request)

    def close(
        self,
        request: StoredRequest,
        seats: Sequence[Seat],
        decisions: Sequence[Decided],
    ) -> None:
        """Write an answer down and create the grants that follow from it.

        The row closes first and only once, so one answer never grants twice; a crash
        in between leaves an approval without a grant, which is asked about again.

        Args:
            request: The open request.
            seats: The calls it asked about.
            decisions: The answer, one per call.

        Raises:
            AnswerRefused: It holds a raw value, or an edited call cannot be made; the
                request stays open.
        """
        refuse_values(self._redactor, decisions)
        pairs = list(zip(seats, decisions, strict=True))
        entries = [self._entry(request, seat, decision) for seat, decision in pairs]
        if not self._broker.requests.answer(request.request_id, {"decisions": entries}):
            return
        for (seat, decision), entry in zip(pairs, entries, strict=True):
            self._grant(request, seat, decision, entry)
            self._log("approval_answered", decision.type, seat, request)

    def recall(self, seat: Seat, request: StoredRequest, *, here: bool) -> Seat:
        """Take in what an answered request says about a call.

        Args:
            seat: The call.
            request: The answered request.
            here: Whether this very task asked it. Elsewhere only an approval counts,
                since it is bound to the call by its digest and spent by its use.

        Returns:
            The seat: approved, edited, decided, or as it was.
        """
        if seat.verdict:
            return seat
        for entry in (request.answer or {}).get("decisions", ()):
            if entry["tool_call_id"] == seat.key:
                return self._apply(seat, request, entry, here=here)
        return seat

    def _apply(
        self,
        seat: Seat,
        request: StoredRequest,
        entry: Mapping[str, Any],
        *,
        here: bool,
    ) -> Seat:
        thread_id = request.place.thread_id
        digest = seat.digest(thread_id, request.request_id)
        if digest == entry["granted"]:
            return replace(seat, request_id=request.request_id)
        if not here or digest != entry["digest"]:
            return seat
        if entry["type"] == "reject":
            return seat.refuse(rejected(seat.bound, entry["message"]))
        if entry["type"] == "respond":
            return seat.respond(entry["message"])
        return self._edited(seat, request, entry)

    def _edited(
        self, seat: Seat, request: StoredRequest, entry: Mapping[str, Any]
    ) -> Seat:
        edited = entry["edited"]
        bound = self._bind_edit(seat, edited)
        if bound is None:
            return replace(seat, edited=edited).run(None)
        seat = replace(seat, bound=bound, edited=edited)
        digest = seat.digest(request.place.thread_id, request.request_id)
        approved = digest == entry["granted"]
        return replace(seat, request_id=request.request_id) if approved else seat

    def _entry(
        self, request: StoredRequest, seat: Seat, decision: Decided
    ) -> dict[str, Any]:
        thread_id = request.place.thread_id
        digest = seat.digest(thread_id, request.request_id)
        entry: dict[str, Any] = {
            "tool_call_id": seat.key,
            "digest": digest,
            "type": decision.type,
            "granted": digest if isinstance(decision, Approve) else None,
            "message": None,
            "edited": None,
        }
        if isinstance(decision, Reject | Respond):
            entry["message"] = self._for_good(decision.message)
        if isinstance(decision, Edit):
            edited = self._for_good(decision.edited_action.model_dump())
            bound = self._bind_edit(seat, edited)
            entry["edited"] = edited
            if bound is not None and _same_use(bound, seat.bound):
                entry["granted"] = replace(seat, bound=bound).digest(
                    thread_id, request.request_id
                )
        return entry

    def _for_good(self, value: Any) -> Any:
        """What may be stored: redacted for the caller, then for everybody."""
        return self._redactor.redact(self.redact(value))

    def _bind_edit(self, seat: Seat, edited: Mapping[str, Any]) -> BoundCall | None:
        assert self._rebind is not None  # noqa: S101 - `edit` was not offered then
        problem = ""
        try:
            bound = self._rebind(
                ToolCall(name=edited["name"], args=edited["args"], id=seat.key)
            )
        except ValidationError as error:
            problem = f"{error.error_count()} of its arguments do not fit"
        except REFUSALS as error:
            problem = str(error)
        else:
            return bound
        raise AnswerRefused(
            f"the edited call of {edited['name']!r} cannot be made: {problem}; answer "
            "again with arguments that the tool takes"
        )

    def _grant(
        self,
        request: StoredRequest,
        seat: Seat,
        decision: Decided,
        entry: Mapping[str, Any],
    ) -> None:
        if entry["granted"] is None:
            return
        option = (isinstance(decision, Approve) and decision.grant) or GrantOption()
        bound = seat.bound
        self._broker.grant(
            mode=option.mode,
            tool_id=bound.tool_id,
            scopes=bound.scopes,
            ttl_seconds=option.ttl_seconds,
            max_uses=option.max_uses,
            call=replace(self._call, tool_call_id=bound.tool_call_id),
            digest=entry["granted"] if option.mode == "once" else None,
            request_id=request.request_id,
            versions={one.handle_id: one.version for one in bound.records},
        )

    def _log(
        self, action: str, outcome: str, seat: Seat, request: StoredRequest
    ) -> None:
        self._broker.record(
            action,
            outcome,
            scope=", ".join(seat.bound.scopes),
            tool_id=seat.bound.tool_id,
            tool_call_id=seat.bound.tool_call_id,
            policy_sha256=request.policy_sha256,
            **self._told(),
        )

    def _told(self) -> dict[str, Any]:
        call = self._call
        return {
            "thread_id": call.thread_id,
            "run_id": call.run_id,
            "tenant": call.tenant,
            "user": call.user,
        }


def _same_use(one: BoundCall, other: BoundCall) -> bool:
    """Whether an edited call uses the same secrets by the same tool."""
    return (one.tool_id, _secrets(one)) == (other.tool_id, _secrets(other))


def _secrets(bound: BoundCall) -> set[tuple[str, str, int]]:
    return {(one.handle_id, one.scope, one.version) for one in bound.records}
