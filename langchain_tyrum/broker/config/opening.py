"""Opening a broker as a settings file says."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_tyrum.broker.config.advice import lacking
from langchain_tyrum.broker.config.applying import apply_config
from langchain_tyrum.broker.config.building import Building
from langchain_tyrum.broker.config.reading import read_config
from langchain_tyrum.broker.config.stores import located, master_key, open_store
from langchain_tyrum.errors import ConfigError, WeakSecret
from langchain_tyrum.ledger.reading import has_begun
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider
from langchain_tyrum.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from langchain_tyrum.broker.broker import SecretBroker
    from langchain_tyrum.broker.config.reading import Config
    from langchain_tyrum.broker.config.stores import Store
    from langchain_tyrum.ledger.keys import KeyRing

logger = logging.getLogger(__name__)
B = TypeVar("B", bound="SecretBroker")


def open_config(
    path: str | Path | None,
    *,
    environment: str | None,
    policy: SecretPolicy | Sequence[SecretPolicy] | None,
    make: Callable[..., B],
    withdraw: bool = True,
) -> B:
    """Open the broker that a settings file describes, and bring its catalog up to it.

    Args:
        path: The file or its folder; None finds it.
        environment: Where this runs; None: `TYRUM_ENVIRONMENT`, then the file's.
        policy: Further layers, inside those of the file.
        make: Makes the broker from its parts.
        withdraw: Whether what the file no longer declares is disabled. A command that
            only looks must not end what a program is using.

    Returns:
        The broker.

    Raises:
        ConfigError: There is no file, or something is wrong with it.
        KeyMismatch: Values are stored and no key opens them.
        LedgerError: The catalog cannot be used.
    """
    config = read_config(path, environment=environment)
    redactor = _redactor(config)
    store = open_store(config)
    try:
        broker = make(**_parts(config, store, policy), redactor=redactor)
        apply_config(config, broker._core, withdraw=withdraw)  # noqa: SLF001 - this room's own part
        if withdraw:
            _warn(config)
    except BaseException:
        store.catalog.close()
        raise
    return broker


def _warn(config: Config) -> None:
    """Say at the start what would fail at the first call."""
    for line in lacking(config, os.environ):
        logger.warning("%s: %s", config.file, line)


def _parts(
    config: Config,
    store: Store,
    policy: SecretPolicy | Sequence[SecretPolicy] | None,
) -> dict[str, Any]:
    keys: list[KeyRing] = []
    providers = Building(config, store.catalog.engine, key=lambda: keys[0]).all()
    own = DatabaseProvider(store.catalog.engine, key=lambda: keys[0])
    others = [x for x in providers.values() if isinstance(x, DatabaseProvider)]
    found: KeyRing = located(
        config,
        ("catalog",),
        lambda: master_key(
            config,
            store,
            lambda: not (_any_rows([own, *others]) or has_begun(store.catalog)),
        ),
    )
    keys.append(found)
    return {
        "providers": providers,
        "catalog": store.catalog,
        "key": found,
        "policy": _layers(config, policy),
        "environment": config.environment,
        "head_file": store.head_file,
    }


def _any_rows(providers: Sequence[DatabaseProvider]) -> bool:
    return any(provider.has_rows() for provider in providers)


def _layers(
    config: Config, policy: SecretPolicy | Sequence[SecretPolicy] | None
) -> SecretPolicy | Sequence[SecretPolicy] | None:
    """The file's layers, then the program's; what is no policy is refused later."""
    if policy is None:
        return config.layers or None
    if isinstance(policy, SecretPolicy):
        return (*config.layers, policy)
    if isinstance(policy, list | tuple):
        return (*config.layers, *policy)
    return policy


def _redactor(config: Config) -> Redactor:
    """A redactor that knows what logs in to catalog and providers."""
    redactor = Redactor()
    for name, value in config.credentials.items():
        try:
            redactor.register(name, value, allow_short=True)
        except WeakSecret:
            pass
        else:
            continue
        raise ConfigError(
            f"{config.file}: {name}: the credential that its variable holds is too "
            "short or too common to be redacted; choose another one at its service"
        )
    return redactor
