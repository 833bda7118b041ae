"""Values in this process only: for tests, notebooks and one-off runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from langchain_tyrum.handles import SecretValue
from langchain_tyrum.providers.base import BaseProvider

if TYPE_CHECKING:
    from collections.abc import Mapping


class MemoryProvider(BaseProvider):
    """Keeps every version of its values in memory, and shows none.

    Args:
        values: Values to begin with, by name, as version 1.
        label: How records and errors call it.
    """

    __slots__ = ("__lock", "__values")

    writable = True
    by_handle = True

    def __init__(
        self, values: Mapping[str, str | bytes] | None = None, *, label: str = "memory"
    ) -> None:
        super().__init__(label)
        self.__lock = threading.Lock()
        self.__values: dict[str, dict[int, tuple[bool, SecretValue]]] = {}
        for name, value in (values or {}).items():
            self.put(name, value)

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return a value; see `SecretProvider.get`."""
        with self.__lock:
            versions = self.__values.get(name, {})
            wanted = max(versions, default=0) if version is None else version
            is_text, value = versions.get(wanted, (False, None))
            if value is not None:
                return value.reveal() if is_text else value.reveal_bytes()
        raise self._missing(name, version)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Keep a value; see `SecretProvider.put`."""
        with self.__lock:
            versions = self.__values.setdefault(name, {})
            number = max(versions, default=0) + 1 if version is None else version
            versions[number] = (isinstance(value, str), SecretValue(value, name=name))

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Forget one version or all; see `SecretProvider.delete`."""
        with self.__lock:
            versions = self.__values.get(name, {})
            for number in [version] if version is not None else list(versions):
                versions.pop(number, None)
            if not versions:
                self.__values.pop(name, None)

    def names(self) -> list[str]:
        """List what it holds, sorted."""
        with self.__lock:
            return sorted(self.__values)

    def after_fork(self) -> None:
        """Make the lock anew in a child: a thread that is gone may have held it."""
        self.__lock = threading.Lock()

    def __repr__(self) -> str:
        return f"MemoryProvider({self.label!r}, secrets={len(self.__values)})"
