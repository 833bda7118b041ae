"""`approvals list`, `answer` and `drop`: what graphs wait for a person to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.approvals_answer import add_answer
from langchain_tyrum.cli.approvals_drop import add_drop
from langchain_tyrum.cli.approvals_rows import (
    fields_of,
    summary_of,
    waiting_among,
    with_states,
)
from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_OPEN = {"asked", "given"}


def add_parser(commands: Any) -> None:
    """Add the `approvals` command and its own commands."""
    parser = commands.add_parser(
        "approvals", help="list, answer and drop what graphs wait for people to decide"
    )
    inner = parser.add_subparsers(
        dest="approvals_command", required=True, metavar="WHAT"
    )
    shown = add_command(inner, "list", _list, help="list the questions that wait")
    shown.add_argument(
        "request_id", metavar="ID", nargs="?", help="show this one with its calls"
    )
    shown.add_argument(
        "--all", action="store_true", help="also those that were answered or ended"
    )
    answer = add_answer(inner)
    add_drop(inner)
    for command in (shown, answer):
        command.add_argument(
            "--tenant", help="only those of this tenant (default: all)"
        )
        command.add_argument(
            "--checkpoints",
            metavar="URL",
            help="only those that a graph with this checkpointer waits for: a SQLite "
            "file, sqlite:///FILE or postgresql://...",
        )


def _list(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        every = broker.requests.every(tenant=args.tenant)
        rows = [fields_of(one, states) for one, states in with_states(broker, every)]
    if args.request_id:
        rows = [one for one in rows if one["request_id"] == args.request_id]
        if not rows:
            raise ConfigError("no request has that id: see `approvals list --all`")
    elif not args.all:
        rows = [one for one in rows if one["state"] in _OPEN]
    if args.checkpoints:
        waited = waiting_among(args.checkpoints, rows)
        rows = [one for one in rows if one["request_id"] in waited]
    if args.json:
        as_json(rows)
        return 0
    if args.request_id:
        for row in rows:
            _show(row)
        return 0
    table(map(summary_of, rows))
    if not rows:
        say("no question waits; --all lists those that were answered or ended")
    return 0


def _show(row: Mapping[str, Any]) -> None:
    line(*summary_of(row))
    for call in row["calls"]:
        line("call", call["tool_call_id"], call["state"])
        for text in call["description"].splitlines():
            line(f"  {text}")
