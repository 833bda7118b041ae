"""Several providers as one: the first that has the name answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    SecretNotFound,
    TyrumError,
)
from langchain_tyrum.providers.base import BaseProvider, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.providers.base import SecretProvider


class ChainProvider(BaseProvider):
    """Asks its providers in order; writes go to the first writable one.

    A provider that fails is passed over like one that lacks the name; when none has
    it, the error lists what each of them said. A write to a later provider does not
    hide a value that an earlier, read-only one still answers with.

    Args:
        providers: At least one, in the order in which they are asked.
        label: How records and errors call it.

    Raises:
        ConfigError: There are none.
    """

    __slots__ = ("_providers", "writable")

    def __init__(
        self, providers: Sequence[SecretProvider], *, label: str = "chain"
    ) -> None:
        super().__init__(label)
        if not providers:
            raise ConfigError("a ChainProvider needs at least one provider")
        self._providers = tuple(providers)
        self.writable = any(provider.writable for provider in self._providers)

    @property
    def providers(self) -> tuple[SecretProvider, ...]:
        """Those that it asks, in order."""
        return self._providers

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return the first hit; see `SecretProvider.get`.

        Raises:
            SecretNotFound: All providers answered, and none has the name.
            ProviderError: None has it, and some of them failed.
        """
        reasons: list[str] = []
        failed = False
        for provider in self._providers:
            try:
                return provider.get(name, **numbered(version))
            except TyrumError as error:
                reasons.append(f"{provider.label}: {error}")
                failed = failed or not isinstance(error, SecretNotFound)
            except Exception as error:
                # A stranger's text may hold a value; its class does not.
                reasons.append(f"{provider.label}: failed ({type(error).__name__})")
                failed = True
        message = f"no provider of {self.label!r} has {name!r}: " + "; ".join(reasons)
        if failed:
            raise ProviderError(message, provider=self.label, handle=name)
        raise SecretNotFound(message, handle=name)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Store a value in the first writable provider."""
        self._writer(name).put(name, value, **numbered(version))

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Destroy a value in the first writable provider."""
        self._writer(name).delete(name, **numbered(version))

    def names(self) -> list[str]:
        """List what its providers hold together, sorted."""
        return sorted({name for each in self._providers for name in each.names()})

    def credentials(self) -> dict[str, str | bytes]:
        """Return what its providers log in with, for the redactor."""
        found: dict[str, str | bytes] = {}
        for provider in self._providers:
            found |= getattr(provider, "credentials", dict)()
        return found

    def after_fork(self) -> None:
        """Have its providers make their locks anew in a child."""
        for provider in self._providers:
            getattr(provider, "after_fork", lambda: None)()

    def _writer(self, name: str) -> SecretProvider:
        writable = [provider for provider in self._providers if provider.writable]
        return writable[0] if writable else self._refuse_writing(name)

    def __repr__(self) -> str:
        return f"ChainProvider({self.label!r}, providers={len(self._providers)})"
