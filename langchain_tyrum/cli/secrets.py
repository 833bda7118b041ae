"""`secret set`, `list`, `show`, `rotate`, `revoke`, `reauthorize` and `purge`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_tyrum.cli.parsing import add_command, whose_options
from langchain_tyrum.cli.printing import as_json, line, say, table
from langchain_tyrum.cli.store import count_owned, open_broker
from langchain_tyrum.cli.values import read_optional, read_value
from langchain_tyrum.errors import (
    ConfigError,
    SecretExists,
    SecretNotFound,
    TyrumError,
    WeakSecret,
)
from langchain_tyrum.handles import SCHEME

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import SecretBroker
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
        _require_writable(broker, args)
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
            refused = _in_our_words(error, args.name)
        if refused:
            raise refused
        record = broker.describe(handle, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, "stored")
    return 0


def _require_writable(broker: SecretBroker, args: argparse.Namespace) -> None:
    """Refuse before a value is asked for that nothing could keep.

    Raises:
        ConfigError: The settings file declares no provider that can be written.
    """
    from langchain_tyrum.broker.config import find_config  # noqa: PLC0415 - slow

    providers = broker._core.providers.values()  # noqa: SLF001 - its stores
    if not any(provider.writable for provider in providers):
        raise ConfigError(
            "no provider here can be written: add `[providers.store]` with kind = "
            f'"database" to {str(find_config(args.config))!r}'
        )


def _in_our_words(error: SecretExists | WeakSecret, name: str) -> TyrumError:
    """Give the mend as options of the command, not as arguments of a method."""
    if isinstance(error, SecretExists):
        return SecretExists(
            f"{name!r} is taken, by another value or on other terms: use `secret "
            "rotate`, or --replace",
            handle=name,
        )
    return WeakSecret(
        f"the value of {name!r} is too short or too common to be told from ordinary "
        "text: choose another one, or admit a short one with --allow-short",
        handle=name,
    )


def _list(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        records = broker.records(tenant=args.tenant, owner=args.owner)
        owned = 0 if records or args.owner else count_owned(broker, args.tenant)
    if args.json:
        as_json([record.model_dump(mode="json") for record in records])
        return 0
    table(
        (r.name, r.status, f"v{r.version}", r.scope, r.provider, r, r.environment)
        for r in records
    )
    if not records:
        say(_nothing(owned))
    return 0


def _show(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        record = _find(broker, args)
    _print_record(args, record)
    return 0


def _rotate(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = _find(broker, args)
        value = read_value(args.name, args.from_file)
        record = broker.rotate(found, value, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, "rotated")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = _find(broker, args)
        record = broker.revoke(
            found, reason=args.reason, tenant=args.tenant, owner=args.owner
        )
    _print_change(args, record, "revoked")
    return 0


def _reauthorize(args: argparse.Namespace) -> int:
    with open_broker(args) as broker:
        found = _find(broker, args)
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
        found = _find(broker, args)
        gone = broker.purge(found, keep=args.keep, tenant=args.tenant, owner=args.owner)
        record = broker.describe(found, tenant=args.tenant, owner=args.owner)
    _print_change(args, record, f"destroyed {gone} old versions of")
    return 0


def _find(broker: SecretBroker, args: argparse.Namespace) -> SecretRecord:
    """The record that a command names; when only users have it, say how to name it.

    With an owner it is that user's own, with an environment that environment's own.
    """
    exact = args.owner is not None or args.environment is not None
    if exact and not args.name.startswith(SCHEME):
        return _exactly(broker, args)
    try:
        return broker.describe(args.name, tenant=args.tenant, owner=args.owner)
    except SecretNotFound as error:
        missing = error
    if args.owner is None and count_owned(broker, args.tenant, args.name):
        missing = SecretNotFound(
            f"no service has {args.name!r}, but a user has: name whose it is with "
            "--owner USER",
            handle=args.name,
        )
    raise missing


def _exactly(broker: SecretBroker, args: argparse.Namespace) -> SecretRecord:
    owned = broker.records(tenant=args.tenant, owner=args.owner)
    named = {r.environment: r for r in owned if r.name == args.name}
    places = (args.environment,) if args.environment else (broker.environment, None)
    for place in places:
        if place in named:
            return named[place]
    raise SecretNotFound(
        f"there is no {args.name!r} of that owner and environment: `secret list` tells "
        "which there are",
        handle=args.name,
    )


def _nothing(owned: int) -> str:
    if owned:
        return (
            f"no service has a secret here, but users have {owned}: list those of one "
            "with --owner USER"
        )
    return "no secrets are stored here: `secret set NAME` stores one"


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
