import os

import pytest

from langchain_tyrum.errors import SecretNotFound
from langchain_tyrum.providers import EnvProvider
from langchain_tyrum.testing import ProviderContract


class TestEnvProvider(ProviderContract):
    versioned = False
    binary = False

    @pytest.fixture(autouse=True)
    def _environment(self, monkeypatch):
        for name in ("ABSENT", "NAME"):
            monkeypatch.delenv(name, raising=False)
        self.set = monkeypatch.setenv

    def make_provider(self):
        return EnvProvider()

    def store(self, provider, name, value):
        self.set(name, value)

    def test_reads_late(self):
        """A variable that changes after the provider was built is seen."""
        provider = EnvProvider({"github/token": "NAME"})
        self.set("NAME", "old-value")
        self.set("NAME", "new-value")

        assert provider.get("github/token") == "new-value"

    def test_empty_counts_as_missing(self):
        """An empty variable is no secret; the error names variable and mend."""
        self.set("NAME", "")

        with pytest.raises(SecretNotFound, match="'NAME' is unset or empty; set it"):
            EnvProvider({"github/token": "NAME"}).get("github/token")

    def test_names_lists_what_is_set(self):
        """Only names that it was told of are listed, and only while they are set."""
        provider = EnvProvider({"b": "NAME", "a": "OTHER_NAME", "c": "ABSENT"})
        self.set("NAME", "some-value")
        self.set("OTHER_NAME", "some-value")

        assert provider.names() == ["a", "b"]

    def test_keeps_no_copy(self):
        """It reads the environment of the process itself, not a copy."""
        provider = EnvProvider()
        assert provider._environ is os.environ

    def test_knows_no_versions(self):
        """Any version is answered with what the environment holds now."""
        self.set("NAME", "some-value")

        assert EnvProvider().get("NAME", version=4) == "some-value"

    def test_bytes_that_are_no_utf8(self):
        """A variable with other bytes is answered as bytes; no error holds it."""
        raw = b"kq7-some-value-\xff"
        environ = {"A": raw.decode(errors="surrogateescape"), "B": "caf\u00e9-value"}
        provider = EnvProvider(environ=environ)
        assert (raw, "caf\u00e9-value") == (provider.get("A"), provider.get("B"))
