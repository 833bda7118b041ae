"""Sealed markers: what somebody wrote, stored so that only they read it again.

Where a text holds somebody else's value, its writer must not learn so, and what is
stored must not hold it. A nameless marker gives it away when it is read back; a
sealed one does not: it is the writer's own text, encrypted for them.
"""

from __future__ import annotations

import base64
import binascii
import re
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from langchain_tyrum.redaction.markers import SEALED_HEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.known import HasPartition

_PURPOSE = b"langchain-tyrum sealed marker 1"
_KEY_BYTES = 64
#: Lengths are rounded up to this: the length of a value says something, too.
_STEP = 32
_END = b"\x80"


def _pattern(text: str) -> re.Pattern[Any]:
    flags, kind, pattern = text.split(" ", 2)
    source = pattern.encode("latin-1") if kind == "b" else pattern
    return re.compile(source, int(flags))


def written(obj: Any) -> str:
    """Write an object as the text that it is made of again."""
    if not isinstance(obj, re.Pattern):
        return str(obj)
    source = obj.pattern
    if isinstance(source, bytes):
        return f"{obj.flags} b {source.decode('latin-1')}"
    return f"{obj.flags} s {source}"


#: What a sealed number or the like is made of again, by the first byte of the text.
_MADE: dict[type, tuple[bytes, Callable[[str], Any]]] = {
    int: (b"i", int),
    float: (b"f", float),
    Decimal: (b"d", Decimal),
    UUID: (b"u", UUID),
    re.Pattern: (b"r", _pattern),
    IPv4Address: (b"4", IPv4Address),
    IPv6Address: (b"6", IPv6Address),
}
_TEXT = b"t"
_MAKE = dict(_MADE.values())


class Seals:
    """Seals and opens for one partition: a tenant's user, or its service.

    The same text gives the same marker, so that the same state gives the same bytes
    and a filter finds what was stored.

    Args:
        key: A data key that outlives the process, or nothing is read again.
        principal: Whose partition it is.
    """

    def __init__(self, key: bytes, principal: HasPartition) -> None:
        tenant, user = (
            None if part is None else part.encode("utf-8", "surrogatepass").hex()
            for part in (principal.tenant, principal.user)
        )
        partition = f"{tenant} {'service' if user is None else 'user ' + user}".encode()
        derive = HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE + partition)
        self._cipher = AESSIV(derive.derive(key))
        self._bound_to = [_PURPOSE, partition]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Seals hold a key and cannot be pickled")

    def seal(self, text: bytes, *, of: type = str) -> bytes:
        """Return the sealed marker of a text, or of a number's text.

        Args:
            text: What is to be read again.
            of: What it is made into then.
        """
        kind = _MADE[of][0] if of in _MADE else _TEXT
        plain = kind + text + _END
        plain += bytes(-len(plain) % _STEP)
        sealed = self._cipher.encrypt(plain, self._bound_to)
        return SEALED_HEAD + base64.urlsafe_b64encode(sealed).rstrip(b"=") + b"]"

    def open(self, body: bytes) -> Any:
        """Return what a sealed marker holds: bytes of a text, or a number.

        Args:
            body: What stands between the marker's head and its closing bracket.

        Returns:
            None when it was not sealed for this partition, with this key, or is
            damaged.
        """
        try:
            sealed = base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))
            plain = self._cipher.decrypt(sealed, self._bound_to)
        except (InvalidTag, binascii.Error, ValueError):
            return None
        if self._written(sealed) != body:
            return None
        kind, text = plain[:1], plain.rstrip(b"\x00").removesuffix(_END)[1:]
        make = _MAKE.get(kind)
        return text if make is None else make(text.decode("utf-8", "surrogatepass"))

    @staticmethod
    def _written(sealed: bytes) -> bytes:
        """Return the one spelling of a seal: base64 has spare bits."""
        return base64.urlsafe_b64encode(sealed).rstrip(b"=")
