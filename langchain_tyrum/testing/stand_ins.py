"""Providers that hold nothing, for tests of what uses a provider."""

from __future__ import annotations

from typing import NoReturn

from langchain_tyrum.errors import ProviderUnavailable
from langchain_tyrum.providers import BaseProvider


class NullProvider(BaseProvider):
    """Has no secret and forgets what it is given at once."""

    __slots__ = ()

    writable = True

    def __init__(self, label: str = "null") -> None:
        super().__init__(label)

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Raise `SecretNotFound`, always."""
        raise self._missing(name, version)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Forget the value."""

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Do nothing."""

    def names(self) -> list[str]:
        """Return no names."""
        return []


class FailProvider(BaseProvider):
    """Fails at every call, and counts them: proof that nobody asked, or did.

    Attributes:
        calls: What was called, in order, e.g. `get`.
    """

    __slots__ = ("calls",)

    writable = True

    def __init__(self, label: str = "fail") -> None:
        super().__init__(label)
        self.calls: list[str] = []

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Raise `ProviderUnavailable`, always."""
        del name, version
        self._fail("get")

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Raise `ProviderUnavailable`, always."""
        del name, value, version
        self._fail("put")

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Raise `ProviderUnavailable`, always."""
        del name, version
        self._fail("delete")

    def names(self) -> list[str]:
        """Raise `ProviderUnavailable`, always."""
        self._fail("names")

    def _fail(self, call: str) -> NoReturn:
        self.calls.append(call)
        raise ProviderUnavailable(
            f"the provider {self.label!r} fails on purpose: use another one",
            provider=self.label,
        )
