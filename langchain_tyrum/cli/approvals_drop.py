"""`approvals drop`: close a question that no graph waits for any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.approvals_rows import fields_of
from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.ledger.requests import StoredRequest


def add_drop(inner: Any) -> argparse.ArgumentParser:
    """Add the command `drop`."""
    drop = add_command(
        inner,
        "drop",
        _drop,
        help="close a question that nobody waits for: its thread was deleted, or the "
        "policy decides now; a graph that does wait asks anew when it runs on",
    )
    drop.add_argument("request_id", metavar="ID", help="as `approvals list` says")
    drop.add_argument("--tenant", help="only those of this tenant (default: all)")
    return drop


def _drop(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        request = broker.requests.find(args.request_id)
        if request is None or args.tenant not in (None, request.place.tenant):
            raise ConfigError("no request has that id: see `approvals list`")
        if not broker.requests.supersede(args.request_id):
            raise ConfigError(
                f"{args.request_id!r} is {request.status} and waits for nothing: see "
                "`approvals list --all`"
            )
        _record(broker, request)
        states = dict.fromkeys(request.tool_call_ids, "superseded")
        dropped = fields_of(request, states)
    if args.json:
        as_json(dropped)
        return 0
    line(args.request_id)
    say(f"dropped the question of thread {request.place.thread_id!r}")
    return 0


def _record(broker: SecretBroker, request: StoredRequest) -> None:
    place = request.place
    broker.record(
        "approval_superseded",
        "dropped",
        scope=", ".join(request.payload["tyrum"]["scopes"]),
        thread_id=place.thread_id,
        tenant=place.tenant,
        user=place.user,
        policy_sha256=request.policy_sha256,
        error=f"request {request.request_id} was dropped on the command line",
    )
