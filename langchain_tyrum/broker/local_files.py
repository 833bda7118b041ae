"""The files of a store that is one SQLite database: it, its keys and its head."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from glob import escape
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from langchain_tyrum.errors import ConfigError, LedgerError


def file_of(url: object) -> Path | None:
    """The SQLite file that a database URL names; None where it names none."""
    if not isinstance(url, str):
        return None
    try:
        read = make_url(url)
    except (ArgumentError, ValueError):
        return None  # whoever opens it says so
    name = read.database or ""
    plain = read.get_backend_name() == "sqlite" and not read.query
    if not plain or name in ("", ":memory:") or name.startswith("file:"):
        return None
    return Path(name)


def made(file: Path) -> Path:
    """Make the file for this user alone; values in it are sealed, names are not.

    Raises:
        ConfigError: `a.db` is there, and `a.sqlite` would share `a.keys` with it.
        LedgerError: Its folder cannot be made.
    """
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
    file = file.absolute()
    _refuse_shared(file)
    with suppress(FileExistsError, PermissionError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    return file


def key_file(file: Path) -> Path:
    """Where the master key of a store is looked for, or made."""
    return file.with_suffix(".keys") / "master.key"


def head_file(file: Path) -> Path:
    """Where the end of its ledger is kept; the folder is made."""
    keys = file.with_suffix(".keys")
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    return keys / "ledger.head"


def _refuse_shared(file: Path) -> None:
    """Refuse a new store whose key and head would be those of another one."""
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
