import threading

from langchain_tyrum.providers import MemoryProvider
from langchain_tyrum.testing import ProviderContract


class TestMemoryProvider(ProviderContract):
    def make_provider(self):
        return MemoryProvider()

    def test_begins_with_values(self):
        """The values it is built with are version 1 of their names."""
        provider = MemoryProvider({"serp/key": "s3cr3t-value"})

        assert provider.get("serp/key", version=1) == "s3cr3t-value"

    def test_has_no_attribute_dump(self):
        """There is no `__dict__` that a debugger or a crash report could print."""
        provider = MemoryProvider({"a": "s3cr3t-value"})

        assert not hasattr(provider, "__dict__")

    def test_its_slots_show_no_value(self):
        """A dump that walks slots and containers meets only masked values."""
        provider = MemoryProvider({"a": "s3cr3t-value", "b": b"s3cr3t-value"})

        shown = [
            repr(getattr(provider, f"_MemoryProvider{slot}", None))
            for slot in MemoryProvider.__slots__
        ]

        assert any("'a'" in text for text in shown)
        assert "s3cr3t-value" not in "".join(shown)

    def test_repr_counts(self):
        """`repr` tells how many secrets it holds."""
        provider = MemoryProvider({"a": "value-one", "b": "value-two"})

        assert repr(provider) == "MemoryProvider('memory', secrets=2)"

    def test_threads_get_versions_of_their_own(self):
        """Values put at the same time become different versions; none is lost."""
        provider = MemoryProvider()
        values = [f"value-{number}" for number in range(40)]
        threads = [
            threading.Thread(target=provider.put, args=("a", value)) for value in values
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        stored = [provider.get("a", version=number) for number in range(1, 41)]
        assert sorted(values) == sorted(stored)
