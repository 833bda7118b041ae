"""How one value is sealed for the `database` provider."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langchain_tyrum.errors import ConfigError, TyrumError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_TEXT, _BYTES = b"t", b"b"


@runtime_checkable
class KeySource(Protocol):
    """The part of `ledger.master.MasterKey` that sealing needs."""

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
        # Lone surrogates pass: an error about them would hold the value.
        if isinstance(value, str):
            plain = _TEXT + value.encode(errors="surrogatepass")
        else:
            plain = _BYTES + value
        return fresh, self.__aead.encrypt(fresh, plain, place.associated)

    def open(self, nonce: bytes, sealed: bytes, place: Place) -> str | bytes | None:
        """Decrypt a value; None when it was altered or stems from another place."""
        try:
            plain = self.__aead.decrypt(nonce, sealed, place.associated)
        except (InvalidTag, ValueError):
            return None
        is_text = plain[:1] == _TEXT
        return plain[1:].decode(errors="surrogatepass") if is_text else plain[1:]

    def __repr__(self) -> str:
        return f"Cipher(key_id={self.key_id!r})"


#: What markers call a master key.
_NAME = "master-key"


def key_credentials(keys: Iterable[KeySource]) -> dict[str, str | bytes]:
    """Master keys for the redactor, by name: as bytes, and as they stand in text.

    Args:
        keys: The keys; of one that does not tell what it is, nothing is told.
    """
    found: dict[str, str | bytes] = {}
    for place, key in enumerate(keys, start=1):
        text: str | None = getattr(key, "to_text_unsafe", lambda: None)()
        if text:
            name = _NAME if place == 1 else f"{_NAME}-{place}"
            found |= {name: base64.b64decode(text), f"{name}-text": text}
    return found


def is_key_name(name: str) -> bool:
    """Whether a credential of that name is a master key."""
    return name.startswith(_NAME)


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

    def to_text_unsafe(self) -> str:
        """Return the raw key as base64, for the redactor. Never log it."""
        return base64.b64encode(self.__key).decode("ascii")

    def derive(self, label: str) -> bytes:
        """Derive the 32 bytes for one purpose, as `MasterKey.derive` does."""
        info = f"langchain-tyrum/{label}".encode()
        return HKDF(SHA256(), length=32, salt=None, info=info).derive(self.__key)


class Ring(Protocol):
    """The part of `ledger.ring.KeyRing` that sealing needs."""

    @property
    def keys(self) -> Sequence[KeySource]:
        """The keys, the newest first."""
        ...

    def reload(self) -> None:
        """Look for them again."""
        ...


#: What a provider may be given as its key; a callable finds one of the others.
Keys = (
    KeySource | bytes | list[KeySource | bytes] | tuple[KeySource | bytes, ...] | Ring
)


class Ciphers:
    """The ciphers of a provider, whose keys are looked for when first needed.

    Args:
        key: A master key, its bytes, several of them with the newest first, a ring of
            them, or a callable that finds any of these.
    """

    __slots__ = ("__brought", "__by_id", "__find", "__lock", "__ring")

    def __init__(self, key: Keys | Callable[[], Keys]) -> None:
        self.__lock = threading.RLock()
        self.__find = key if callable(key) else lambda: key
        self.__ring: Ring | None = None
        # Keys that `bring` added to those that are found.
        self.__brought: tuple[Cipher, ...] = ()
        self.__by_id: dict[str, Cipher] = {}

    def all(self) -> tuple[Cipher, ...]:
        """All of them, the newest first; two threads get the same."""
        with self.__lock:
            if self.__ring is None:
                self.__ring = _ring_of(self.__find())
            found = dict.fromkeys(self.__brought)
            found.update(dict.fromkeys(map(self.__cipher, self.__ring.keys)))
            return tuple(found)

    def credentials(self) -> dict[str, str | bytes]:
        """The keys themselves, for the redactor; those that can be found now."""
        with suppress(TyrumError), self.__lock:
            self.all()
            return key_credentials(self.__ring.keys if self.__ring else ())
        return {}

    def of(self, key_id: str) -> Cipher | None:
        """The cipher of that key, if it is known."""
        return next((one for one in self.all() if one.key_id == key_id), None)

    def reload(self) -> None:
        """Look for the keys again: another process may have rotated the master key."""
        with self.__lock:
            if self.__ring is None or isinstance(self.__ring, _Fixed):
                self.__ring = _ring_of(self.__find())
            self.__ring.reload()

    def bring(self, key: KeySource | bytes) -> Cipher:
        """Add a key as the newest one."""
        with self.__lock:
            new = self.__cipher(_source_of(key))
            if new not in self.all():
                self.__brought = (new, *self.__brought)
            return new

    def after_fork(self) -> None:
        """Make the lock anew in a child: a thread that is gone may have held it."""
        self.__lock = threading.RLock()

    def __cipher(self, key: KeySource) -> Cipher:
        key_id = key.key_id
        if key_id not in self.__by_id:
            self.__by_id[key_id] = Cipher(key)
        return self.__by_id[key_id]


class _Fixed:
    """Keys that stay what they are."""

    __slots__ = ("keys",)

    def __init__(self, keys: Sequence[KeySource]) -> None:
        self.keys = keys

    def reload(self) -> None:
        """Nothing to look at."""


def _ring_of(found: Keys) -> Ring:
    if isinstance(found, bytes | KeySource):
        return _Fixed([_source_of(found)])
    if isinstance(found, list | tuple):
        return _Fixed([_source_of(one) for one in found])
    return found


def _source_of(key: KeySource | bytes) -> KeySource:
    return RawKey(key) if isinstance(key, bytes) else key
