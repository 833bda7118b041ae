"""The test that each provider passes. Subclass it and give `make_provider`."""

# ruff: noqa: S101 - a test that is shipped still asserts

from __future__ import annotations

import asyncio
import copy
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from langchain_tyrum.errors import ProviderError, SecretNotFound, TyrumError
from langchain_tyrum.providers import AsyncProvider, SecretProvider

if TYPE_CHECKING:
    from collections.abc import Callable

_CANARY = "canary-7f3a9c51e2d84b06"


class ProviderContract:
    """What any provider promises.

        class TestMine(ProviderContract):
            def make_provider(self):
                return MyProvider(...)

    Each test gets a provider of its own from `make_provider`; fixtures of the subclass
    may prepare what it needs. A read-only provider overrides `store`, which then
    writes at the source.

    Attributes:
        versioned: Whether the provider keeps versions of its own.
        binary: Whether it can hold bytes that are no text.
        long: The length of the longest value that is tried.
    """

    versioned = True
    binary = True
    long = 100_000

    def make_provider(self) -> SecretProvider:
        """Return a provider that holds nothing yet."""
        raise NotImplementedError

    def store(self, provider: SecretProvider, name: str, value: str | bytes) -> None:
        """Put a value where the provider finds it; override when it is read-only."""
        provider.put(name, value)

    @pytest.fixture
    def provider(self) -> SecretProvider:
        """A provider that holds nothing yet."""
        return self.make_provider()

    def test_is_a_provider(self, provider: SecretProvider) -> None:
        """It has the methods and attributes of the protocol."""
        assert isinstance(provider, SecretProvider)
        assert provider.label

    @pytest.mark.parametrize(
        "value", ["plain", " kept\n", "größe-密码-🔑", 'q"\\\n-----', "tyrum-bytes:x"]
    )
    def test_text_comes_back(self, provider: SecretProvider, value: str) -> None:
        """Text comes back as it went in, white space and all."""
        self.store(provider, "TEXT", value)

        assert value == provider.get("TEXT")

    def test_a_long_value_comes_back(self, provider: SecretProvider) -> None:
        """No part of a long value is lost."""
        value = "0123456789" * (self.long // 10)
        self.store(provider, "LONG", value)

        assert value == provider.get("LONG")

    def test_bytes_come_back(self, provider: SecretProvider) -> None:
        """Bytes come back as bytes, also those that are no text."""
        if not self.binary:
            pytest.skip("holds text only")
        self.store(provider, "BINARY", b"\x00\xff\xfe text")

        assert provider.get("BINARY") == b"\x00\xff\xfe text"

    def test_a_missing_name(self, provider: SecretProvider) -> None:
        """A name it does not hold is `SecretNotFound`, and the error names it."""
        with pytest.raises(SecretNotFound, match="ABSENT"):
            provider.get("ABSENT")

    def test_names_are_kept_apart(self, provider: SecretProvider) -> None:
        """Names that look alike are different secrets."""
        names = ["A", "a", "A_1", "A1"]
        for name in names:
            self.store(provider, name, f"value of {name}")

        assert [f"value of {name}" for name in names] == list(map(provider.get, names))

    def test_put_again_replaces(self, provider: SecretProvider) -> None:
        """Without a version the newest value is returned."""
        self.store(provider, "NAME", "first-value")
        self.store(provider, "NAME", "second-value")

        assert provider.get("NAME") == "second-value"

    def test_versions(self, provider: SecretProvider) -> None:
        """Each version stays readable until it is deleted."""
        self._needs_versions(provider)
        provider.put("NAME", "first-value")
        provider.put("NAME", "second-value")
        provider.put("NAME", "seventh-value", version=7)

        assert provider.get("NAME", version=1) == "first-value"
        assert provider.get("NAME", version=2) == "second-value"
        assert provider.get("NAME", version=7) == provider.get("NAME")
        provider.put("NAME", "next-value")
        assert provider.get("NAME", version=8) == "next-value"

    def test_a_version_can_be_written_again(self, provider: SecretProvider) -> None:
        """A write that was cut off can be repeated under the same version."""
        self._needs_versions(provider)
        provider.put("NAME", "half-done", version=1)
        provider.put("NAME", "done", version=1)

        assert provider.get("NAME", version=1) == "done"

    def test_a_missing_version(self, provider: SecretProvider) -> None:
        """A version it does not hold is `SecretNotFound`, never another version."""
        self._needs_versions(provider)
        provider.put("NAME", "first-value")

        with pytest.raises(SecretNotFound, match="version 2"):
            provider.get("NAME", version=2)

    def test_delete_one_version(self, provider: SecretProvider) -> None:
        """A deleted version is gone, the others stay."""
        self._needs_versions(provider)
        provider.put("NAME", "first-value")
        provider.put("NAME", "second-value")
        provider.delete("NAME", version=1)

        assert provider.get("NAME") == "second-value"
        with pytest.raises(SecretNotFound):
            provider.get("NAME", version=1)

    def test_delete_all(self, provider: SecretProvider) -> None:
        """A deleted name is gone with all versions, and from the names."""
        self._needs_writing(provider)
        provider.put("NAME", "first-value")
        provider.put("NAME", "second-value")
        provider.delete("NAME")

        assert "NAME" not in provider.names()
        with pytest.raises(SecretNotFound):
            provider.get("NAME")

    def test_delete_twice(self, provider: SecretProvider) -> None:
        """What is gone already can be deleted again."""
        self._needs_writing(provider)
        provider.put("NAME", "first-value")
        provider.delete("NAME")
        provider.delete("NAME")

        assert provider.names() == []

    def test_names(self, provider: SecretProvider) -> None:
        """What was put is listed, each name once, sorted."""
        self._needs_writing(provider)
        for name in ("b", "a", "b"):
            provider.put(name, "some-value")

        assert provider.names() == ["a", "b"]

    def test_read_only_refuses(self, provider: SecretProvider) -> None:
        """A read-only provider says so, without the value."""
        if provider.writable:
            pytest.skip("is writable")
        self.refused(lambda: provider.put("NAME", _CANARY), ProviderError)
        self.refused(lambda: provider.delete("NAME"), ProviderError)

    def test_shows_no_value(self, provider: SecretProvider) -> None:
        """Neither `repr`, `str`, `format` nor its attributes show a value."""
        self.store(provider, "NAME", _CANARY)
        assert provider.get("NAME") == _CANARY
        shown = [repr(provider), str(provider), f"{provider}"]
        shown.append(repr(getattr(provider, "__dict__", {})))

        assert not [text for text in shown if _CANARY in text]

    def test_refuses_copies(self, provider: SecretProvider) -> None:
        """It cannot be pickled or copied, and the refusal shows no value."""
        self.store(provider, "NAME", _CANARY)

        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            self.refused(lambda take=take: take(provider), TypeError)  # type: ignore[misc]

    def test_errors_show_no_value(self, provider: SecretProvider) -> None:
        """An error names the secret that is missing and no value of another."""
        self.store(provider, "NAME", _CANARY)

        self.refused(lambda: provider.get("ABSENT"), TyrumError)

    def test_async_twins(self, provider: SecretProvider) -> None:
        """The async adapter answers as the provider does."""
        self.store(provider, "NAME", "some-value")
        twin = AsyncProvider(provider)

        assert asyncio.run(twin.aget("NAME")) == "some-value"
        assert provider.names() == asyncio.run(twin.anames())
        with pytest.raises(SecretNotFound):
            asyncio.run(twin.aget("ABSENT"))

    def refused(self, call: Callable[[], object], error: type[Exception]) -> None:
        """Assert that a call raises `error`, with no value in it or what led to it."""
        with pytest.raises(error) as caught:
            call()
        seen: BaseException | None = caught.value
        while seen is not None:
            assert _CANARY not in "".join(traceback.format_exception_only(seen))
            assert _CANARY not in repr(vars(seen))
            seen = seen.__context__

    def _needs_writing(self, provider: SecretProvider) -> None:
        if not provider.writable:
            pytest.skip("is read-only")

    def _needs_versions(self, provider: SecretProvider) -> None:
        self._needs_writing(provider)
        if not self.versioned:
            pytest.skip("keeps no versions")
