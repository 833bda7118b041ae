"""The main job on real parts: one agent, three runs, and what each gave away.

A checkpointer on disk, an API that wants a real token, a subprocess that wants a real
key, a password in the chat, an approval, and a trace backend. No key, no network, no
OS keyring.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.demo.report import Outcome
    from langchain_tyrum.demo.services import TraceSink, TrackerAPI
    from langchain_tyrum.demo.story import Credentials, Settings

_TIMEOUT = 90  # seconds for one run; a scripted one takes about five


def add_parser(commands: Any) -> None:
    """Add the command `demo` to the command line."""
    parser = commands.add_parser(
        "demo",
        help="run one agent three times and print what leaked",
        description="Run one agent three times on the same input, read back every "
        "byte, and print the table of leaks.",
    )
    parser.add_argument(
        "--model", metavar="PROVIDER:NAME", help="a real chat model (default: scripted)"
    )
    parser.add_argument(
        "--approve",
        choices=["ask", "yes", "no"],
        default="yes",
        help="who answers the approval questions (default: yes to all)",
    )
    parser.add_argument("--keep", metavar="DIR", help="keep the evidence here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo.

    Returns:
        0 when the third column is zero and every run finished, else 1.
    """
    try:
        import langchain  # noqa: F401, PLC0415 - only to see that the extra is there
        import langgraph.checkpoint.sqlite  # noqa: F401, PLC0415
    except ImportError:
        print(
            "the demo needs the extra: pip install 'langchain-tyrum[demo]'",
            file=sys.stderr,
        )
        return 1
    if args.keep:
        folder = Path(args.keep)
        folder.mkdir(parents=True, exist_ok=True)
        return _tell(folder, args)
    scratch = Path(tempfile.mkdtemp(prefix="tyrum-demo-"))
    try:
        return _tell(scratch, args)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _tell(folder: Path, args: argparse.Namespace) -> int:
    from langchain_tyrum.demo import report, services, story  # noqa: PLC0415

    credentials = story.Credentials.fresh()
    outcomes: dict[str, Outcome] = {}
    with services.TrackerAPI(credentials) as api, services.TraceSink() as sink:
        for variant in story.VARIANTS:
            print(f"running: {variant} …", file=sys.stderr, flush=True)
            place = folder / variant
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700)
            settings = story.Settings(
                variant=variant,
                credentials=credentials,
                folder=str(place),
                tracker_url=api.url,
                sink_url=sink.url,
                model=args.model,
                approve=args.approve,
            )
            outcomes[variant] = _run_one(settings, api, sink)
    print(report.table(outcomes, credentials=len(credentials.by_name())))
    reasons = report.failures(outcomes, approved=args.approve == "yes")
    for reason in reasons:
        print(f"failed: {reason}", file=sys.stderr)
    for variant in (name for name, each in outcomes.items() if not each.finished):
        if said := _last_words(folder / variant, credentials):
            print(f"the {variant} run ended with: {said}", file=sys.stderr)
    if args.keep:
        print(f"\nthe evidence is in {folder}", file=sys.stderr)
    return 1 if reasons else 0


def _run_one(settings: Settings, api: TrackerAPI, sink: TraceSink) -> Outcome:
    from langchain_tyrum.demo import evidence, report  # noqa: PLC0415

    place = Path(settings.folder)
    if settings.variant == "tyrum":
        _fill_store(settings)
    api.forget()
    started = time.monotonic()
    with (
        (place / "stdout.txt").open("wb") as stdout,
        (place / "stderr.txt").open("wb") as stderr,
        suppress(subprocess.TimeoutExpired),  # the table says that it did not finish
    ):
        interactive = settings.approve == "ask"
        subprocess.run(
            [sys.executable, "-m", "langchain_tyrum.demo.child", settings.write()],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=None if interactive else stdout,
            stderr=None if interactive else stderr,
            timeout=None if interactive else _TIMEOUT,
            check=False,
        )
    seconds = time.monotonic() - started
    traces = sink.take(place / "wire.bin")
    found = evidence.read(place, settings.credentials.by_name(), traces=traces)
    return report.Outcome(evidence=found, calls=api.forget(), seconds=seconds)


def _last_words(place: Path, credentials: Credentials) -> str:
    """The last line that a run wrote to its stderr, without credentials."""
    from langchain_tyrum.redaction import Redactor  # noqa: PLC0415

    redactor = Redactor()
    for name, value in credentials.by_name().items():
        redactor.register(name, value)
    lines = (place / "stderr.txt").read_text("utf-8", "replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return redactor.redact_text(said[-1]) if said else ""


def _fill_store(settings: Settings) -> None:
    """What an operator does once: `langchain-tyrum secret set …`."""
    from langchain_tyrum.broker import SecretBroker  # noqa: PLC0415

    credentials = settings.credentials
    with SecretBroker.local(Path(settings.folder) / "store") as broker:
        broker.put(
            "tracker/token", credentials.tracker_token, scope="tracker:issues:write"
        )
        broker.put("deploy/key", credentials.deploy_key, scope="deploy:staging")
        broker.put("session", credentials.session)
