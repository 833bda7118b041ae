"""What a provider is: where raw values live."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from langchain_tyrum.errors import ProviderError, SecretNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@runtime_checkable
class SecretProvider(Protocol):
    """Keeps raw values under names, and hands them to the broker only.

    `ProviderContract` in `langchain_tyrum.testing` is the test of one.

    A name is what the user, and whoever else writes to the same place, calls the
    secret, and its newest value counts: then `put` and `delete` are never given a
    version, and need not take one. One that sets `by_handle = True` leaves names to
    the broker, which puts tenant, owner and handle id into them, so that no two secrets
    can meet, and numbers the versions that it has to keep apart.

    Attributes:
        label: How records, errors and policies call it.
        writable: Whether `put` and `delete` work.
    """

    label: str
    writable: bool

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return a value as it was put; the newest when no version is given.

        A provider that keeps no versions of its own answers any version.

        Raises:
            SecretNotFound: There is no such name or version.
            ProviderError: The provider failed.
        """
        ...

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Store a value; as the next version when none is given.

        Raises:
            ProviderError: The provider failed, or is read-only.
        """
        ...

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Destroy one version, or all; what is gone already is no error.

        Raises:
            ProviderError: The provider failed, or is read-only.
        """
        ...

    def names(self) -> list[str]:
        """List what it holds, sorted."""
        ...


def numbered(version: int | None) -> dict[str, int]:
    """The keyword by which a provider is told a version: none where there is none.

    So a provider that keeps no versions need not take any.
    """
    return {} if version is None else {"version": version}


class BaseProvider:
    """What all providers of this package share; read-only unless overridden.

    It has no `__dict__`, so that no dump of one shows what it holds, and it refuses
    to be pickled or copied.
    """

    __slots__ = ("label",)

    writable = False
    by_handle = False

    def __init__(self, label: str) -> None:
        self.label = label

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Refuse: read-only."""
        del value, version
        self._refuse_writing(name)

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Refuse: read-only."""
        del version
        self._refuse_writing(name)

    def credentials(self) -> dict[str, str | bytes]:
        """Return what the provider itself logs in with, for the redactor, by name."""
        return {}

    @staticmethod
    def wrong_name(name: str) -> str:
        """Tell what is wrong with the form of a name, with the mend; '' when nothing.

        A settings file is read with it before anything is opened: it asks nobody.
        """
        del name
        return ""

    @staticmethod
    def lacking(
        options: Mapping[str, Any], names: Sequence[str], environ: Mapping[str, str]
    ) -> list[str]:
        """Tell what these options and names need and this process does not have now.

        Variables and files by their names, never what they hold. It asks nobody.
        """
        del options, names, environ
        return []

    def _refuse_writing(self, name: str) -> NoReturn:
        raise ProviderError(
            f"the provider {self.label!r} is read-only: write {name!r} at its source, "
            "or put it into a writable provider such as 'database'",
            provider=self.label,
            handle=name,
        )

    def _missing(self, name: str, version: int | None = None) -> SecretNotFound:
        which = "" if version is None else f" version {version} of"
        return SecretNotFound(
            f"the provider {self.label!r} has no{which} {name!r}: "
            "put it there, or correct the name",
            handle=name,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.label!r})"

    def __refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            f"a {type(self).__name__} cannot be pickled or copied: build it anew from "
            "its settings"
        )

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = __refuse


class AsyncProvider:
    """The async twins of any provider: the same calls, in a worker thread."""

    __slots__ = ("provider",)

    def __init__(self, provider: SecretProvider) -> None:
        self.provider = provider

    async def aget(self, name: str, *, version: int | None = None) -> str | bytes:
        """Await `get`."""
        return await asyncio.to_thread(self.provider.get, name, **numbered(version))

    async def aput(
        self, name: str, value: str | bytes, *, version: int | None = None
    ) -> None:
        """Await `put`."""
        await asyncio.to_thread(self.provider.put, name, value, **numbered(version))

    async def adelete(self, name: str, *, version: int | None = None) -> None:
        """Await `delete`."""
        await asyncio.to_thread(self.provider.delete, name, **numbered(version))

    async def anames(self) -> list[str]:
        """Await `names`."""
        return await asyncio.to_thread(self.provider.names)
