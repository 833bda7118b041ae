"""`secret set`, `list`, `show`, `rotate`, `revoke`, `reauthorize` and `purge`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.finding import find, nothing
from langchain_tyrum.cli.importing import add_import
from langchain_tyrum.cli.parsing import add_command, whose_options
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import open_broker, require_writable
from langchain_tyrum.cli.values import in_our_words, read_optional, read_value
from langchain_tyrum.errors import ConfigError, SecretExists, TyrumError, WeakSecret

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.handles import SecretRecord


def add_parser(commands: Any) -> None:
    """Add the `secret` command and its own commands."""
    parser = commands.add_parser(
        "secret", help="store, rotate, revoke and list secrets; none is ever printed"
    )
    inner = parser.add_subparsers(dest="secret_command", required=True, metavar="WHAT")
    whose = whose_options()
    _add_options(
        add_command(inner, "set", _set, help="store a secret", parents=[whose])
    )
    add_command(inner, "list", _list, help="list the secrets", parents=[whose])
    add_import(inner, whose)
    for name, run, text in (
        ("show", _show, "show what is known of a secret, without its value"),
        ("rotate", _rotate, "store a new version under the same handle"),
        ("revoke", _revoke, "disable a secret until it is reauthorized"),
        ("reauthorize", _reauthorize, "lift a revocation, with a new value if given"),
        ("purge", _purge, "destroy the old versions of a secret for good"),
    ):
        command = add_command(inner, name, run, help=text, parents=[whose])
        command.add_argument(
            "--environment", help="the environment that it is stored for alone"
        )
        if name in ("rotate", "reauthorize"):
            _add_value(command)
            continue
        command.add_argument("name", metavar="NAME", help="its name or tyrum://h_…")
        if name == "revoke":
            command.add_argument("--reason", default="", help="kept in the ledger")
        if name == "purge":
            command.add_argument(
                "--keep",
                type=int,
                default=1,
                metavar="N",
                help="how many of the newest versions stay (default: 1)",
            )


def _add_options(put: argparse.ArgumentParser) -> None:
    _add_value(put)
    put.add_argument("--scope", help="what it may be used for (default: its name)")
    put.add_argument("--environment", help="the only environment it may be used in")
    put.add_argument(
        "--host", action="append", default=[], help="a host it may be sent to; repeat"
    )
    put.add_argument("--expires", metavar="TIME", help="ISO 8601, e.g. 2027-01-31")
    put.add_argument(
        "--replace", action="store_true", help="rotate when another value is stored"
    )
    put.add_argument(
        "--allow-short", action="store_true", help="admit less than 8 characters"
    )


def _add_value(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its name, e.g. github/token")
    parser.add_argument(
        "--from-file",
        metavar="FILE",
        help="read the value from a file (default: a pipe, else a hidden prompt)",
    )


def _set(args: argparse.Namespace) -> int:
    expires_at = _time(args.expires)
    refused: TyrumError | None = None
    with open_broker(args, create=True) as broker:
        require_writable(broker, args)
        value = read_value(args.name, args.from_file)
        try:
            handle = broker.put(
                args.name,
                value,
                scope=args.scope,
                owner=args.owner,
                tenant=args.tenant,
                environment=args.environment,
                allowed_hosts=args.host,
                expires_at=expires_at,
                replace=args.replace,
                allow_short=args.allow_short,
            )
        except (SecretExists, WeakSecret) as error:
            refused = in_our_words(error, args.name)
        if refused:
            raise refused
        record = broker.describe(handle, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, "stored")
    return 0


def _list(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        records = broker.records(tenant=args.tenant, owner=args.owner)
        told = "" if records else nothing(broker, args)
    if args.json:
        as_json([record.model_dump(mode="json") for record in records])
        return 0
    table(
        (r.name, r.status, f"v{r.version}", r.scope, r.provider, r, r.environment)
        for r in records
    )
    if told:
        say(told)
    return 0


def _show(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        record = find(broker, args)
    _print_record(args, record)
    return 0


def _rotate(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = find(broker, args)
        value = read_value(args.name, args.from_file)
        record = broker.rotate(found, value, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, "rotated")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = find(broker, args)
        record = broker.revoke(
            found, reason=args.reason, tenant=args.tenant, owner=args.owner
        )
    _print_change(args, record, "revoked")
    return 0


def _reauthorize(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = find(broker, args)
        hint = "; empty keeps the stored one"
        value = read_optional(args.name, args.from_file, hint=hint)
        record = broker.reauthorize(found, value, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, "reauthorized")
    return 0


def _purge(args: argparse.Namespace) -> int:
    if args.keep < 1:
        raise ConfigError(
            "--keep is at least 1: the newest version stays, and `secret revoke` "
            "disables it"
        )
    with open_broker(args) as broker:
        found = find(broker, args)
        gone = broker.purge(found, keep=args.keep, tenant=args.tenant, owner=args.owner)
        record = broker.describe(found, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, f"destroyed {gone} old versions of")
    return 0


def _print_change(args: argparse.Namespace, record: SecretRecord, done: str) -> None:
    if args.json:
        _print_record(args, record)
        return
    line(record)
    say(f"{done} {record.name} (version {record.version}, {record.status})")


def _print_record(args: argparse.Namespace, record: SecretRecord) -> None:
    fields = record.model_dump(mode="json")
    if args.json:
        as_json(fields)
        return
    for name, value in fields.items():
        line(name, ", ".join(value) if isinstance(value, list) else value)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None:
        raise ConfigError("--expires wants a time such as 2027-01-31T12:00:00+00:00")
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found <= datetime.now(UTC):
        raise ConfigError("--expires lies in the past: give a time that is to come")
    return found
