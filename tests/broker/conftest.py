"""Providers that tell what was asked of them, and files that can be read back."""

from __future__ import annotations

import pytest

from langchain_tyrum.errors import ProviderUnavailable
from langchain_tyrum.providers import MemoryProvider


class CountingProvider(MemoryProvider):
    """A memory provider that counts reads, and fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.down = False
        self.before_read = lambda: None

    def get(self, name, *, version=None):
        self.reads += 1
        self.before_read()
        if self.down:
            raise ProviderUnavailable(
                "the provider is down: start it", provider="memory"
            )
        return super().get(name, version=version)


@pytest.fixture
def provider() -> CountingProvider:
    return CountingProvider()


@pytest.fixture
def all_bytes():
    """Everything below a folder, as one string of bytes."""

    def read(folder) -> bytes:
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return b"\n".join(path.read_bytes() for path in files)

    return read


@pytest.fixture
def actions():
    """The (action, outcome) pairs of a broker's ledger, oldest first."""

    def read(broker) -> list[tuple[str, str]]:
        return [(row["action"], row["outcome"]) for row in broker.audit.tail(1000)]

    return read
