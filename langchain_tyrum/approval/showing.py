"""What a person sees: LangChain's `HITLRequest`, and our block beside it."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from langchain_tyrum.approval.calls import BoundCall
    from langchain_tyrum.broker import CallIdentity, SecretBroker

#: Longest description of one action; what is over is counted, not shown.
DESCRIPTION_CAP = 4000
_RAN = (
    "Careful: this call was approved before, and that approval is spent or ended. "
    "The action may already have run."
)
#: Unicode categories that can hide or reorder what a person reads.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@dataclass(frozen=True)
class Shown:
    """One call as it is shown.

    Attributes:
        bound: The call.
        secrets: What is told of its secrets: ids, names, versions.
        again: Whether an earlier approval of it is spent.
    """

    bound: BoundCall
    secrets: tuple[Mapping[str, Any], ...]
    again: bool


def show(
    broker: SecretBroker, bound: BoundCall, *, call: CallIdentity, again: bool
) -> Shown:
    """Look up what may be told of a call's secrets.

    Args:
        broker: Knows the references.
        bound: The call.
        call: Whose call it is.
        again: Whether an earlier approval of it is spent.

    Returns:
        The call as it is shown.
    """
    names = broker.references_by_handle(
        bound.tool_id, tenant=call.tenant, owner=call.user
    )
    told = []
    for record in bound.records:
        reference = names.get(record.handle_id)
        told.append(
            {
                "handle": str(record),
                "secret_ref_id": reference.secret_ref_id if reference else None,
                "secret_alias": reference.secret_alias if reference else None,
                "display_name": (reference and reference.display_name) or record.name,
                "scope": record.scope,
                "version": record.version,
            }
        )
    return Shown(bound, tuple(told), again)


def payload(
    calls: Sequence[Shown],
    *,
    request_id: str,
    digest: str,
    policy_sha256: str,
    expires_at: datetime,
    allowed: Sequence[str],
) -> dict[str, Any]:
    """Write the question, before redaction.

    Args:
        calls: The calls asked for.
        request_id: The request.
        digest: Its digest.
        policy_sha256: The policy that wants an answer.
        expires_at: Until when one counts.
        allowed: Which decisions fit.

    Returns:
        Plain data of LangChain's `HITLRequest` shape. Clients drop the `tyrum` block,
        so each description says it too.
    """
    until = f"{expires_at:%Y-%m-%d %H:%M} UTC"
    return {
        "action_requests": [
            {
                "name": one.bound.name,
                "args": arguments(one.bound),
                "description": _headlines(one, until=until, digest=digest),
            }
            for one in calls
        ],
        "review_configs": [
            {"action_name": name, "allowed_decisions": list(allowed)}
            for name in dict.fromkeys(one.bound.name for one in calls)
        ],
        "tyrum": {
            "request_id": request_id,
            "digest": digest,
            "tool_ids": [one.bound.tool_id for one in calls],
            "tool_call_ids": [one.bound.tool_call_id for one in calls],
            "scopes": sorted({scope for one in calls for scope in one.bound.scopes}),
            "references": [dict(secret) for one in calls for secret in one.secrets],
            "grant_options": ["once", "session", "always"],
            "policy_sha256": policy_sha256,
            "expires_at": expires_at.isoformat(),
        },
    }


def with_arguments(redacted: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the descriptions of a redacted payload with its redacted arguments.

    Arguments go in last: redacted as data, then quoted, then capped, so that neither
    quoting nor the cap can hide a value from the redactor.

    Args:
        redacted: A payload that went through the redactor.

    Returns:
        The payload to show.
    """
    actions = [
        {**action, "description": _capped(action["description"], action["args"])}
        for action in redacted["action_requests"]
    ]
    return {**redacted, "action_requests": actions}


def arguments(bound: BoundCall) -> dict[str, Any]:
    """The arguments of a call as plain JSON data."""
    plain = to_jsonable_python(
        dict(bound.arguments), fallback=lambda one: f"<{type(one).__name__}>"
    )
    return dict(plain)


def quoted(value: object) -> str:
    r"""Write data as JSON on one line, with everything unseen escaped.

    Control, bidirectional and zero-width characters come out as `\uXXXX`, so that an
    argument can neither forge a line nor reorder one.
    """
    text = json.dumps(value, ensure_ascii=False)
    return "".join(
        json.dumps(one)[1:-1] if unicodedata.category(one) in _UNSEEN else one
        for one in text
    )


def _headlines(one: Shown, *, until: str, digest: str) -> str:
    secrets = ", ".join(
        f"{secret['display_name']} (version {secret['version']})"
        for secret in one.secrets
    )
    lines = [
        f"{one.bound.name} wants to use a secret.",
        f"Tool id: {one.bound.tool_id}",
        f"Scopes: {', '.join(one.bound.scopes)}",
        f"Secrets: {secrets}",
        f"Answer until: {until}",
        f"Digest: {digest[:12]}",
    ]
    if one.again:
        lines.append(_RAN)
    return "\n".join(_printable(line) for line in lines)


def _printable(line: str) -> str:
    return quoted(line)[1:-1].replace('\\"', '"')


def _capped(headlines: str, args: Mapping[str, Any]) -> str:
    lines = [f"  {quoted(name)}: {quoted(value)}" for name, value in args.items()]
    text = "\n".join([headlines, "Arguments:", *(lines or ["  none"])])
    if len(text) <= DESCRIPTION_CAP:
        return text
    return f"{text[:DESCRIPTION_CAP]}\n… {len(text) - DESCRIPTION_CAP} more characters"
