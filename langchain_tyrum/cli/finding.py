"""The secret that a command names, or where it was looked for and what was near."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING

from langchain_tyrum.cli.store import count_owned, where_it_is
from langchain_tyrum.errors import SecretNotFound
from langchain_tyrum.handles import SCHEME

if TYPE_CHECKING:
    import argparse

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.handles import SecretRecord


def find(broker: SecretBroker, args: argparse.Namespace) -> SecretRecord:
    """The record that a command names.

    With an owner it is that user's own, with an environment that environment's own.

    Raises:
        SecretNotFound: There is none. Names that are near are told, of the tenant and
            owner that were asked for alone, and where it was looked.
    """
    if args.name.startswith(SCHEME):
        return broker.describe(args.name, tenant=args.tenant, owner=args.owner)
    exact = args.owner is not None or args.environment is not None
    if not exact:
        with suppress(SecretNotFound):
            return broker.describe(args.name, tenant=args.tenant, owner=args.owner)
    owned = broker.records(tenant=args.tenant, owner=args.owner)
    named = {r.environment: r for r in owned if r.name == args.name}
    places = (args.environment,) if args.environment else (broker.environment, None)
    for place in places if exact else ():
        if place in named:
            return named[place]
    raise SecretNotFound(_told(broker, args, owned, sorted(filter(None, named))))


def nothing(broker: SecretBroker, args: argparse.Namespace) -> str:
    """What is said where a list is empty."""
    owned = 0 if args.owner else count_owned(broker, args.tenant)
    if owned:
        return (
            f"no service has a secret here, but users have {owned}: list those of one "
            "with --owner USER"
        )
    return (
        f"no secrets are stored here, in {where_it_is(broker)}: `secret set NAME` "
        "stores one"
    )


def _told(
    broker: SecretBroker,
    args: argparse.Namespace,
    owned: list[SecretRecord],
    places: list[str],
) -> str:
    whose = f"user {args.owner!r}" if args.owner else "the services"
    where = f"{whose} of tenant {args.tenant!r}, in {where_it_is(broker)}"
    close = get_close_matches(args.name, sorted({r.name for r in owned}), n=3)
    shown = _shown(broker, args.name, is_close=bool(close))
    if places:
        return (
            f"{shown} is stored for another environment: name it with --environment "
            f"({', '.join(places)}); looked at {where}"
        )
    if args.owner is None and count_owned(broker, args.tenant, args.name):
        return (
            f"no service has {shown}, but a user has: name whose it is with --owner "
            "USER"
        )
    mend = "`secret list` tells which there are"
    if close:
        mend = f"did you mean {' or '.join(map(repr, close))}? Else {mend}"
    return f"no secret is named {shown}: {mend}; looked at {where}"


def _shown(broker: SecretBroker, name: str, *, is_close: bool) -> str:
    """The name as it was typed, unless it reads like a value."""
    from langchain_tyrum.broker.records.names import (  # noqa: PLC0415 - slow
        reads_as_name,
    )

    if not is_close and not reads_as_name(name):
        return "so (not repeated here, since it reads like a value)"
    known = broker._core.redactor  # noqa: SLF001 - without asking any provider
    return repr(known.redact_text(name))
