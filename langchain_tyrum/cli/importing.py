"""`secret import`: the variables of a `.env` file, each as a secret of its own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, fail, say, table
from langchain_tyrum.cli.store import open_broker, require_writable
from langchain_tyrum.cli.values import in_our_words
from langchain_tyrum.errors import ConfigError, SecretExists, TyrumError, WeakSecret

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import SecretBroker

#: One line of what is printed: the name, what became of it, its handle.
Row = tuple[str, str, str]


def add_import(commands: Any, whose: argparse.ArgumentParser) -> None:
    """Add `import` to the commands of `secret`."""
    text = "store each variable of a .env file as a secret (extra `dotenv`)"
    parser = add_command(commands, "import", _import, help=text, parents=[whose])
    parser.add_argument("file", metavar="FILE", help="the file, e.g. .env")
    parser.add_argument(
        "--prefix", default="", help="what stands before each name, e.g. app/"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this; repeat"
    )
    parser.add_argument("--environment", help="the only environment they are used in")
    parser.add_argument(
        "--replace", action="store_true", help="rotate where another value is stored"
    )
    parser.add_argument(
        "--allow-short", action="store_true", help="admit less than 8 characters"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the names and store nothing"
    )


def _import(args: argparse.Namespace) -> int:
    values = _chosen(args)
    if args.dry_run:
        rows = [
            (args.prefix + name, "would be stored" if value else "empty", "")
            for name, value in values.items()
        ]
        return _print(args, rows, [])
    problems: list[str] = []
    rows = []
    with open_broker(args, create=True) as broker:
        require_writable(broker, args)
        for name, value in values.items():
            try:
                rows.append(_put(broker, args, args.prefix + name, value))
            except TyrumError as error:
                problems.append(str(error))
    return _print(args, rows, problems)


def _chosen(args: argparse.Namespace) -> dict[str, str]:
    """The variables that are meant, by name.

    Raises:
        ConfigError: The file is no text, holds none, or lacks one that was named.
    """
    from langchain_tyrum.providers.dotenv import read_dotenv  # noqa: PLC0415 - slow

    found: dict[str, str] | None = None
    with suppress(UnicodeDecodeError):
        found = read_dotenv(Path(args.file).expanduser())
    if not found:
        what = "is no UTF-8 text" if found is None else "has no line NAME=value"
        raise ConfigError(f"the file {args.file!r} {what}: name a .env file")
    if lacking := [name for name in args.only if name not in found]:
        raise ConfigError(
            f"{len(lacking)} of the names given with --only are not in the file: "
            "--dry-run without --only lists those that are"
        )
    return {name: found[name] for name in args.only or found}


def _put(broker: SecretBroker, args: argparse.Namespace, name: str, value: str) -> Row:
    refused: TyrumError | None = None
    if not value:
        return name, "empty", ""
    try:
        handle = broker.put(
            name,
            value,
            owner=args.owner,
            tenant=args.tenant,
            environment=args.environment,
            replace=args.replace,
            allow_short=args.allow_short,
        )
    except (SecretExists, WeakSecret) as error:
        refused = in_our_words(error, name)
    if refused:
        raise refused
    return name, "stored", str(handle)


def _print(args: argparse.Namespace, rows: list[Row], problems: list[str]) -> int:
    if args.json:
        secrets = [{"name": x, "state": state, "handle": h} for x, state, h in rows]
        as_json({"secrets": secrets, "problems": problems})
    else:
        table(rows)
        for problem in problems:
            say(problem)
    if problems:
        return fail(f"{len(problems)} of {len(rows) + len(problems)} were not stored")
    if not args.dry_run:
        say("they are in the file still: delete it once nothing reads it any more")
    return 0
