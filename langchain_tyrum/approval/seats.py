"""The state of one call while it is decided about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

from langchain_tyrum.approval.digest import call_digest
from langchain_tyrum.approval.refusals import told
from langchain_tyrum.errors import ApprovalRefused, SecretForbidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.errors import TyrumError
    from langchain_tyrum.policy import Decision


@dataclass(frozen=True)
class Verdict:
    """What was decided about one call.

    Attributes:
        kind: `run` it, it is `refused`, or a person `responded` in its place.
        bound: The call, as edited if it was.
        digest: For `run`: the digest under which its `once` grant stands, if any.
        edited: Name and arguments that a person put in place of the model's.
        text: For `refused` and `responded`: what the model is told.
        error: For `refused`: the same as an error.
    """

    kind: Literal["run", "refused", "responded"]
    bound: BoundCall
    digest: str | None = None
    edited: Mapping[str, Any] | None = None
    text: str = ""
    error: TyrumError | None = None


@dataclass(frozen=True)
class Seat:
    """One call on its way to a verdict.

    Attributes:
        bound: The call as it would run now.
        policy_sha256: The policy that wants a person's agreement to it.
        request_id: The request in which a person approved it, if one did.
        edited: Name and arguments that a person put in place of the model's.
        verdict: What was decided; None while it has to be asked about.
    """

    bound: BoundCall
    policy_sha256: str = ""
    request_id: str | None = None
    edited: Mapping[str, Any] | None = None
    verdict: Verdict | None = None

    @property
    def key(self) -> str:
        """The id of the call, under which answers are kept."""
        return self.bound.tool_call_id or ""

    def digest(self, thread_id: str | None, request_id: str | None) -> str:
        """The digest of the call under a request."""
        return call_digest(self.bound, thread_id=thread_id, request_id=request_id)

    def run(self, digest: str | None) -> Self:
        """Decide that the call runs."""
        return self._decided(
            Verdict("run", self.bound, digest=digest, edited=self.edited)
        )

    def refuse(self, error: TyrumError) -> Self:
        """Decide that the call does not run."""
        return self._decided(
            Verdict("refused", self.bound, text=told(error), error=error)
        )

    def respond(self, text: str) -> Self:
        """Decide that a person's words stand for the result."""
        return self._decided(Verdict("responded", self.bound, text=text))

    def _decided(self, verdict: Verdict) -> Self:
        return replace(self, verdict=verdict)


def denied(bound: BoundCall, decision: Decision) -> SecretForbidden:
    """The error of a call that the policy denies."""
    scopes = ", ".join(decision.scopes)
    denying = {hit.scope for hit in decision.rules if hit.outcome == "deny"}
    refused = [one.handle_id for one in bound.records if one.scope in denying]
    return SecretForbidden(
        f"the policy denies {scopes!r} to {bound.tool_id!r}",
        handle=next(iter(refused), None),
        scope=scopes,
        tool_id=bound.tool_id,
    )


def rejected(bound: BoundCall, message: str | None) -> ApprovalRefused:
    """The error of a call that a person rejected."""
    why = f" with reason: {message}" if message else ""
    return ApprovalRefused(
        f"a person rejected the call of {bound.name!r}{why}",
        scope=", ".join(bound.scopes),
        tool_id=bound.tool_id,
    )
