"""Opening the broker that a command works on."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from langchain_tyrum.broker import SecretBroker

_CONFIG, _STORE = "TYRUM_CONFIG", "TYRUM_STORE"


@contextmanager
def open_broker(
    args: argparse.Namespace, *, create: bool = False
) -> Iterator[SecretBroker]:
    """Open the store that a command works on.

    That is the one of `--store`, of the settings file of `--config`, of TYRUM_CONFIG,
    of TYRUM_STORE, of the nearest `tyrum.toml`, or the user's own. No command disables
    what a settings file no longer declares: that is for the programs which use it.

    Args:
        args: The parsed command line.
        create: Whether the command may make a store that is not there yet. The others
            must not, else a misspelt path would look like an empty store.

    Yields:
        The broker; it is closed afterwards.

    Raises:
        ConfigError: There is nothing at that path, no folder can be made there, or
            the settings file is wrong.
    """
    from langchain_tyrum.broker import SecretBroker  # noqa: PLC0415 - slow to import
    from langchain_tyrum.broker.config import open_config  # noqa: PLC0415 - slow

    store = args.store
    if store is None and args.config is None and not os.environ.get(_CONFIG):
        store = os.environ.get(_STORE) or None
    if store is None and _is_configured(args):
        with open_config(
            args.config,
            environment=None,
            policy=None,
            make=SecretBroker,
            withdraw=False,
        ) as broker:
            yield broker
        return
    _check_store(store, create=create)
    with SecretBroker.local(store) as broker:
        yield broker


def _is_configured(args: argparse.Namespace) -> bool:
    """Whether there is a settings file, named or nearby."""
    from langchain_tyrum.broker.config import (  # noqa: PLC0415 - slow to import
        found_nearby,
    )

    named = args.config is not None or os.environ.get(_CONFIG)
    return bool(named) or found_nearby() is not None


def _check_store(store: str | None, *, create: bool) -> None:
    from langchain_tyrum.broker.opening import database_file  # noqa: PLC0415 - slow

    if store is not None and not create:
        path = Path(store).expanduser()
        if not path.exists():
            raise ConfigError(
                f"there is no store at {str(path)!r}: correct --store or TYRUM_STORE, "
                "or make it with `secret set`"
            )
    failed = None
    folder = database_file(store).parent
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        failed = error.strerror
    if failed:
        raise ConfigError(
            f"the folder {str(folder)!r} cannot be made ({failed}): name another one "
            "with --store or TYRUM_STORE"
        )


def count_owned(broker: SecretBroker, tenant: str, name: str | None = None) -> int:
    """How many secrets of a tenant belong to users: all, or those of one name."""
    from langchain_tyrum.ledger import schema  # noqa: PLC0415 - slow to import

    columns = schema.secrets.c
    wanted = [columns.tenant == tenant, columns.owner != ""]
    if name is not None:
        wanted.append(columns.name == name)
    with broker.catalog.reading() as connection:
        return len(broker.catalog.find(connection, *wanted))


def where_it_is(broker: SecretBroker) -> str:
    """Where a broker keeps its records, without any credential."""
    from langchain_tyrum.ledger.engines import shown  # noqa: PLC0415 - slow to import

    return str(shown(broker.catalog.engine))


def require_writable(broker: SecretBroker, args: argparse.Namespace) -> None:
    """Refuse before a value is asked for that nothing could keep.

    Raises:
        ConfigError: The settings file declares no provider that can be written.
    """
    from langchain_tyrum.broker.config import find_config  # noqa: PLC0415 - slow

    providers = broker._core.providers.values()  # noqa: SLF001 - its stores
    if not any(provider.writable for provider in providers):
        raise ConfigError(
            "no provider here can be written: add `[providers.store]` with kind = "
            f'"database" to {str(find_config(args.config))!r}, or name your own store '
            "with --store"
        )
