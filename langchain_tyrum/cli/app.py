"""The entry point: parse, run one command, turn what fails into one line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from langchain_tyrum._version import __version__
from langchain_tyrum.cli.approvals import add_parser as add_approvals
from langchain_tyrum.cli.audit import add_parser as add_audit
from langchain_tyrum.cli.config import add_parser as add_config
from langchain_tyrum.cli.doctor import add_parser as add_doctor
from langchain_tyrum.cli.grants import add_parser as add_grant
from langchain_tyrum.cli.key import add_parser as add_key
from langchain_tyrum.cli.leases import add_parser as add_lease
from langchain_tyrum.cli.parsing import PROGRAM, Parser, common_options
from langchain_tyrum.cli.policy import add_parser as add_policy
from langchain_tyrum.cli.printing import fail
from langchain_tyrum.cli.references import add_parser as add_reference
from langchain_tyrum.cli.running import add_parser as add_run
from langchain_tyrum.cli.scan import add_parser as add_scan
from langchain_tyrum.cli.secrets import add_parser as add_secret
from langchain_tyrum.errors import TyrumError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def main(
    argv: Sequence[str] | None = None,
    *,
    more: Sequence[Callable[[Any], object]] = (),
) -> int:
    """Run one command.

    Args:
        argv: The arguments; by default those of the process.
        more: Adds commands of other rooms. Each gets the object that
            `add_subparsers` returned and sets `run`, a callable from the parsed
            arguments to the exit code, as a default of its parser.

    Returns:
        0 when it worked, 1 when it failed, 2 when the command line was wrong.
    """
    try:
        args = _parser(more).parse_args(argv)
        code = int(args.run(args))
        sys.stdout.flush()
        return code
    except SystemExit as leaving:  # argparse's way to print help or an error
        return leaving.code if isinstance(leaving.code, int) else 2
    except TyrumError as error:
        return fail(str(error))
    except BrokenPipeError:  # the reader, e.g. `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f" {error.filename!r}" if error.filename else ""
        return fail(f"the file{where} cannot be used: {error.strerror}")
    except KeyboardInterrupt:
        return fail("stopped; nothing more was changed")
    except Exception as error:
        # Somebody else's text may hold a value; its class does not.
        return fail(f"failed unexpectedly ({type(error).__name__}): please report it")


def _parser(more: Sequence[Callable[[Any], object]]) -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Real credentials for agents; opaque handles everywhere else.",
        parents=[common_options(default=None)],
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND", parser_class=Parser
    )
    for add in (
        *more,
        add_doctor,
        add_secret,
        add_reference,
        add_policy,
        add_grant,
        add_approvals,
        add_audit,
        add_config,
        add_lease,
        add_key,
        add_run,
        add_scan,
    ):
        add(commands)
    return parser
