"""`audit tail`, `audit verify`, `audit export` and `audit keep-head`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, fail, line, say, table
from langchain_tyrum.cli.store import open_broker

if TYPE_CHECKING:
    import argparse

_COLUMNS = ("seq", "occurred_at", "action", "outcome", "name", "tool_id", "user")


def add_parser(commands: Any) -> None:
    """Add the `audit` command and its own commands."""
    parser = commands.add_parser("audit", help="read and check the audit trail")
    inner = parser.add_subparsers(dest="audit_command", required=True, metavar="WHAT")
    tail = add_command(inner, "tail", _tail, help="print the last rows, oldest first")
    tail.add_argument(
        "-n", type=_rows, default=20, metavar="ROWS", help="how many (default: 20)"
    )
    tail.add_argument("--tenant", help="only rows of this tenant (default: all)")
    export = add_command(
        inner, "export", _export, help="write the rows to a file, as JSON lines"
    )
    export.add_argument("path", metavar="FILE", help="the file; it is replaced")
    export.add_argument(
        "--tenant", help="only rows of this tenant; such a file cannot be verified"
    )
    add_command(
        inner,
        "verify",
        _verify,
        help="check every row and the chain; exit code 1 when anything is wrong",
    )
    add_command(
        inner,
        "keep-head",
        _keep_head,
        help="accept the trail as it is, after a backup was restored or the head file "
        "was lost",
    )


def _tail(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        rows = broker.audit.tail(args.n, tenant=args.tenant)
    if args.json:
        as_json(rows)
    else:
        table([row.get(column) for column in (*_COLUMNS, "error")] for row in rows)
    return 0


def _keep_head(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        head = broker.audit.keep_head()
    if args.json:
        as_json(asdict(head))
    else:
        line("kept", f"row {head.seq}", head.hash)
    return 0


def _export(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        rows = broker.audit.export(args.path, tenant=args.tenant)
    if args.json:
        as_json({"file": args.path, "rows": rows})
    else:
        line(args.path, f"{rows} rows")
    return 0


def _verify(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        report = broker.audit.verify(progress=_progress)
    problems = [asdict(problem) for problem in report.problems]
    head = asdict(report.head) if report.head else None
    if args.json:
        as_json(
            {"ok": report.ok, "rows": report.rows, "problems": problems, "head": head}
        )
    elif report.ok:
        line("ok", f"{report.rows} rows", report.head and report.head.hash)
    else:
        table((p.kind, f"row {p.seq}", p.detail) for p in report.problems)
    if report.ok:
        return 0
    return fail(
        f"{len(problems)} problems in the audit trail: keep the database as evidence, "
        "and restore it from a backup; if you have just done so, accept it with "
        "`langchain-tyrum audit keep-head`"
    )


def _progress(rows: int) -> None:
    if sys.stderr.isatty():
        say(f"{rows} rows checked")


def _rows(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError
    return int(text)


_rows.__name__ = "number"  # argparse's message names the type
