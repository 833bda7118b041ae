"""The master key: what it is, where it is looked for, when one is made."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import TYPE_CHECKING, NoReturn, Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langchain_tyrum.errors import ConfigError, KeyMismatch
from langchain_tyrum.ledger.keyfile import create_key_file, read_key_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: The environment variable: base64 of exactly 32 bytes.
VARIABLE = "TYRUM_MASTER_KEY"
#: Service and user name under which the OS keyring may hold the key.
KEYRING_SERVICE, KEYRING_USER = "langchain-tyrum", "master-key"


class Keyring(Protocol):
    """The part of the OS keyring that is read: `keyring`, or one of its backends."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Return what is stored, or None."""
        ...


class MasterKey:
    """32 bytes that seal the values and chain the ledger; they print as an id.

    Args:
        key: The bytes.

    Raises:
        ConfigError: There are not 32 of them.
    """

    __slots__ = ("__key",)

    def __init__(self, key: bytes) -> None:
        if not isinstance(key, bytes) or len(key) != 32:
            raise ConfigError(_malformed("the master key"))
        self.__key = key

    @classmethod
    def generate(cls, *, random: Callable[[int], bytes] = os.urandom) -> MasterKey:
        """Make a new key."""
        return cls(random(32))

    @classmethod
    def from_text(
        cls,
        text: str,
        *,
        where: str = "the master key",
        may_make: Callable[[], bool] = lambda: True,
    ) -> MasterKey:
        """Read a key from base64 (standard or URL-safe alphabet).

        Args:
            text: The base64.
            where: Where it stood, for the error.
            may_make: Whether a new one would do; else the error says to restore it.

        Raises:
            ConfigError: The text is not base64 of 32 bytes. It is not repeated.
        """
        try:
            plain = text.strip().translate(str.maketrans("-_", "+/"))
            key = base64.b64decode(plain.encode("ascii"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != 32:
            raise ConfigError(_malformed(where) if may_make() else _lost(where))
        return cls(key)

    def to_text_unsafe(self) -> str:
        """Return the raw key as base64, for the key file. Never log it."""
        return base64.b64encode(self.__key).decode("ascii")

    @property
    def key_id(self) -> str:
        """First 16 hex digits of SHA-256 over the key; says nothing about it."""
        return hashlib.sha256(self.__key).hexdigest()[:16]

    def derive(self, label: str) -> bytes:
        """Derive the 32 bytes for one purpose (HKDF-SHA256).

        Args:
            label: The purpose, e.g. `audit`; different labels give unrelated keys.
        """
        info = f"langchain-tyrum/{label}".encode()
        return HKDF(SHA256(), length=32, salt=None, info=info).derive(self.__key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MasterKey):
            return NotImplemented
        return hmac.compare_digest(self.__key, other.__key)

    def __hash__(self) -> int:
        return hash(self.key_id)

    def __repr__(self) -> str:
        return f"MasterKey(key_id={self.key_id!r})"

    def __refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "a MasterKey cannot be pickled or copied: let each process find it"
        )

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = __refuse


def find_master_key(
    *,
    key_file: Path,
    may_generate: Callable[[], bool],
    key: MasterKey | bytes | str | None = None,
    environ: Mapping[str, str] | None = None,
    keyring: Keyring | None = None,
) -> MasterKey:
    """Find the master key: given, environment, key file, OS keyring; or make one.

    Args:
        key_file: Where the key file is, or will be. Its folder is made when missing
            and must belong to you alone, so give it a folder of its own.
        may_generate: Tells whether no encrypted row exists yet. Only then is a key
            generated; else a lost key would be replaced by one that opens nothing.
        key: An explicit key, which wins: the object, its bytes, or base64.
        environ: The environment, for tests.
        keyring: The OS keyring, for tests; by default the machine's, if it has one.

    Returns:
        The key. Processes that generate at once end up with the same one.

    Raises:
        ConfigError: A key is malformed, or file or folder are not yours alone.
        KeyMismatch: There is no key, yet values are stored that need one.
    """
    if key is not None:
        return _explicit(key)
    text = (os.environ if environ is None else environ).get(VARIABLE, "")
    if text.strip():
        where = f"the environment variable {VARIABLE}"
        return MasterKey.from_text(text, where=where, may_make=may_generate)
    found = _from_file(key_file, may_generate) or _from_keyring(keyring, may_generate)
    if found is not None:
        return found
    if may_generate():
        made = MasterKey.generate().to_text_unsafe()
        create_key_file(key_file, made.encode() + b"\n")
    # Read again either way: another process may have made key and rows meanwhile.
    found = _from_file(key_file, may_generate)
    if found is not None:
        return found
    raise KeyMismatch(
        f"encrypted values are stored but there is no key for them: looked at `key=`, "
        f"{VARIABLE}, {str(key_file)!r} and the OS keyring ({KEYRING_SERVICE!r}); "
        f"restore the key at one of these places (a new one could not open them)"
    )


def _explicit(key: MasterKey | bytes | str) -> MasterKey:
    if isinstance(key, MasterKey):
        return key
    return MasterKey.from_text(key) if isinstance(key, str) else MasterKey(key)


def _from_file(path: Path, may_make: Callable[[], bool]) -> MasterKey | None:
    content = read_key_file(path)
    if content is None:
        return None
    text = content.decode("ascii", "replace")
    where = f"the key file {str(path)!r}"
    return MasterKey.from_text(text, where=where, may_make=may_make)


def _from_keyring(
    keyring: Keyring | None, may_make: Callable[[], bool]
) -> MasterKey | None:
    try:
        backend = keyring if keyring is not None else _machine_keyring()
        text = backend.get_password(KEYRING_SERVICE, KEYRING_USER)
    except Exception:  # none installed, locked, no bus: then it holds no key for us
        return None
    if text is None:
        return None
    where = f"the entry {KEYRING_USER!r} of {KEYRING_SERVICE!r} in the OS keyring"
    return MasterKey.from_text(text, where=where, may_make=may_make)


def _machine_keyring() -> Keyring:
    from keyring import get_keyring  # noqa: PLC0415 - slow to import, rarely needed

    return get_keyring()


def _malformed(where: str) -> str:
    return (
        f"{where} must be exactly 32 bytes, written as base64 where it is text: make "
        "one with `python -c 'import base64, os; "
        "print(base64.b64encode(os.urandom(32)).decode())'`"
    )


def _lost(where: str) -> str:
    return (
        f"{where} must be exactly 32 bytes, written as base64 where it is text, and "
        "encrypted values are stored: restore it from a backup, since no other key "
        "opens them"
    )
