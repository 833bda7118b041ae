"""Canaries: values that stand for credentials, and the texts they are planted in."""

from __future__ import annotations

import base64
import html
import json
import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.testing.leaks.forms import Finder, forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langchain_tyrum.redaction import Redactor

_ALPHABET = string.ascii_letters + string.digits


def _word(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _plain() -> str:
    return f"cnry{secrets.token_hex(8)}"


def _phrase() -> str:
    """No shape, and a character for each escape there is."""
    return f'tulip "{_word(4)}" & <größe> +/ \\{_word(6)}'


def _jwt() -> str:
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": _word(9)})]
    coded = [base64.urlsafe_b64encode(part.encode()).decode() for part in parts]
    return ".".join([*(part.rstrip("=") for part in coded), _word(43)])


def _private_key() -> str:
    lines = "\n".join(_word(64) for _ in range(3))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----"


def _basic(value: str) -> str:
    return "Basic " + base64.b64encode(f"user:{value}".encode()).decode()


def _url_safe(value: str) -> str:
    return base64.urlsafe_b64encode(b"xx" + value.encode()).decode()


def _escaped(value: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in value)


@dataclass(frozen=True)
class Kind:
    """A kind of value: how one is made, and how it is spelled where it is planted.

    Attributes:
        name: What reports call it.
        make: Makes a fresh value.
        spell: Turns the value into the text that is planted.
        registered: Whether the redactor is told; else it must know the shape.
    """

    name: str
    make: Callable[[], str]
    spell: Callable[[str], str] = str
    registered: bool = True


#: Every kind. Registered values have no shape; derived forms are of such values.
KINDS: tuple[Kind, ...] = (
    Kind("value", _plain),
    Kind("phrase", _phrase),
    Kind("json", _phrase, lambda v: json.dumps({"k": v})),
    Kind("json-twice", _phrase, lambda v: json.dumps(json.dumps({"k": v}))),
    Kind("url", _phrase, lambda v: f"https://x.test/?q={quote(v, safe='')}&n=1"),
    Kind("html", _phrase, html.escape),
    Kind("base64", _phrase, lambda v: base64.b64encode(v.encode()).decode()),
    Kind("basic-auth", _plain, _basic),
    Kind("base64-url", _phrase, _url_safe),
    Kind("base32", _plain, lambda v: base64.b32encode(v.encode()).decode()),
    Kind("hex", _plain, lambda v: v.encode().hex()),
    Kind("unicode", _plain, _escaped),
    Kind("reversed", _plain, lambda v: v[::-1]),
    Kind("github-pat", lambda: f"ghp_{_word(36)}", registered=False),
    Kind("aws-key", lambda: f"AKIA{_word(16).upper()}", registered=False),
    Kind("slack-token", lambda: f"xoxb-{secrets.randbelow(10**12):012d}-{_word(24)}",
         registered=False),
    Kind("jwt", _jwt, registered=False),
    Kind("private-key", _private_key, registered=False),
)  # fmt: skip


@dataclass(frozen=True)
class Canary:
    """One planted value. Reports name it; nothing shows it.

    Attributes:
        name: What its marker and the report call it.
        kind: The kind of value.
        value: The raw value, never shown.
        text: What is planted: the value as its kind spells it.
    """

    name: str
    kind: str
    value: str = field(repr=False)
    text: str = field(repr=False)
    registered: bool = True

    @classmethod
    def of(cls, kind: Kind, path: str) -> Canary:
        """Make a fresh one for a path.

        Args:
            kind: The kind of value.
            path: Where it will be planted.

        Returns:
            The canary.
        """
        value = kind.make()
        name = f"{path}/{kind.name}"
        return cls(name, kind.name, value, kind.spell(value), kind.registered)


class Canaries:
    """The canaries of one matrix, known to a redactor while the matrix runs.

    Args:
        redactor: Who is told of the registered ones.
        kinds: The kinds to make, by name; all of them by default.
        tenant: In whose partition they are registered.

    Raises:
        ConfigError: A kind is unknown.
    """

    def __init__(
        self,
        redactor: Redactor,
        *,
        kinds: Iterable[str] | None = None,
        tenant: str = "default",
    ) -> None:
        known = {kind.name: kind for kind in KINDS}
        wanted = list(known) if kinds is None else list(kinds)
        if unknown := [name for name in wanted if name not in known]:
            raise ConfigError(f"unknown kinds {unknown}: choose among {[*known]}")
        self._redactor, self._tenant = redactor, tenant
        self._kinds = [known[name] for name in wanted]
        self._made: dict[str, list[Canary]] = {}
        self.wanted: dict[str, dict[bytes, str]] = {}
        self._watched: set[str] = set()
        self._finder: Finder | None = None

    def __repr__(self) -> str:
        return f"Canaries(paths={len(self._made)}, values={len(self.wanted)})"

    def __iter__(self) -> Any:
        return iter([each for made in self._made.values() for each in made])

    @property
    def paths(self) -> list[str]:
        """What was planted, by path."""
        return list(self._made)

    def plant(self, path: str = "canary") -> str:
        """A text that holds one canary of each kind.

        Args:
            path: What the canaries are called; the same path gives the same text.

        Returns:
            The text, to be put where a credential may turn up.
        """
        if path not in self._made:
            self._made[path] = [Canary.of(kind, path) for kind in self._kinds]
        for canary in self._made[path]:
            self.wanted[canary.name] = forms(canary.value)
            self._finder = None
            if canary.registered:
                self._redactor.register(canary.name, canary.value, tenant=self._tenant)
        return " ; ".join(canary.text for canary in self._made[path])

    def signs(self, path: str) -> list[bytes]:
        """What shows that a path's canaries came by, where none of them leaked.

        Args:
            path: The path.

        Returns:
            The beginning of its markers; where none of its canaries is registered,
            and so has a name, that of any marker or handle.
        """
        if any(canary.registered for canary in self._made.get(path, ())):
            return [f"[REDACTED:{path}/".encode()]
        return [b"[REDACTED:", b"tyrum://h_"]

    def watch(self, name: str, value: str) -> None:
        """Look for one more value, which somebody else plants.

        It is looked for in more forms than a canary, and with escapes undone: where
        canaries turn up is known, what a stranger does to a value is not.

        Args:
            name: What the report calls it.
            value: The raw value.
        """
        self.wanted[name] = forms(value, wide=True)
        self._watched.add(name)
        self._finder = None

    def find(self, data: bytes) -> set[tuple[str, str]]:
        """Which canaries stand in some bytes, and in which encoding.

        Args:
            data: What was read back.

        Returns:
            Pairs of a canary's name and an encoding.
        """
        if self._finder is None:
            self._finder = Finder(self.wanted, self._watched)
        return self._finder.find(data)

    def forget(self) -> None:
        """Take the canaries back from the redactor; they are still looked for."""
        for canary in self:
            if canary.registered:
                self._redactor.unregister(canary.name, tenant=self._tenant)
