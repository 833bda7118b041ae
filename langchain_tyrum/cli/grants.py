"""`grant list` and `grant revoke`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.ledger.grants import Grant


def add_parser(commands: Any) -> None:
    """Add the `grant` command and its own commands."""
    parser = commands.add_parser(
        "grant", help="list and end what people have agreed to"
    )
    inner = parser.add_subparsers(dest="grant_command", required=True, metavar="WHAT")
    shown = add_command(inner, "list", _list, help="list the grants that still count")
    shown.add_argument(
        "--all", action="store_true", help="also those that ended, expired or are spent"
    )
    shown.add_argument("--tenant", help="only those of this tenant (default: all)")
    revoke = add_command(inner, "revoke", _revoke, help="end a grant")
    revoke.add_argument("grant_id", metavar="ID", help="its id, as `grant list` says")


def _list(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        every = broker.grants(tenant=args.tenant)
    grants = [grant for grant in every if args.all or _state(grant) == "active"]
    if args.json:
        as_json([_fields(grant) for grant in grants])
        return 0
    table(
        (
            grant.grant_id,
            _state(grant),
            grant.mode,
            grant.tool_id,
            ", ".join(grant.scopes),
            grant.user,
            grant.expires_at,
        )
        for grant in grants
    )
    if not grants:
        say("no grant counts now" + ("; --all lists those that did" if every else ""))
    return 0


def _revoke(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        grant = broker.revoke_grant(args.grant_id)
    if grant is None:
        raise ConfigError("no active grant has that id: see `grant list`")
    if args.json:
        as_json({**_fields(grant), "status": "ended"})
        return 0
    line(grant.grant_id)
    say(f"ended the grant of {', '.join(grant.scopes)} to {grant.tool_id}")
    return 0


def _fields(grant: Grant) -> dict[str, Any]:
    return {**asdict(grant), "status": _state(grant)}


def _state(grant: Grant) -> str:
    """What a person wants to know: whether it counts now, and if not, why."""
    if grant.status != "active":
        return grant.status
    if grant.expires_at and grant.expires_at <= datetime.now(UTC):
        return "expired"
    spent = grant.max_uses is not None and grant.uses >= grant.max_uses
    return "spent" if spent else "active"
