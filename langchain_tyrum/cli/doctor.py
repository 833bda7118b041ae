"""`doctor`: is this machine's store in order, and what would mend it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.checkup import Check, check_broker, check_surroundings
from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import TyrumError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add_parser(commands: Any) -> None:
    """Add the `doctor` command."""
    parser = add_command(
        commands,
        "doctor",
        _doctor,
        help="check store, key, files, ledger, secrets and settings; exit code 1 when "
        "anything fails",
    )
    parser.add_argument(
        "--tenant",
        default="default",
        help="whose secrets are named; others are told by their handles",
    )


def _doctor(args: argparse.Namespace) -> int:
    checks = [*_store(args), *check_surroundings()]
    ok = all(check.state != "fail" for check in checks)
    if args.json:
        as_json({"ok": ok, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            line(check.state, check.name, check.told, check.mend)
    return 0 if ok else 1


def _store(args: argparse.Namespace) -> Iterator[Check]:
    """Look for the store, then into it. One that is not there is not made."""
    try:
        where, exists = _whereabouts(args)
    except TyrumError as error:
        yield Check("store", "fail", _one_line(error))
        return
    if not exists:
        mend = "make it with `langchain-tyrum secret set NAME`"
        yield Check("store", "warn", f"there is none yet at {where}", mend)
        return
    try:
        with open_broker(args) as broker:
            yield Check("store", "ok", where)
            yield from check_broker(broker, tenant=args.tenant)
    except TyrumError as error:
        yield Check("store", "fail", f"{where} cannot be opened", _one_line(error))


def _whereabouts(args: argparse.Namespace) -> tuple[str, bool]:
    """Which store a command would open, and whether it is there."""
    from langchain_tyrum.broker.config import (  # noqa: PLC0415 - slow to import
        find_config,
        found_nearby,
    )
    from langchain_tyrum.broker.opening import database_file  # noqa: PLC0415

    named = args.config or os.environ.get("TYRUM_CONFIG")
    given = args.store or (None if named else os.environ.get("TYRUM_STORE"))
    if given is None and (named or found_nearby()):
        return f"settings {str(find_config(args.config))!r}", True
    file = database_file(given)
    # A store that was named and is not there fails; one's own may be yet to come.
    return f"database {str(file)!r}", file.exists() or bool(given)


def _one_line(error: TyrumError) -> str:
    return " ".join(str(error).split())
