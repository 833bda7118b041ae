"""`scan`: which raw values stand in checkpoints, stores and exports already."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, fail, line, say, table
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError, SecretNotFound
from langchain_tyrum.handles import SCHEME

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.state import ScanFinding, ScanReport

_AES_KEY = "LANGGRAPH_AES_KEY"
_STEP = 10_000
#: How many secrets a line names.
_NAMES = 20


def add_parser(commands: Any) -> None:
    """Add the `scan` command."""
    scan = add_command(
        commands,
        "scan",
        _scan,
        help="find raw values in checkpoints, stores or trace exports that exist "
        "already; exit code 1 while any is left",
    )
    scan.add_argument(
        "target",
        metavar="TARGET",
        help="a SQLite file, sqlite:///FILE, postgresql://..., or a .jsonl export",
    )
    scan.add_argument(
        "--repair",
        action="store_true",
        help="write markers where values stand; stop the graphs that write there first",
    )
    scan.add_argument(
        "--encrypted",
        action="store_true",
        help=f"read values that LangGraph encrypted with {_AES_KEY}",
    )


def _scan(args: argparse.Namespace) -> int:
    # LangGraph is slow to import, and no other command needs it.
    from langchain_tyrum.state import scan_checkpoints  # noqa: PLC0415
    from langchain_tyrum.state.scanning.targets import check_target  # noqa: PLC0415

    check_target(args.target)
    serde = _serde() if args.encrypted else None
    with open_broker(args) as broker:
        unknown = _arm(broker)
        report = scan_checkpoints(
            args.target,
            broker._core.redactor,  # noqa: SLF001 - `_arm` told it what can be read
            serde=serde,
            repair=args.repair,
            progress=_progress,
        )
        _record(broker, report)
    _print(args, report, unknown)
    return _code(args, report, unknown)


def _arm(broker: SecretBroker) -> list[str]:
    """Tell the redactor of all values that can be read, and the person of the others.

    Returns:
        The secrets whose values may stand anywhere, as nobody can look for them. One
        that is disabled, or has no value any more, is none of them.
    """
    gone: list[str] = []
    unknown: list[str] = []
    for problem in broker.verify():
        status = broker.describe(SCHEME + problem.handle_id).status
        is_gone = status == "disabled" or isinstance(problem.error, SecretNotFound)
        (gone if is_gone else unknown).append(problem.name)
    if gone:
        say(
            f"not looked for, since disabled or without a value: {_shown(gone)}; what "
            "they held before may still stand there"
        )
    return unknown


def _shown(names: list[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")


def _code(args: argparse.Namespace, report: ScanReport, unknown: list[str]) -> int:
    if unknown:
        fail(
            f"not looked for, since their values cannot be read: {_shown(unknown)}; "
            "`langchain-tyrum doctor` tells why; mend that, and scan again"
        )
    if report.ok:
        return 1 if unknown else 0
    left = report.found - report.repaired
    if args.repair:
        return fail(
            f"{left} values are left: keys such as thread ids and tables of others are "
            "never rewritten, and what is unreadable needs its serializer; delete "
            "those threads, or move them to another id"
        )
    return fail(
        f"{left} values found: rotate these secrets, stop the graphs that write here, "
        "and run the same command with --repair"
    )


def _print(args: argparse.Namespace, report: ScanReport, unknown: list[str]) -> None:
    if args.json:
        found = [asdict(finding) for finding in report]
        counts = {name: getattr(report, name) for name in ("rows", "found", "repaired")}
        is_ok = report.ok and not unknown
        as_json({"ok": is_ok, **counts, "unknown": unknown, "findings": found})
        return
    table(_fields(finding) for finding in report)
    if report.found > len(report.findings):
        say(f"the first {len(report.findings)} of {report.found} findings are shown")
    if report.ok and not unknown:
        line("ok", f"{report.rows} rows", f"{report.repaired} repaired")


def _fields(finding: ScanFinding) -> tuple[object, ...]:
    return (
        finding.table,
        finding.thread,
        finding.checkpoint,
        finding.channel,
        finding.path,
        finding.name or finding.rule,
        finding.encoding,
        "repaired" if finding.repaired else "raw",
    )


def _record(broker: SecretBroker, report: ScanReport) -> None:
    """Write one ledger row for each secret or kind of shape, and table."""
    found = Counter(
        (finding.table.split(" ")[0], finding.name, finding.rule, finding.repaired)
        for finding in report
    )
    for (where, name, rule, repaired), count in sorted(found.items()):
        broker.record(
            "leak_found",
            "repaired" if repaired else "raw",
            name=name or None,
            error=f"{count} times in {where}, rule {rule}",
        )


def _serde() -> Any:
    from langgraph.checkpoint.serde.encrypted import (  # noqa: PLC0415 - as above
        EncryptedSerializer,
    )

    if not os.environ.get(_AES_KEY):
        raise ConfigError(f"--encrypted needs the key in the variable {_AES_KEY}")
    try:
        return EncryptedSerializer.from_pycryptodome_aes()
    except ImportError:
        raise ConfigError(
            "encrypted checkpoints need the package pycryptodome: "
            "pip install pycryptodome"
        ) from None


def _progress(rows: int) -> None:
    if rows % _STEP == 0 and sys.stderr.isatty():
        say(f"{rows} rows read")
