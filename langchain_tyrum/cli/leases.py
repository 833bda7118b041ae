"""`lease list` and `lease settle`: what processes that died left unfinished."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse


def add_parser(commands: Any) -> None:
    """Add the `lease` command and its own commands."""
    parser = commands.add_parser(
        "lease", help="list and settle leases that a crash left without an outcome"
    )
    inner = parser.add_subparsers(dest="lease_command", required=True, metavar="WHAT")
    add_command(inner, "list", _list, help="list the unfinished leases, oldest first")
    settle = add_command(
        inner, "settle", _settle, help="write into the ledger that one is unfinished"
    )
    settle.add_argument(
        "row", metavar="ROW", type=int, help="its ledger row, as `lease list` says"
    )


def _list(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        left = broker.unfinished()
    if args.json:
        as_json([asdict(lease) for lease in left])
        return 0
    table((x.intent_seq, x.reserved_at, x.tool_id, x.user) for x in left)
    if not left:
        say("no lease is unfinished")
    return 0


def _settle(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        settled = broker.settle(args.row)
    if not settled:
        raise ConfigError("no unfinished lease has that row: see `lease list`")
    if args.json:
        as_json({"row": args.row, "outcome": "unfinished"})
        return 0
    line(args.row)
    say("settled; a grant that it had reserved stays used: ask the person again")
    return 0
