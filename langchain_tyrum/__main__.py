"""`python -m langchain_tyrum` and the `langchain-tyrum` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli import main as run_command

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the command line; the demo is one of them.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, 1 or 2.
    """
    return run_command(argv, more=[_add_demo])


def _add_demo(commands: Any) -> None:
    from langchain_tyrum.demo import add_parser  # noqa: PLC0415 - cli knows no demo

    add_parser(commands)


if __name__ == "__main__":
    sys.exit(main())
