"""Asking a provider, so that nothing it says when it fails holds a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from langchain_tyrum.errors import ProviderError, TyrumError
from langchain_tyrum.ledger.columns import is_unicode
from langchain_tyrum.providers.base import numbered

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.broker.core import Core
    from langchain_tyrum.providers import SecretProvider

T = TypeVar("T")


class Store:
    """A provider as the broker asks it: every call of one goes through here.

    An exception that is none of this package's becomes a `ProviderError` with its
    class alone. One of this package's keeps its kind and its text, from which known
    values and what looks like one are taken; it loses its cause, context, notes and
    traceback. A value that no redactor knows yet and that looks like nothing passes:
    **a provider must not write values into its errors**, as `ProviderContract` checks.

    Args:
        core: The broker's stores.
        label: The provider's name.

    Raises:
        ConfigError: This broker was opened without it.
    """

    def __init__(self, core: Core, label: str) -> None:
        self._core = core
        self._label = label
        self._provider: SecretProvider = core.provider(label)
        self.writable = self._provider.writable
        self.by_handle = getattr(self._provider, "by_handle", False)

    def get(self, ref: str, *, version: int | None) -> str | bytes:
        """Return a value.

        Raises:
            SecretNotFound: There is no such name or version.
            ProviderError: The provider failed, or answered no text and no bytes.
        """
        which = numbered(version)
        value: object = self._ask(lambda: self._provider.get(ref, **which))
        if isinstance(value, bytes) or (isinstance(value, str) and is_unicode(value)):
            return value
        raise ProviderError(
            f"the provider {self._label!r} answered with neither text in UTF-8 nor "
            f"bytes, but with {type(value).__name__}: return bytes for other values",
            provider=self._label,
        )

    def put(self, ref: str, value: str | bytes, *, version: int | None) -> None:
        """Store a value, which the redactor knows already.

        Raises:
            ProviderError: The provider failed.
        """
        which = numbered(version)
        self._ask(lambda: self._provider.put(ref, value, **which))

    def delete(self, ref: str, *, version: int | None) -> None:
        """Destroy one version, or all.

        Raises:
            ProviderError: The provider failed.
        """
        which = numbered(version)
        self._ask(lambda: self._provider.delete(ref, **which))

    def _ask(self, call: Callable[[], T]) -> T:
        failure: TyrumError
        try:
            return call()
        except TyrumError as error:
            failure = self._cleaned(error)
        except Exception as error:
            failure = ProviderError(
                f"the provider {self._label!r} failed with {type(error).__name__}; its "
                "own text is withheld, since it may hold the value",
                provider=self._label,
            )
        raise failure  # here, so that no context holds what the provider said

    def _cleaned(self, error: TyrumError) -> TyrumError:
        """The same error, made anew of its kind here: a subclass may carry anything."""
        clean, said = self._core.redactor.redact_text, vars(error)
        text = error.args[0] if error.args else ""
        mro = type(error).__mro__
        kind = next(kind for kind in mro if kind.__module__ == TyrumError.__module__)
        fresh: TyrumError = kind(clean(text) if isinstance(text, str) else "")
        for name in vars(fresh):
            told = said.get(name)
            setattr(fresh, name, clean(told) if isinstance(told, str) else None)
        return fresh
