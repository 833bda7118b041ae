"""Values in the keyring of the operating system."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from langchain_tyrum.errors import ProviderError, ProviderUnavailable
from langchain_tyrum.providers.armor import from_text, to_text
from langchain_tyrum.providers.base import BaseProvider

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_NAMES = "@names"


class KeyringBackend(Protocol):
    """The part of a `keyring` backend that is used."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Return an entry, or None."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> Any:
        """Write an entry."""
        ...

    def delete_password(self, service: str, username: str, /) -> Any:
        """Remove an entry."""
        ...


class KeyringProvider(BaseProvider):
    """Keeps values in the OS keyring; version N of a name is the entry `name@N`.

    An entry that somebody wrote by hand (`keyring set langchain-tyrum NAME`) is found
    too, and answers any version. Keyrings cannot list, so an entry of its own keeps
    the names; those written by hand are not in it.

    Args:
        service: The service name of all entries.
        label: How records and errors call it.
        backend: A backend instead of the machine's, for tests.
    """

    __slots__ = ("_backend", "_lock", "service")

    writable = True
    by_handle = True

    def __init__(
        self,
        service: str = "langchain-tyrum",
        *,
        label: str = "keyring",
        backend: KeyringBackend | None = None,
    ) -> None:
        super().__init__(label)
        self.service = service
        self._backend = backend
        self._lock = threading.Lock()

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return a value; see `SecretProvider.get`.

        Raises:
            ProviderUnavailable: This machine has no usable keyring.
        """
        versions = self._versions(name)
        number = max(versions, default=0) if version is None else version
        found = self._read(_entry(name, number)) if number in versions else None
        if found is None and not versions:
            found = self._read(name)
        if found is None:
            raise self._missing(name, version)
        return from_text(found)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Store a value; see `SecretProvider.put`."""
        with self._lock:
            versions = self._versions(name)
            number = max(versions, default=0) + 1 if version is None else version
            self._write(_entry(name, number), to_text(value))
            self._write(_entry(name, "versions"), json.dumps([*{*versions, number}]))
            self._write(_NAMES, json.dumps(sorted({*self.names(), name})))

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Destroy one version or all; see `SecretProvider.delete`."""
        with self._lock:
            versions = self._versions(name)
            gone = versions if version is None else versions & {version}
            kept = versions - gone
            for number in gone:
                self._remove(_entry(name, number))
            if kept:
                self._write(_entry(name, "versions"), json.dumps([*kept]))
                return
            self._remove(_entry(name, "versions"))
            self._remove(name)
            names = self.names()
            if name in names:
                self._write(_NAMES, json.dumps([n for n in names if n != name]))

    def names(self) -> list[str]:
        """List the names that were put through a provider like this, sorted."""
        return [str(name) for name in json.loads(self._read(_NAMES) or "[]")]

    @staticmethod
    def wrong_name(name: str) -> str:
        """Tell what can be no entry that somebody wrote; see `BaseProvider`."""
        if name.isprintable() and name == name.strip():
            return ""
        return "no entry has blanks around its name or unprintable characters in it"

    def after_fork(self) -> None:
        """Make the lock anew in a child: a thread that is gone may have held it."""
        self._lock = threading.Lock()

    def _versions(self, name: str) -> set[int]:
        return set(json.loads(self._read(_entry(name, "versions")) or "[]"))

    def _read(self, entry: str) -> str | None:
        return self._call(lambda ring: ring.get_password(self.service, entry))

    def _write(self, entry: str, text: str) -> None:
        self._call(lambda ring: ring.set_password(self.service, entry, text))

    def _remove(self, entry: str) -> None:
        if self._read(entry) is not None:
            self._call(lambda ring: ring.delete_password(self.service, entry))

    def _call(self, work: Callable[[KeyringBackend], T]) -> T:
        ring = self._backend if self._backend is not None else self._machine()
        try:
            return work(ring)
        except Exception as error:
            # A backend's own text may quote what it was given; its class does not.
            kind = type(error).__name__
        raise ProviderError(
            f"the provider {self.label!r} was refused by the OS keyring ({kind}): "
            "unlock it, or use the 'database' provider",
            provider=self.label,
        )

    def _machine(self) -> KeyringBackend:
        from keyring import get_keyring  # noqa: PLC0415 - slow, and rarely wanted
        from keyring.backends import fail, null  # noqa: PLC0415

        reason = "it has none"
        try:
            ring = get_keyring()
            if ring.priority > 0 and not isinstance(ring, fail.Keyring | null.Keyring):
                self._backend = ring
                return ring
        except Exception as error:
            reason = type(error).__name__
        raise ProviderUnavailable(
            f"the provider {self.label!r} finds no usable keyring on this machine "
            f"({reason}): use the 'database' provider, which needs none, or install "
            "a keyring backend",
            provider=self.label,
        )


def _entry(name: str, part: object) -> str:
    """Name an entry of ours: `@` of the name itself is escaped, so none collide."""
    return f"{name.replace('%', '%25').replace('@', '%40')}@{part}"
