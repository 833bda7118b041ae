"""`policy check`: what would be decided, by which layer and rule; leases nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import CallIdentity, SecretBroker
    from langchain_tyrum.policy import Decision


def add_parser(commands: Any) -> None:
    """Add the `policy` command and its own command."""
    parser = commands.add_parser("policy", help="ask what the policy would say")
    inner = parser.add_subparsers(dest="policy_command", required=True, metavar="WHAT")
    text = "say what the policy decides about a tool and secrets, or scopes, and why"
    check = add_command(inner, "check", _check, help=text)
    check.add_argument("tool", metavar="TOOL", help="the tool id")
    check.add_argument(
        "secrets", metavar="SECRET", nargs="*", help="names or tyrum://h_…"
    )
    check.add_argument(
        "--scope", action="append", default=[], help="a scope instead; repeat"
    )
    check.add_argument(
        "--provider", default="", help="the provider that a --scope is thought to have"
    )
    check.add_argument("--user", help="on whose behalf (default: a service)")
    check.add_argument("--thread", help="in which thread, for grants of a session")
    check.add_argument("--tenant", default="default", help="the tenant of the user")


def _check(args: argparse.Namespace) -> int:
    from langchain_tyrum.broker import CallIdentity  # noqa: PLC0415 - slow to import

    if bool(args.secrets) == bool(args.scope):
        raise ConfigError("name secrets, or scopes with --scope; one of the two")
    call = CallIdentity(tenant=args.tenant, user=args.user, thread_id=args.thread)
    with open_broker(args) as broker:
        grant = None
        if args.scope:
            decision = _of_scopes(broker, args, call)
        else:
            decision = broker.decide(args.tool, args.secrets, call=call)
            if decision.outcome == "require_approval":
                grant = broker.usable_grant(args.tool, args.secrets, call=call)
        written = any(not layer.is_empty for layer in broker.policy)
    if args.json:
        as_json({**asdict(decision), "grant_id": grant and grant.grant_id})
        return 0
    line(decision.outcome, ", ".join(decision.scopes), decision.policy_sha256[:12])
    table(("rule", x.scope, x.outcome, x.rule, x.layer) for x in decision.rules)
    table(("silent", x.scope, x.why, x.layer) for x in decision.silent)
    if grant:
        line("grant", grant.grant_id, grant.mode)
    if not written:
        say("no policy is written here: what your code passes as policy= is not seen")
    return 0


def _of_scopes(
    broker: SecretBroker, args: argparse.Namespace, call: CallIdentity
) -> Decision:
    """Decide about scopes that no secret needs to have yet."""
    from langchain_tyrum.policy import (  # noqa: PLC0415 - slow to import
        PolicyRequest,
        evaluate,
    )

    requests = [
        PolicyRequest(
            scope=scope,
            provider=args.provider,
            tool_id=args.tool,
            environment=broker.environment,
            principal=call,
        )
        for scope in args.scope
    ]
    return evaluate(broker.policy, requests)
