"""How a broker is put together: where its files lie, which key opens them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from langchain_tyrum.broker.core import Core
from langchain_tyrum.errors import ConfigError, LedgerError
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
from langchain_tyrum.policy import SecretPolicy, snapshots
from langchain_tyrum.providers import DatabaseProvider, MemoryProvider
from langchain_tyrum.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Engine

    from langchain_tyrum.ledger.keys import GivenKeys
    from langchain_tyrum.providers import SecretProvider

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
    stores = catalog if isinstance(catalog, Catalog) else Catalog(catalog)
    ring = _ring(key, stores)
    audit = Audit(stores, ring=ring, head_file=head_file, sinks=audit_sinks)
    labelled = _by_label(providers)
    known = redactor or Redactor()
    known.seal_with(audit.lasting_key("seal"))
    rules = _layers(policy)
    Policies(stores).keep(snapshots(rules))
    for provider in labelled.values():
        for name, value in getattr(provider, "credentials", dict)().items():
            known.register(name, value, allow_short=True)
    return Core(
        catalog=stores,
        grants=Grants(stores),
        audit=audit,
        providers=labelled,
        redactor=known,
        layers=rules,
        environment=environment or os.environ.get("TYRUM_ENVIRONMENT") or None,
        fingerprint_key=audit.lasting_key("fingerprint"),
    )


def memory_parts() -> dict[str, Any]:
    """The parts of a broker that forgets everything with the process."""
    return {
        "providers": {"memory": MemoryProvider()},
        "catalog": "sqlite://",
        "key": KeyRing.of(MasterKey.generate(), writable=True),
    }


def local_parts(path: str | Path | None, *, key: GivenKeys | None) -> dict[str, Any]:
    """The parts of a machine's own broker: one SQLite file and a key beside it."""
    file = _made_database_file(path)
    keys = file.with_suffix(".keys")
    _refuse_shared(file)
    catalog = Catalog(f"sqlite:///{_private(file)}")
    values = DatabaseProvider(catalog.engine, key=lambda: ring)
    ring = find_key_ring(
        key=key,
        key_file=keys / "master.key",
        may_generate=lambda: not (values.has_rows() or has_begun(catalog)),
    )
    return {
        "providers": {"database": values},
        "catalog": catalog,
        "key": ring,
        "head_file": _head_file(keys),
    }


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


def database_file(path: str | Path | None) -> Path:
    """The database that a path means: a file, or one in a folder."""
    default = os.environ.get("TYRUM_STORE") or platformdirs.user_data_path(
        "langchain-tyrum"
    )
    given = Path(path or default).expanduser()
    return given if given.suffix and not given.is_dir() else given / _FILE


def _made_database_file(path: str | Path | None) -> Path:
    file = database_file(path)
    failed = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        failed = error.strerror
    if failed:
        raise LedgerError(
            f"the folder {str(file.parent)!r} cannot be made ({failed}): name another "
            "one with SecretBroker.local(path)"
        )
    return file.absolute()


def _refuse_shared(file: Path) -> None:
    """Refuse a new store whose key and head would be those of another one.

    Raises:
        ConfigError: `a.db` is there, and `a.sqlite` would share `a.keys` with it.
    """
    if file.exists():
        return
    for other in file.parent.glob(f"{escape(file.stem)}.*"):
        if other.is_file() and _is_store(other):
            raise ConfigError(
                f"the store {str(other)!r} has the folder of keys that {file.name!r} "
                "would use: name it differently, or put it into a folder of its own"
            )


def _is_store(file: Path) -> bool:
    """Whether a file is a database that holds a ledger."""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'ledger_head'"
    try:
        uri = f"{file.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            return connection.execute(query).fetchone() is not None
    except sqlite3.Error:
        return False


def _private(file: Path) -> Path:
    """Make the file for this user alone; values in it are sealed, names are not."""
    with suppress(FileExistsError, PermissionError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return file


def _head_file(keys: Path) -> Path:
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    return keys / "ledger.head"


def _ring(key: GivenKeys | None, catalog: Catalog) -> KeyRing:
    if key is not None:
        return ring_of(key)
    if catalog.in_memory:
        return KeyRing.of(MasterKey.generate(), writable=True)
    if found := environment_ring():
        return found
    raise ConfigError(
        "a catalog that outlives the process needs key=… or TYRUM_MASTER_KEY: 32 bytes "
        "from which the ledger's key is derived; SecretBroker.local() finds or makes "
        "one by itself"
    )


def _by_label(
    providers: Mapping[str, SecretProvider] | Sequence[SecretProvider],
) -> dict[str, SecretProvider]:
    if hasattr(providers, "items"):
        return dict(providers.items())
    found: dict[str, SecretProvider] = {}
    for provider in providers:
        if provider.label in found:
            raise ConfigError(
                f"two providers are labelled {provider.label!r}: pass a mapping"
            )
        found[provider.label] = provider
    return found


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
