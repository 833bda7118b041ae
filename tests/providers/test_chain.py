import pytest

from langchain_tyrum.errors import ConfigError, ProviderError, SecretNotFound
from langchain_tyrum.providers import ChainProvider, EnvProvider, MemoryProvider
from langchain_tyrum.testing import FailProvider, NullProvider, ProviderContract


class RudeProvider(NullProvider):
    """Somebody else's provider, with errors that are none of ours."""

    def get(self, name, *, version=None):
        raise RuntimeError("canary-7f3a9c51e2d84b06")


class TestChainProvider(ProviderContract):
    def make_provider(self):
        return ChainProvider([EnvProvider(environ={}), MemoryProvider()])

    def test_first_hit_wins(self):
        """The first provider that has the name answers."""
        chain = ChainProvider(
            [NullProvider(), MemoryProvider({"a": "one"}), MemoryProvider({"a": "two"})]
        )

        assert chain.get("a") == "one"

    def test_a_failing_provider_is_passed_over(self):
        """A later provider answers when an earlier one fails."""
        failing = FailProvider()
        chain = ChainProvider([failing, MemoryProvider({"a": "some-value"})])

        assert chain.get("a") == "some-value"
        assert failing.calls == ["get"]

    def test_every_reason_is_listed(self):
        """When none has it, the error says what each of them said."""
        chain = ChainProvider([NullProvider("one"), NullProvider("two")])

        with pytest.raises(SecretNotFound, match=r"one: .*; two: .*"):
            chain.get("a")

    def test_a_failure_is_not_taken_for_absence(self):
        """If one failed, nobody knows whether it has the name: `ProviderError`."""
        chain = ChainProvider([NullProvider("one"), FailProvider("two")])

        with pytest.raises(ProviderError, match=r"one: .*; two: .*on purpose"):
            chain.get("a")

    def test_strangers_are_not_quoted(self):
        """Of an error that is none of ours only the class is told."""
        chain = ChainProvider([RudeProvider("rude")])

        with pytest.raises(ProviderError, match=r"rude: failed \(RuntimeError\)"):
            chain.get("a")
        self.refused(lambda: chain.get("a"), ProviderError)

    def test_writes_go_to_the_first_writable(self):
        """Read-only providers are passed over by writes."""
        first, second = MemoryProvider(), MemoryProvider()
        ChainProvider([EnvProvider(), first, second]).put("a", "some-value")

        assert first.get("a") == "some-value"
        assert second.names() == []

    def test_read_only_when_all_are(self):
        """Without a writable provider the chain says that it is read-only."""
        chain = ChainProvider([EnvProvider()])

        assert chain.writable is False
        with pytest.raises(ProviderError, match="read-only"):
            chain.put("a", "some-value")

    def test_needs_a_provider(self):
        """An empty chain is refused when it is built."""
        with pytest.raises(ConfigError, match="at least one"):
            ChainProvider([])

    def test_names_of_all(self):
        """Names are listed over all providers, each once."""
        one, two = MemoryProvider({"a": "v", "b": "v"}), MemoryProvider({"a": "v"})

        assert ChainProvider([one, two]).names() == ["a", "b"]


class TestStandIns:
    def test_null_forgets(self):
        """The null provider takes a value and has none."""
        provider = NullProvider()
        provider.put("a", "some-value")
        provider.delete("a")

        assert provider.names() == []
        with pytest.raises(SecretNotFound):
            provider.get("a")

    def test_fail_counts(self):
        """The fail provider fails at every call and remembers which."""
        provider = FailProvider()
        for call in (
            lambda: provider.get("a"),
            lambda: provider.put("a", "v"),
            lambda: provider.delete("a"),
            provider.names,
        ):
            with pytest.raises(ProviderError, match="on purpose"):
                call()

        assert provider.calls == ["get", "put", "delete", "names"]


class TestFork:
    def test_members_make_their_locks_anew(self):
        """A child asks the members as well to forget locks of threads that are gone."""
        member = MemoryProvider({"x": "kq7-real-value-0001"})
        lock = member._MemoryProvider__lock
        chain = ChainProvider([EnvProvider(), ChainProvider([member])])
        with lock:
            chain.after_fork()
            assert "kq7-real-value-0001" == chain.get("x")
