"""How a broker is put together: where its files lie, which key opens them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs
from sqlalchemy import Engine

from langchain_tyrum.broker import local_files
from langchain_tyrum.broker.checking import check_text
from langchain_tyrum.broker.core import Core
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.ledger.audit import Audit
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.ledger.grants import Grants
from langchain_tyrum.ledger.keys import (
    KeyRing,
    MasterKey,
    environment_ring,
    find_key_ring,
    ring_of,
)
from langchain_tyrum.ledger.policies import Policies
from langchain_tyrum.ledger.reading import has_begun
from langchain_tyrum.ledger.sinks import check_sinks
from langchain_tyrum.policy import SecretPolicy, snapshots
from langchain_tyrum.providers import DatabaseProvider, MemoryProvider, SecretProvider
from langchain_tyrum.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.ledger.keys import GivenKeys


_FILE = "tyrum.db"


def make_core(
    *,
    providers: Mapping[str, SecretProvider] | Sequence[SecretProvider],
    catalog: str | Engine | Catalog,
    policy: SecretPolicy | Sequence[SecretPolicy] | None,
    key: GivenKeys | None,
    audit_sinks: Sequence[Callable[[Mapping[str, Any]], None]],
    environment: str | None,
    redactor: Redactor | None,
    head_file: Path | None,
) -> Core:
    """Put the stores and rules of one broker together."""
    labelled = _by_label(providers)
    rules = _layers(policy)
    if environment is not None:
        check_text("the environment", environment, "environment='production'")
    sinks = check_sinks(audit_sinks)
    stores, ring, head_file = _books(catalog, key, head_file)
    audit = Audit(stores, ring=ring, head_file=head_file, sinks=sinks)
    known = redactor or Redactor()
    known.seal_with(audit.lasting_key("seal"))
    Policies(stores).keep(snapshots(rules))
    core = Core(
        catalog=stores,
        grants=Grants(stores),
        audit=audit,
        providers=labelled,
        redactor=known,
        layers=rules,
        environment=environment or os.environ.get("TYRUM_ENVIRONMENT") or None,
        fingerprint_key=audit.lasting_key("fingerprint"),
    )
    core.cover_credentials()
    return core


def memory_parts() -> dict[str, Any]:
    """The parts of a broker that forgets everything with the process."""
    return {
        "providers": {"memory": MemoryProvider()},
        "catalog": "sqlite://",
        "key": KeyRing.of(MasterKey.generate(), writable=True),
    }


def database_file(path: str | Path | None) -> Path:
    """The database that a path means: a file, or one in a folder.

    Raises:
        ConfigError: It is no path.
    """
    if not isinstance(path, str | os.PathLike | None):
        raise ConfigError(
            f"a store is a path, not a {type(path).__name__}: write "
            "SecretBroker.local('tyrum.db')"
        )
    default = os.environ.get("TYRUM_STORE") or platformdirs.user_data_path(
        "langchain-tyrum"
    )
    given = Path(path or default).expanduser()
    return given if given.suffix and not given.is_dir() else given / _FILE


def local_parts(path: str | Path | None, *, key: GivenKeys | None) -> dict[str, Any]:
    """The parts of a machine's own broker: one SQLite file and a key beside it."""
    file = local_files.made(database_file(path))
    catalog = Catalog(f"sqlite:///{file}")
    values, ring = _values_and_ring(catalog, file, key=key)
    return {
        "providers": {"database": values},
        "catalog": catalog,
        "key": ring,
        "head_file": local_files.head_file(file),
    }


def _values_and_ring(
    catalog: Catalog, file: Path, *, key: GivenKeys | None = None
) -> tuple[DatabaseProvider, KeyRing]:
    """The values beside a catalog, and its key: found, or made where none is needed."""
    values = DatabaseProvider(catalog.engine, key=lambda: ring)
    ring = find_key_ring(
        key=key,
        key_file=local_files.key_file(file),
        may_generate=lambda: not (values.has_rows() or has_begun(catalog)),
    )
    return values, ring


def _books(
    catalog: str | Engine | Catalog, key: GivenKeys | None, head_file: Path | None
) -> tuple[Catalog, KeyRing, Path | None]:
    """The catalog, the key of its ledger, and where the ledger's end is kept."""
    if not isinstance(catalog, str | Engine | Catalog):
        raise ConfigError(
            f"a catalog is a database URL, not a {type(catalog).__name__}: write "
            "catalog='sqlite:///tyrum.db', or 'sqlite://' for one in memory"
        )
    named = local_files.file_of(catalog)
    given = ring_of(key) if key is not None else environment_ring()
    if given is None and named is not None:
        # As `local` does: whoever names a file has a place for its key beside it.
        file = local_files.made(named)
        stores = Catalog(f"sqlite:///{file}")
        _, ring = _values_and_ring(stores, file)
        return stores, ring, head_file or local_files.head_file(file)
    stores = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    if key is None and stores.in_memory:
        given = KeyRing.of(MasterKey.generate(), writable=True)
    if given is not None:
        return stores, given, head_file
    raise ConfigError(
        "a catalog that outlives the process, and is no SQLite file with a place for a "
        "key beside it, needs key=… or TYRUM_MASTER_KEY: 32 bytes from which the "
        "ledger's key is derived; SecretBroker.local() finds or makes one by itself"
    )


def check_secrets(secrets: object) -> None:
    """Refuse what is no mapping of names to values.

    Raises:
        ConfigError: It is something else, e.g. a policy.
    """
    if not isinstance(secrets, Mapping):
        raise ConfigError(
            f"in_memory takes secrets first, not a {type(secrets).__name__}: write "
            "in_memory({'name': 'value'}, policy=SecretPolicy(…))"
        )


def check_identity(identity: object) -> None:
    """Refuse what could tell nobody's user.

    Raises:
        ConfigError: It cannot be called.
    """
    if identity is not None and not callable(identity):
        raise ConfigError(
            f"identity= is a callable that reads a config, not a "
            f"{type(identity).__name__}: write identity=from_configurable('user_id')"
        )


def first_writable(providers: Mapping[str, SecretProvider]) -> str:
    """The label of the provider that new values go to.

    Raises:
        ConfigError: All of them are read-only.
    """
    for label, provider in providers.items():
        if provider.writable:
            return label
    raise ConfigError(
        "no provider of this broker can be written: add a DatabaseProvider, or use "
        "broker.declare(…) for values that are kept elsewhere"
    )


def _by_label(
    providers: Mapping[str, SecretProvider] | Sequence[SecretProvider],
) -> dict[str, SecretProvider]:
    if isinstance(providers, Mapping):
        found = dict(providers.items())
        _check_providers(found.values())
        return found
    listed = isinstance(providers, Iterable) and not isinstance(providers, str)
    given = list(providers) if listed else []
    _check_providers(given if listed else [None])
    found = {}
    for provider in given:
        if provider.label in found:
            raise ConfigError(
                f"two providers are labelled {provider.label!r}: pass a mapping"
            )
        found[provider.label] = provider
    return found


def _check_providers(providers: Iterable[object]) -> None:
    if not all(isinstance(one, SecretProvider) for one in providers):
        raise ConfigError(
            "providers is a list of objects with get, put, delete, names, writable and "
            "label: write providers=[MemoryProvider()]"
        )


def _layers(
    policy: SecretPolicy | Sequence[SecretPolicy] | None,
) -> tuple[SecretPolicy, ...]:
    if policy is None:
        return ()
    if isinstance(policy, SecretPolicy):
        return (policy,)
    if isinstance(policy, Mapping):
        raise ConfigError(
            "a policy is no mapping: write policy=SecretPolicy(…), or read a table "
            "with SecretPolicy.from_table(…)"
        )
    layers = tuple(policy) if isinstance(policy, Iterable) else (policy,)
    if isinstance(policy, str) or not all(isinstance(x, SecretPolicy) for x in layers):
        raise ConfigError(
            "a policy is a SecretPolicy, or a list of them: write "
            "policy=SecretPolicy(allow=['*'])"
        )
    return layers
