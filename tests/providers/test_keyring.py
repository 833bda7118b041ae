import pytest
from keyring.backends import chainer, fail, null

from langchain_tyrum.errors import ProviderError, ProviderUnavailable
from langchain_tyrum.providers import KeyringProvider
from langchain_tyrum.testing import ProviderContract


class DictBackend:
    """An OS keyring, as far as a provider can tell."""

    def __init__(self):
        self.entries = {}

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def delete_password(self, service, username):
        del self.entries[service, username]


class LockedBackend:
    """A keyring that quotes what it was given when it refuses."""

    def get_password(self, service, username):
        return None

    def set_password(self, service, username, password):
        raise RuntimeError(f"will not store {password}")


class TestKeyringProvider(ProviderContract):
    def make_provider(self):
        return KeyringProvider(backend=DictBackend())

    def test_versions_are_entries(self):
        """Version N of a name is the entry `name@N` of the service."""
        backend = DictBackend()
        KeyringProvider("svc", backend=backend).put("a", "some-value", version=3)

        assert backend.entries["svc", "a@3"] == "some-value"

    def test_finds_entries_written_by_hand(self):
        """What `keyring set` wrote is found, and answers any version."""
        backend = DictBackend()
        backend.entries["langchain-tyrum", "github/token"] = "by-hand"
        provider = KeyringProvider(backend=backend)

        assert provider.get("github/token") == "by-hand"
        assert provider.get("github/token", version=1) == "by-hand"

    def test_names_with_an_at_sign_do_not_meet_versions(self):
        """A secret called `a@1` is not version 1 of `a`."""
        provider = KeyringProvider(backend=DictBackend())
        provider.put("a@1", "value-of-other")
        provider.put("a", "value-of-a")

        assert provider.get("a", version=1) == "value-of-a"
        assert provider.get("a@1") == "value-of-other"

    def test_delete_leaves_nothing(self):
        """After everything is deleted, no value is left in the keyring."""
        backend = DictBackend()
        provider = KeyringProvider(backend=backend)
        provider.put("a", "first-value")
        provider.put("a", b"second-value")
        provider.delete("a")

        assert list(backend.entries.values()) == ["[]"]

    def test_a_refusing_backend(self):
        """What a backend says in an error never reaches ours; it could be the value."""
        provider = KeyringProvider(backend=LockedBackend())

        self.refused(
            lambda: provider.put("a", "canary-7f3a9c51e2d84b06"), ProviderError
        )

    @pytest.mark.parametrize("backend", [fail, null, chainer])
    def test_no_viable_backend(self, backend, monkeypatch):
        """A machine without a keyring is told of the `database` provider."""
        ring = getattr(backend, "Keyring", chainer.ChainerBackend)()
        monkeypatch.setattr("keyring.get_keyring", lambda: ring)
        monkeypatch.setattr(chainer.ChainerBackend, "backends", [])

        with pytest.raises(ProviderUnavailable, match="use the 'database' provider"):
            KeyringProvider().get("a")

    def test_a_backend_that_cannot_be_found(self, monkeypatch):
        """A broken keyring set-up is the same situation."""

        def broken():
            raise ImportError("no such backend")

        monkeypatch.setattr("keyring.get_keyring", broken)

        with pytest.raises(ProviderUnavailable, match="ImportError"):
            KeyringProvider().put("a", "some-value")

    def test_the_machines_keyring(self, monkeypatch):
        """Without an injected backend the machine's own is used."""
        backend = DictBackend()
        backend.priority = 5
        monkeypatch.setattr("keyring.get_keyring", lambda: backend)
        KeyringProvider().put("a", "some-value")

        assert backend.entries["langchain-tyrum", "a@1"] == "some-value"
