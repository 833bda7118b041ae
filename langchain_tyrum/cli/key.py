"""`key show`, `key rotate`, `key drop`: the master key by its id; never the key."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker

if TYPE_CHECKING:
    import argparse


def add_parser(commands: Any) -> None:
    """Add the `key` command and its own commands."""
    parser = commands.add_parser("key", help="show or change the master key")
    inner = parser.add_subparsers(dest="key_command", required=True, metavar="WHAT")
    add_command(
        inner, "show", _show, help="print the ids of the master keys, the newest first"
    )
    rotate = add_command(
        inner,
        "rotate",
        _rotate,
        help="seal everything under a new master key, or complete what was begun; "
        "others go on meanwhile",
    )
    rotate.add_argument(
        "--drop-old",
        action="store_true",
        help="and forget the older keys: only when no other store shares the key file",
    )
    add_command(
        inner,
        "drop",
        _drop,
        help="forget the older keys of the key file, once every store that shares it "
        "has been rotated",
    )


def _show(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        ids = broker.master_key_ids
        where = broker.audit.ring.where
    if args.json:
        as_json({"keys": ids, "where": where})
    else:
        table(
            (key_id, "older" if older else "newest") for older, key_id in enumerate(ids)
        )
        say(f"found in {where}")
    return 0


def _rotate(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        report = broker.rotate_master_key(drop_old=args.drop_old)
    if args.json:
        as_json(asdict(report))
        return 0
    line(report.key_id, f"{report.rewrapped} values")
    say(report.next_step or "done; keep the old key as long as backups from before")
    return 0


def _drop(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        count = broker.drop_old_master_keys()
        [key_id] = broker.master_key_ids
    if args.json:
        as_json({"dropped": count, "key_id": key_id})
    else:
        line(key_id, f"{count} older keys dropped")
    return 0
