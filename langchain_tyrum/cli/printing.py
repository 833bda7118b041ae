"""What commands print: results on stdout, talk on stderr, one error in one line."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterable


def visible(text: object) -> str:
    """Write a field so that it can neither break the line nor steer the terminal."""
    return "".join(
        char if char.isprintable() else ascii(char)[1:-1] for char in str(text)
    )


def line(*fields: object) -> None:
    """Print one result; its fields are parted by tabs, and missing ones are `-`."""
    print("\t".join("-" if x in (None, "") else visible(x) for x in fields))


def as_json(data: Any) -> None:
    """Print one result as JSON."""
    print(json.dumps(data, indent=2, ensure_ascii=True, default=str))


def say(*parts: object) -> None:
    """Tell the person something that is no result."""
    print(*map(visible, parts), file=sys.stderr)


def fail(message: str) -> int:
    """Print an error in one line; returns exit code 1."""
    say(f"{PROGRAM}: {' '.join(message.split())}")
    return 1


def table(rows: Iterable[Iterable[object]]) -> None:
    """Print results, one a line."""
    for row in rows:
        line(*row)
