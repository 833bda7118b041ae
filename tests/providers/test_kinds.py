from importlib.metadata import EntryPoint

import pytest

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.providers import (
    BaseProvider,
    MemoryProvider,
    kinds,
    provider_class,
    provider_kinds,
)


@pytest.fixture
def registered(monkeypatch):
    """Make another package register kinds."""

    def register(**values):
        found = [EntryPoint(k, v, kinds.GROUP) for k, v in values.items()]
        monkeypatch.setattr(kinds, "entry_points", lambda group: found)

    return register


class TestProviderKinds:
    def test_built_in(self):
        """Every built-in kind loads and is a provider class."""
        known = provider_kinds()

        assert {"memory", "env", "keyring", "database", "chain"} <= set(known)
        for kind in known:
            assert issubclass(provider_class(kind), BaseProvider)

    def test_registered(self, registered):
        """A kind that a package registers is found under its name."""
        registered(gcp="langchain_tyrum.providers.memory:MemoryProvider")

        assert provider_class("gcp") is MemoryProvider

    def test_built_in_wins(self, registered):
        """No package can put its own class in the place of a built-in kind."""
        registered(memory="os:path")

        assert provider_class("memory") is MemoryProvider

    def test_unknown(self):
        """An unknown kind is an error that lists the known ones."""
        with pytest.raises(ConfigError, match=r"'vaultt'.*chain, database, dotenv"):
            provider_class("vaultt")

    def test_broken(self, registered):
        """A kind whose package is not complete says what is missing."""
        registered(broken="no_such_module:Provider")

        with pytest.raises(ConfigError, match=r"no_such_module.*install"):
            provider_class("broken")
