"""The states of a call that a person is asked about, and every way between them.

A request is looked at whenever its graph runs on; nothing happens in between.

| from | event | to |
|---|---|---|
| - | a node or a tool needs agreement | asked |
| asked | no answer (deferred), or one that does not fit | asked |
| asked | an answer is left outside the graph | given |
| asked, given | arguments, tool or secret version changed | superseded; asked anew |
| asked, given | the policy came to allow or deny it | as it was; nobody takes it |
| asked, given | seven days pass | expired; asked anew |
| asked, given | `approvals drop` | superseded; asked anew, if its graph waits still |
| asked | a resume brings `approve` | approved |
| asked | it brings `reject`, `respond` | rejected, responded |
| asked | it brings `edit` of the arguments | approved, with those |
| asked | it brings `edit` to another tool or other secrets | edited; asked anew |
| given | the answer applies | as if a resume had brought it |
| given | a resume brings another answer | the stricter decision of each call applies |
| given | a resume does not fit, or brings another edit | asked |
| given | the answer cannot be applied | asked |
| approved | a lease begins | reserved |
| reserved | nothing is handed out: a provider failed | approved (use released) |
| reserved | the value is handed out | consumed |
| reserved | the process dies | reserved; it counts as used |
| approved | time is over, secret rotated or revoked, grant revoked | ended |
| ended, consumed, reserved | the call runs again | asked anew, and that is said |
| rejected, responded | the task runs again | the same; nobody is asked |

Refused, and the state stays: an answer left for anything that is not asked (given,
answered, superseded, expired, unknown), one with another count, another request id,
another digest, a decision or a grant that was not offered, or a raw value in it; one
that was given to another question of the task, seen or not, is passed over; a second
use of a `once` approval; a use by another user, thread, tool, argument or
version.

A `session` or `always` approval stays approved until its uses are spent or it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from langchain_tyrum.ledger.grants import Grant
    from langchain_tyrum.ledger.requests import StoredRequest

CallState = Literal[
    "asked",
    "given",
    "approved",
    "rejected",
    "edited",
    "responded",
    "reserved",
    "consumed",
    "ended",
    "superseded",
    "expired",
]
_SAID: dict[str, CallState] = {
    "approve": "ended",  # an approval without a grant: a crash came in between
    "reject": "rejected",
    "edit": "edited",
    "respond": "responded",
}


def call_states(
    request: StoredRequest,
    *,
    now: datetime,
    grants: Iterable[Grant] = (),
    reserved: Collection[str] = (),
) -> dict[str, CallState]:
    """Tell the state of each call of a request.

    Args:
        request: The request.
        now: The time.
        grants: The catalog's grants, in any state.
        reserved: Ids of grants that a lease has reserved and not settled.

    Returns:
        The state by tool call id.
    """
    if request.status == "open":
        late = request.expires_at <= now
        waiting: CallState = "given" if request.answer else "asked"
        return dict.fromkeys(request.tool_call_ids, "expired" if late else waiting)
    if request.status != "answered":
        return dict.fromkeys(request.tool_call_ids, request.status)
    mine = [grant for grant in grants if grant.request_id == request.request_id]
    return {
        entry["tool_call_id"]: _answered(entry, mine, now=now, reserved=reserved)
        for entry in (request.answer or {})["decisions"]
    }


def _answered(
    entry: Mapping[str, Any],
    grants: Iterable[Grant],
    *,
    now: datetime,
    reserved: Collection[str],
) -> CallState:
    if entry["granted"] is None:
        return _SAID[entry["type"]]
    found = [one for one in grants if one.digest in (None, entry["granted"])]
    if not found:
        return "ended"
    grant = min(found, key=lambda one: one.digest is None)  # its own comes first
    if grant.grant_id in reserved:
        return "reserved"
    if grant.max_uses is not None and grant.uses >= grant.max_uses:
        return "consumed"
    late = grant.expires_at is not None and grant.expires_at <= now
    return "ended" if late or grant.status != "active" else "approved"
