"""`run`: a command with secrets in its environment, its output redacted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from secrets import token_hex
from threading import Thread
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import say, visible
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ApprovalRefused, ApprovalRequired, ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import IO

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.handles import SecretValue
    from langchain_tyrum.redaction import Redactor

#: What opens stores and providers is for this process alone.
_OURS = re.compile(r"TYRUM_.*|VAULT_TOKEN|OP_(?:SERVICE|CONNECT|SESSION)_.*")
_HANDLE = re.compile(r"tyrum://h_[0-9A-Za-z]{22}")


def add_parser(commands: Any) -> None:
    """Add the `run` command."""
    parser = add_command(
        commands,
        "run",
        _run,
        help="run a command with secrets in its environment; its output is redacted",
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=SECRET",
        help="a variable and the secret it gets; repeat. Variables of this process "
        "that are tyrum://h_… get theirs too",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="leave the output to the command as it is, for full-screen programs and "
        "prompts that wait for an answer: then nothing redacts what it prints",
    )
    parser.add_argument("--user", help="on whose behalf (default: a service)")
    parser.add_argument("--tenant", default="default", help="the tenant of the user")
    parser.add_argument(
        "argv", metavar="COMMAND", nargs="+", help="after --: the command, no shell"
    )


def _run(args: argparse.Namespace) -> int:
    from langchain_tyrum.broker import CallIdentity  # noqa: PLC0415 - slow to import

    wanted = _wanted(args.env, os.environ)
    tool_id = f"cli:{os.path.basename(args.argv[0])}"  # noqa: PTH119 - no path is meant
    call = CallIdentity(tenant=args.tenant, user=args.user)
    with open_broker(args) as broker:
        digest = _agreed(broker, tool_id, [*wanted.values()], call)
        with broker.lease_all(
            wanted, tool_id=tool_id, call=call, digest=digest
        ) as values:
            redactor = None if args.raw else broker.redactor
            return _carry_out(args.argv, values, redactor)


def _wanted(given: list[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Which variable gets which secret.

    Raises:
        ConfigError: An option is not of the form NAME=SECRET, or there is none.
    """
    found = {name: text for name, text in environ.items() if _HANDLE.fullmatch(text)}
    for pair in given:
        name, _, secret = pair.partition("=")
        if not name or not secret:
            raise ConfigError("--env wants NAME=SECRET, e.g. GH_TOKEN=github/token")
        found[name] = secret
    if not found:
        raise ConfigError(
            "no variable gets a secret: name one with --env NAME=SECRET, or set one to "
            "tyrum://h_…"
        )
    return found


def _agreed(
    broker: SecretBroker, tool_id: str, secrets: list[str], call: CallIdentity
) -> str | None:
    """Ask at the terminal where the policy wants a person; the digest of the answer.

    Raises:
        ApprovalRequired: There is no terminal to ask at.
        ApprovalRefused: The answer was no.
    """
    decision = broker.decide(tool_id, secrets, call=call)
    asks = decision.outcome == "require_approval"
    if not asks or broker.usable_grant(tool_id, secrets, call=call):
        return None
    scopes = ", ".join(decision.scopes)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ApprovalRequired(
            f"{tool_id!r} may use {scopes!r} only after a person agrees, and there is "
            f"no terminal to ask at: allow = {list(decision.scopes)!r} in [policy] of "
            "tyrum.toml allows it",
            scope=scopes,
            tool_id=tool_id,
        )
    sys.stderr.write(f"Let {visible(tool_id)} use {visible(scopes)} once? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise ApprovalRefused(
            f"{tool_id!r} was not let use {scopes!r}; nothing was run", tool_id=tool_id
        )
    digest = token_hex(32)
    broker.grant(
        mode="once",
        tool_id=tool_id,
        scopes=decision.scopes,
        ttl_seconds=60,
        call=call,
        digest=digest,
    )
    return digest


def _carry_out(
    argv: list[str], values: Mapping[str, SecretValue], redactor: Redactor | None
) -> int:
    """Run it, and give its exit code; 128 and more tell the signal that ended it."""
    environ = {name: x for name, x in os.environ.items() if not _OURS.fullmatch(name)}
    environ |= {name: os.fsdecode(x.reveal_bytes()) for name, x in values.items()}
    pipe = None if redactor is None else subprocess.PIPE
    reason = ""
    try:
        process = subprocess.Popen(  # noqa: S603 - what was asked for, and no shell
            argv, env=environ, stdout=pipe, stderr=pipe
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds a NUL"
    if reason:
        raise ConfigError(f"the command cannot be run ({reason}): correct its name")
    outputs = (process.stdout, sys.stdout), (process.stderr, sys.stderr)
    pumps = [
        Thread(target=_pump, args=(pipe, out.buffer, redactor), daemon=True)
        for pipe, out in outputs
        if pipe is not None and redactor is not None
    ]
    for pump in pumps:
        pump.start()
    code = _ended(process)
    for pump in pumps:
        pump.join()
    return 128 - code if code < 0 else code


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end; an interrupt of the terminal reached the command as well."""
    while True:
        with suppress(KeyboardInterrupt):
            return process.wait()
        say("interrupted: waiting for the command to end")


def _pump(pipe: IO[bytes], out: IO[bytes], redactor: Redactor) -> None:
    """Pass on what a command prints, redacted as one text."""
    # Where nobody reads any more, the closed pipe ends the command.
    with suppress(BrokenPipeError), pipe, redactor.stream() as stream:
        chunk = b"-"
        while chunk:
            chunk = os.read(pipe.fileno(), 65536)
            out.write(stream.feed(chunk))
            out.flush()
        out.write(stream.close())
        out.flush()
