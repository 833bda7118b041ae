"""An argument parser that never repeats what it was given.

What stands at the wrong place of a command line may be a value.
"""

from __future__ import annotations

import argparse
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "langchain-tyrum"

_NEVER_ARGV = (
    "there are arguments too many. A value is never taken from the command line, "
    "where other processes and the shell's history see it: give it at the prompt, by "
    "a pipe or with --from-file. If you just typed one, replace it at its service"
)
#: argparse's wording, and how much of it holds nothing that was typed.
_SAFE = (
    re.compile(r"the following arguments are required: [^\n]*"),
    re.compile(r"argument [^:\n]*: expected (?:one|at least one) argument"),
    re.compile(r"argument [^:\n]*: not allowed with argument [^\n]*"),
    re.compile(r"argument [^:\n]*: invalid (?:choice|\w+ value)(?=: )"),
    re.compile(r"argument [^:\n]*: ignored explicit argument(?= )"),
)
#: Words of other programs, and which of ours does that.
_MEANT = {
    "add": "set",
    "create": "set",
    "delete": "revoke",
    "get": "show",
    "ls": "list",
    "put": "set",
    "remove": "revoke",
    "rm": "revoke",
    "update": "rotate",
}


class Parser(argparse.ArgumentParser):
    """`argparse`, with messages of one line that quote no argument."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, or leave with exit code 2."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(_NEVER_ARGV)
        return found

    def error(self, message: str) -> NoReturn:
        """Leave with exit code 2 and one line on stderr."""
        shown = message if message == _NEVER_ARGV else _without_arguments(message)
        self.exit(2, f"{PROGRAM}: {shown}; see `{self.prog} --help`\n")


def common_options(*, default: Any = argparse.SUPPRESS) -> argparse.ArgumentParser:
    """Options of every command, which may stand before or after its name.

    Args:
        default: `argparse.SUPPRESS` for a command, so that it leaves alone what was
            given before its name.
    """
    first = default is None
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--store",
        metavar="PATH",
        default=default,
        help="database file, or its folder (default: see --config)",
    )
    parser.add_argument(
        "--config",
        metavar="PATH",
        default=default,
        help="settings file, or its folder (default: TYRUM_CONFIG, then the store "
        "TYRUM_STORE, then the nearest tyrum.toml, then your own store)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        default=False if first else default,
        help="print JSON",
    )
    return parser


def whose_options() -> argparse.ArgumentParser:
    """Options that say whose secret is meant."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--tenant", default="default", help="the tenant it belongs to")
    parser.add_argument(
        "--owner", metavar="USER", help="the user it belongs to (default: a service)"
    )
    return parser


def add_command(
    commands: Any,
    name: str,
    run: Any,
    *,
    help: str,  # noqa: A002 - argparse's word
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.ArgumentParser:
    """Add one command that `run(args) -> int` carries out."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help, parents=[common_options(), *parents]
    )
    parser.set_defaults(run=run)
    return parser


def _without_arguments(message: str) -> str:
    for pattern in _SAFE:
        if found := pattern.match(message):
            return found.group() + _choices(found.group(), message)
    return "this command line is not understood"


def _choices(shown: str, message: str) -> str:
    """What could have been chosen: argparse tells it last, after what was typed."""
    if not shown.endswith("invalid choice"):
        return ""
    told = message.rpartition(" (choose from ")[2].removesuffix(")").replace("'", "")
    typed = message.partition(": invalid choice: ")[2].partition(" (choose from ")[0]
    known = told.split(", ")
    meant = [_MEANT.get(typed.strip("'"), "")]
    near = [x for x in meant if x in known] or get_close_matches(typed, known, n=1)
    guess = f"did you mean {near[0]}? " if near else ""
    return f": {guess}choose from {told}"
