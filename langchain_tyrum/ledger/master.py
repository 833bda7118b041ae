"""The master key: 32 bytes that print as an id."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from typing import TYPE_CHECKING, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable


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


def read_keys(
    text: str,
    *,
    where: str = "the master key",
    may_make: Callable[[], bool] = lambda: True,
) -> tuple[MasterKey, ...]:
    """Read one or more keys, parted by white space, the newest first.

    Args:
        text: The base64 of each.
        where: Where it stood, for the error.
        may_make: Whether a new one would do; else the error says to restore it.

    Raises:
        ConfigError: One of them is malformed, or there is none.
    """
    keys = [
        MasterKey.from_text(part, where=where, may_make=may_make)
        for part in text.split() or [""]
    ]
    return tuple(dict.fromkeys(keys))


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
