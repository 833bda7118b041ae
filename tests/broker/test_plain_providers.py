"""A provider that has what the protocol names, and nothing else."""

import asyncio

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import SecretNotFound
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import AsyncProvider, ChainProvider, SecretProvider

VALUE = "quiet-otter-7713-lamp-rail"


class Plain:
    """Keeps no versions, and takes none."""

    writable = True
    label = "plain"

    def __init__(self):
        self.kept = {}

    def get(self, name, *, version=None):
        if name not in self.kept:
            raise SecretNotFound(f"there is no {name!r}")
        return self.kept[name]

    def put(self, name, value):
        self.kept[name] = value

    def delete(self, name):
        self.kept.pop(name, None)

    def names(self):
        return sorted(self.kept)


class Numbered(Plain):
    """Keeps versions, and leaves their numbers and the names to the broker."""

    by_handle = True

    def get(self, name, *, version=None):
        kept = self.kept.get(name, {})
        if not kept or (version or max(kept)) not in kept:
            raise SecretNotFound(f"there is no {name!r}")
        return kept[version or max(kept)]

    def put(self, name, value, *, version=None):
        kept = self.kept.setdefault(name, {})
        kept[version or max(kept, default=0) + 1] = value

    def delete(self, name, *, version=None):
        kept = self.kept.get(name, {})
        for number in [version] if version else list(kept):
            kept.pop(number, None)


def leased(broker, secret):
    with broker.lease(secret, tool_id="t") as value:
        return value.reveal()


class TestBothKinds:
    @pytest.mark.parametrize(("kind", "purged"), [(Plain, 0), (Numbered, 1)])
    def test_the_life_of_a_secret(self, kind, purged):
        """Stored, leased, rotated, purged, armed and verified, by a broker."""
        with SecretBroker(
            providers=[kind()], catalog="sqlite://", policy=SecretPolicy(allow=["*"])
        ) as broker:
            handle = broker.put("x", VALUE)
            assert VALUE == leased(broker, handle)
            assert 2 == broker.rotate("x", f"{VALUE}-2").version
            assert f"{VALUE}-2" == leased(broker, handle)
            assert purged == broker.purge("x")
            assert ([], 1) == (broker.verify(), broker.arm())
            assert f"{VALUE}-2" == leased(broker, handle)

    def test_the_protocol_asks_for_no_more(self):
        """`isinstance` is what brokers and the test kit go by."""
        assert isinstance(Plain(), SecretProvider)
        assert not isinstance(object(), SecretProvider)

    def test_a_chain_and_the_async_twins_ask_it_so(self):
        """Whoever stands between passes a version on only where there is one."""
        plain = Plain()
        ChainProvider([plain]).put("a", VALUE)
        asyncio.run(AsyncProvider(plain).aput("b", VALUE))

        assert VALUE == ChainProvider([plain]).get("b")
        assert VALUE == asyncio.run(AsyncProvider(plain).aget("a"))
        ChainProvider([plain]).delete("a")
        asyncio.run(AsyncProvider(plain).adelete("b"))
        assert [] == plain.names()
