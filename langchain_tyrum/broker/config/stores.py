"""The catalog that a settings file names, and the master key that belongs to it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from langchain_tyrum.errors import ConfigError, KeyMismatch, TyrumError
from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.ledger.keys import (
    VARIABLE,
    KeyRing,
    MasterKey,
    find_key_ring,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import URL

    from langchain_tyrum.broker.config.keys import Key
    from langchain_tyrum.broker.config.reading import Config

_FILE = "sqlite:///tyrum.db"
_URL = "this is no database URL; write e.g. sqlite:///tyrum.db"


@dataclass(frozen=True)
class Store:
    """A catalog, and where its files are.

    Attributes:
        catalog: The catalog, open.
        key_file: Where its master key is looked for, or made; None: nowhere.
        head_file: Where the end of the ledger is kept outside of it.
    """

    catalog: Catalog
    key_file: Path | None
    head_file: Path | None


def open_store(config: Config) -> Store:
    """Open the catalog of a settings file.

    Raises:
        ConfigError: Its URL is malformed, or its driver is missing.
        LedgerError: It cannot be used.
    """
    settings = config.tables.catalog
    url = database_url(config, settings.url or _FILE, ("catalog", "url"))
    given = resolved(config, settings.key_file) if settings.key_file else None
    database = _local_file(url)
    if database is None:
        return Store(_catalog(config, url), given, None)
    keys = database.with_suffix(".keys")
    _make(config, database, keys)
    return Store(
        _catalog(config, url), given or keys / "master.key", keys / "ledger.head"
    )


def master_key(
    config: Config, store: Store, may_generate: Callable[[], bool]
) -> KeyRing:
    """Find the master key: `TYRUM_MASTER_KEY`, the key file, the OS keyring.

    One is made only where a key file is meant to be, for a store without values.

    Raises:
        ConfigError: A catalog on a server was given no key at all.
        KeyMismatch: Values are stored and no key opens them.
    """
    if store.key_file is not None:
        return find_key_ring(key_file=store.key_file, may_generate=may_generate)
    if store.catalog.in_memory:
        return KeyRing.of(MasterKey.generate(), writable=True)
    nowhere = config.file.parent / "tyrum.keys" / "master.key"
    try:
        return find_key_ring(key_file=nowhere, may_generate=lambda: False)
    except KeyMismatch:
        pass
    raise config.error(
        ("catalog",),
        "there is no master key for this catalog; set key_file to a file in a folder "
        f"of its own, set {VARIABLE}, or put the key into the OS keyring",
    )


def database_url(config: Config, raw: str, key: Key) -> URL:
    """Read a database URL; a SQLite file is taken from the settings file's folder.

    Raises:
        ConfigError: It is no database URL. It is not repeated.
    """
    try:
        url = make_url(raw)
    except (ArgumentError, ValueError):
        url = None
    if url is None:
        raise config.error(key, _URL)
    file = _local_file(url)
    return url if file is None else url.set(database=str(resolved(config, file)))


def resolved(config: Config, path: str | Path) -> Path:
    """A path of the settings file, taken from its folder."""
    return config.file.parent / Path(path).expanduser()


def located(config: Config, key: Key, work: Callable[[], Any]) -> Any:
    """Do something; what fails is told with its place, and masked.

    Raises:
        TyrumError: The work failed with one.
        ConfigError: It failed with anything else; only the class is told.
    """
    try:
        return work()
    except TyrumError as error:
        kind: type[TyrumError] = type(error)
        failed = str(error)
        if not failed.startswith(f"{config.file}:"):  # it tells its place already
            failed = str(config.error(key, failed))
    except Exception as error:
        # A stranger's text may hold what came from the environment; its class not.
        kind = ConfigError
        what = f"cannot be opened ({type(error).__name__}); check it{_driver(error)}"
        failed = str(config.error(key, what))
    raise kind(failed)


def _catalog(config: Config, url: URL) -> Catalog:
    text = url.render_as_string(hide_password=False)
    found: Catalog = located(config, ("catalog", "url"), lambda: Catalog(text))
    return found


def _driver(error: Exception) -> str:
    missing = error.name if isinstance(error, ImportError) else None
    return f", and install its driver: {missing}" if missing else ""


def _local_file(url: URL) -> Path | None:
    """The file of a SQLite database; None where there is none."""
    name = url.database or ""
    if url.get_backend_name() != "sqlite" or name in ("", ":memory:"):
        return None
    return None if name.startswith("file:") else Path(name)


def _make(config: Config, file: Path, keys: Path) -> None:
    """Make the file for this user alone; values in it are sealed, names are not."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError, PermissionError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        failed = error.strerror
    except ValueError:
        failed = "it is no path"
    else:
        return
    raise config.error(
        ("catalog", "url"),
        f"the file or its folder cannot be made ({failed}); name another",
    )
