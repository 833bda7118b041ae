"""Where the master key is looked for, and when one is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ConfigError, KeyMismatch
from langchain_tyrum.ledger.keyfile import create_key_file
from langchain_tyrum.ledger.master import MasterKey, read_keys
from langchain_tyrum.ledger.ring import KeyRing
from langchain_tyrum.ledger.sources import (
    KEYRING_SERVICE,
    KEYRING_USER,
    VARIABLE,
    FileSource,
    Keyring,
    KeyringSource,
    VariableSource,
    key_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from langchain_tyrum.ledger.sources import KeySource

__all__ = [
    "KEYRING_SERVICE",
    "KEYRING_USER",
    "VARIABLE",
    "GivenKeys",
    "KeyRing",
    "Keyring",
    "MasterKey",
    "environment_ring",
    "find_key_ring",
    "find_master_key",
    "ring_of",
]


#: What a program may give as `key=`: one key, or several with the newest first.
GivenKeys = (
    KeyRing
    | MasterKey
    | bytes
    | str
    | list[MasterKey | bytes]
    | tuple[MasterKey | bytes, ...]
)


def find_key_ring(
    *,
    key_file: Path,
    may_generate: Callable[[], bool],
    key: GivenKeys | None = None,
    environ: Mapping[str, str] | None = None,
    keyring: Keyring | None = None,
) -> KeyRing:
    """Find the master keys: given, environment, key file, OS keyring; or make one.

    The first of these places that holds any gives them all.

    Args:
        key_file: Where the key file is, or will be. Its folder is made when missing
            and must belong to you alone, so give it a folder of its own.
        may_generate: Tells whether nothing yet needs a key. Only then is one
            generated; else a lost key would be replaced by one that opens nothing.
        key: An explicit key, which wins: the object, its bytes, base64, or several,
            the newest first.
        environ: The environment, for tests.
        keyring: The OS keyring, for tests; by default the machine's, if it has one.

    Returns:
        The keys. Processes that generate at once end up with the same one.

    Raises:
        ConfigError: A key is malformed, file or folder are not yours alone, or the OS
            keyring, where the key may be, cannot be read.
        KeyMismatch: There is no key, yet something is stored that needs one.
    """
    if key is not None:
        return ring_of(key)
    environ = os.environ if environ is None else environ
    file = FileSource(key_file, may_make=may_generate)
    sources: tuple[KeySource, ...] = (
        VariableSource(environ, may_make=may_generate),
        file,
        KeyringSource(keyring, may_make=may_generate),
    )
    for source in sources:
        if source.read():
            return KeyRing(source)
    if may_generate():
        create_key_file(key_file, key_lines([MasterKey.generate()]))
    # Read again either way: another process may have made key and rows meanwhile.
    if file.read():
        return KeyRing(file)
    raise KeyMismatch(
        f"what is stored here needs a master key, and there is none: looked at `key=`, "
        f"{VARIABLE}, {str(key_file)!r} and the OS keyring ({KEYRING_SERVICE!r}); "
        f"restore the key at one of these places (a new one could not open them)"
    )


def environment_ring(environ: Mapping[str, str] | None = None) -> KeyRing | None:
    """The keys that `TYRUM_MASTER_KEY` holds; None when it is unset.

    Raises:
        ConfigError: What stands there is malformed.
    """
    environ = os.environ if environ is None else environ
    source = VariableSource(environ, may_make=lambda: False)
    return KeyRing(source) if source.read() else None


def find_master_key(
    *,
    key_file: Path,
    may_generate: Callable[[], bool],
    key: GivenKeys | None = None,
    environ: Mapping[str, str] | None = None,
    keyring: Keyring | None = None,
) -> MasterKey:
    """Find the newest master key alone; see `find_key_ring`.

    What holds a single key does not notice when another process rotates it.
    """
    found = find_key_ring(
        key_file=key_file,
        may_generate=may_generate,
        key=key,
        environ=environ,
        keyring=keyring,
    )
    return found.current


def ring_of(key: GivenKeys) -> KeyRing:
    """Make a ring of what a program gave as `key=`.

    Raises:
        ConfigError: A key is malformed, or the list is empty.
    """
    if isinstance(key, KeyRing):
        return key
    if isinstance(key, str):
        return KeyRing.of(*read_keys(key))
    if isinstance(key, list | tuple):
        if not key:
            raise ConfigError("key= is an empty list: give 32 bytes, or several")
        return KeyRing.of(*map(_master, key))
    return KeyRing.of(_master(key))


def _master(key: Any) -> MasterKey:
    return key if isinstance(key, MasterKey) else MasterKey(key)
