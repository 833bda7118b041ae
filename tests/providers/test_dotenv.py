"""Values from a `.env` file."""

import os
import sys

import pytest

from langchain_tyrum.errors import ConfigError, ProviderUnavailable, SecretNotFound
from langchain_tyrum.providers import DotenvProvider
from langchain_tyrum.testing import ProviderContract


class TestDotenvProvider(ProviderContract):
    versioned = False
    binary = False

    @pytest.fixture(autouse=True)
    def _file(self, tmp_path):
        self.file = tmp_path / ".env"
        self.file.write_text("")

    def make_provider(self):
        return DotenvProvider(self.file)

    def store(self, provider, name, value):
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        with self.file.open("a", encoding="utf-8", newline="") as file:
            file.write(f"{name}='{quoted}'\n")

    def test_reads_late(self):
        """A file that changes after the provider was built is seen."""
        provider = self.make_provider()
        self.file.write_text("NAME=old-value\n")
        self.file.write_text("export NAME=new-value  # since today\n")

        assert "new-value" == provider.get("NAME")
        assert ["NAME"] == provider.names()

    def test_nothing_is_put_in_place_of_variables(self, monkeypatch):
        """A dollar sign is part of the value, and the environment stays as it is."""
        monkeypatch.setenv("HOME", "/home/ada")
        self.file.write_text('A="x-${HOME}-$HOME"\nB=${A}\n')

        provider = self.make_provider()

        assert ["x-${HOME}-$HOME", "${A}"] == [provider.get("A"), provider.get("B")]
        assert "A" not in os.environ

    def test_empty_counts_as_missing(self):
        """Neither an empty variable nor one without `=` is a secret."""
        self.file.write_text("EMPTY=\nBARE\n")
        provider = self.make_provider()

        for name in ("EMPTY", "BARE"):
            with pytest.raises(SecretNotFound, match=name):
                provider.get(name)
        assert [] == provider.names()

    def test_a_file_that_cannot_be_read(self, tmp_path):
        """The error names the file and the reason, and nothing of what stands in it."""
        provider = DotenvProvider(tmp_path / "no.env")
        with pytest.raises(ProviderUnavailable, match=r"no\.env.*No such file.*path"):
            provider.get("A")
        self.file.write_bytes(b"A=canary-\xff\xfe\n")
        with pytest.raises(ProviderUnavailable, match="no UTF-8") as caught:
            self.make_provider().names()
        assert "canary" not in str(caught.value)
        assert caught.value.__context__ is None

    def test_the_extra_is_named(self, monkeypatch):
        """Without python-dotenv the error says what to install."""
        monkeypatch.setitem(sys.modules, "dotenv", None)
        with pytest.raises(ConfigError, match=r"langchain-tyrum\[dotenv\]"):
            self.make_provider()
