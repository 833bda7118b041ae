"""How one value is sealed for the `database` provider."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT, _BYTES = b"t", b"b"


class KeySource(Protocol):
    """The part of `ledger.keys.MasterKey` that sealing needs."""

    @property
    def key_id(self) -> str:
        """First 16 hex digits of SHA-256 over the key."""
        ...

    def derive(self, label: str) -> bytes:
        """Derive the 32 bytes for one purpose."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a sealed value belongs; it opens nowhere else.

    Attributes:
        provider: Label of the provider.
        ref: Name of the secret there; the broker's holds tenant, owner and handle id.
        version: Number of the version.
        key_id: The key that sealed it.
    """

    provider: str
    ref: str
    version: int
    key_id: str

    @property
    def associated(self) -> bytes:
        """The place as associated data."""
        parts = [self.provider, self.ref, self.version, self.key_id]
        return json.dumps(parts, separators=(",", ":")).encode()


class Cipher:
    """AES-256-GCM under a key that is derived from the master key."""

    __slots__ = ("__aead", "key_id")

    def __init__(self, key: KeySource) -> None:
        self.key_id = key.key_id
        self.__aead = AESGCM(key.derive("values"))

    def seal(
        self,
        value: str | bytes,
        place: Place,
        *,
        nonce: Callable[[int], bytes] = os.urandom,
    ) -> tuple[bytes, bytes]:
        """Encrypt a value for its place.

        Returns:
            A fresh 96-bit nonce, and the ciphertext. Whether it was text or bytes is
            sealed with it.
        """
        fresh = nonce(12)
        plain = _TEXT + value.encode() if isinstance(value, str) else _BYTES + value
        return fresh, self.__aead.encrypt(fresh, plain, place.associated)

    def open(self, nonce: bytes, sealed: bytes, place: Place) -> str | bytes | None:
        """Decrypt a value; None when it was altered or stems from another place."""
        try:
            plain = self.__aead.decrypt(nonce, sealed, place.associated)
        except (InvalidTag, ValueError):
            return None
        return plain[1:].decode() if plain[:1] == _TEXT else plain[1:]

    def __repr__(self) -> str:
        return f"Cipher(key_id={self.key_id!r})"


class RawKey:
    """A master key given as bare bytes; opens what a `MasterKey` of them opens."""

    __slots__ = ("__key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ConfigError(
                "a master key is exactly 32 bytes: make one with "
                "`python -c 'import base64, os; "
                "print(base64.b64encode(os.urandom(32)).decode())'`"
            )
        self.__key = bytes(key)

    @property
    def key_id(self) -> str:
        """First 16 hex digits of SHA-256 over the key."""
        return hashlib.sha256(self.__key).hexdigest()[:16]

    def derive(self, label: str) -> bytes:
        """Derive the 32 bytes for one purpose, as `MasterKey.derive` does."""
        info = f"langchain-tyrum/{label}".encode()
        return HKDF(SHA256(), length=32, salt=None, info=info).derive(self.__key)


class LazyCipher:
    """The cipher of a provider, whose key is looked for when first needed.

    Args:
        key: A master key, its bytes, or a callable that finds one.
    """

    __slots__ = ("__cipher", "__key", "__lock")

    def __init__(
        self, key: KeySource | bytes | Callable[[], KeySource | bytes]
    ) -> None:
        self.__lock = threading.Lock()
        self.__cipher: Cipher | None = None
        self.__key = key if callable(key) else lambda: key

    def get(self) -> Cipher:
        """Return the cipher; two threads get the same."""
        with self.__lock:
            if self.__cipher is None:
                self.__cipher = cipher_of(self.__key())
            return self.__cipher

    def replace(self, cipher: Cipher) -> None:
        """Use another cipher from now on."""
        with self.__lock:
            self.__cipher = cipher


def cipher_of(key: KeySource | bytes) -> Cipher:
    """Make the cipher of a master key or its bytes."""
    return Cipher(RawKey(key) if isinstance(key, bytes) else key)
