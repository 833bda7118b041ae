"""One broker in many threads, and calls that are cancelled."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.broker.lease.handover import Handover
from langchain_tyrum.broker.lease.opened import Opened
from langchain_tyrum.broker.lease.reserving import Reserving
from langchain_tyrum.errors import TyrumError
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider

ALLOW = SecretPolicy(allow=["*"])


class TestManyThreads:
    @pytest.mark.parametrize("kind", ["memory", "file"])
    def test_hammered(self, tmp_path, kind):
        """Eight threads, every operation: values right, books whole, nothing open."""
        if kind == "memory":
            broker = SecretBroker.in_memory(policy=ALLOW)
        else:
            broker = SecretBroker.local(tmp_path / "t.db", policy=ALLOW)
        names = ["k/0", "k/1", "k/2"]
        for name in names:
            broker.put(name, f"{name}-first-value-x")
        wrong, leased = [], []

        def work(seed):
            dice = random.Random(seed)
            for count in range(30):
                name = dice.choice(names)
                try:
                    self.act(broker, name, dice, f"{name}-{seed}-{count}-value", leased)
                except TyrumError:
                    pass  # e.g. revoked just now
                except BaseException as error:
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=[seed]) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [] == wrong
        assert leased
        assert all(value.startswith(f"{name}-") for name, value in leased)
        for name in names:
            broker.reauthorize(name)
            with broker.lease(name, tool_id="t") as value:
                raw = value.reveal()
            assert f"[REDACTED:{name}]" == broker.redactor.redact_text(raw)
        assert broker.audit.verify().ok
        assert ([], 0) == (broker.unfinished(older_than_seconds=0), len(broker._leases))
        broker.close()

    @staticmethod
    def act(broker, name, dice, fresh, leased):
        match dice.randrange(10):
            case 0:
                broker.rotate(name, fresh)
            case 1:
                broker.revoke(name)
            case 2:
                broker.reauthorize(name)
            case 3:
                broker.reauthorize(name, fresh)
            case 4:
                broker.put(name, fresh, replace=True)
            case 5:
                broker.arm()
            case 6:
                broker.purge(name)
            case _:
                with broker.lease(name, tool_id="t") as value:
                    leased.append((name, value.reveal()))
                broker.redactor.redact_text("x")


#: Where the worker thread is when its caller is cancelled.
SEAMS = ["begin", "get", "finish", "opened"]


class TestCancelled:
    @pytest.fixture
    def broker(self, canary):
        broker = SecretBroker.in_memory({"a": canary(), "b": canary()})
        call = CallIdentity(thread_id="th")
        broker.grant(mode="session", tool_id="t", scopes=["a", "b"], call=call)
        broker.call = call
        yield broker
        broker.close()

    @pytest.fixture(autouse=True)
    def kept(self, monkeypatch):
        """Keep what opens a lease: the collector would close it in our place."""
        kept, real = [], Handover.__init__

        def init(self, context):
            kept.append(self)
            real(self, context)

        monkeypatch.setattr(Handover, "__init__", init)
        return kept

    @pytest.fixture
    def seam(self, monkeypatch):
        """Stop the worker thread at a step, until the test lets it go on."""
        there, go_on = threading.Event(), threading.Event()

        def stop_at(name):
            owner = {
                "begin": Reserving,
                "get": MemoryProvider,
                "finish": Reserving,
                "opened": Opened,
            }[name]
            method = {"opened": "enter"}.get(name, name)
            real = getattr(owner, method)

            def slow(*args, **kwargs):
                there.set()
                assert go_on.wait(10)
                return real(*args, **kwargs)

            monkeypatch.setattr(owner, method, slow)
            return there, go_on

        return stop_at

    @staticmethod
    async def settled(broker):
        for _ in range(500):
            rows = [row["action"] for row in broker.audit.tail(100)]
            if rows.count("lease") == 2 and not len(broker._leases):
                return
            await asyncio.sleep(0.01)

    @pytest.mark.parametrize("name", SEAMS)
    async def test_while_it_opens(self, broker, seam, name):
        """Wherever its thread is, a cancelled opening gets its outcome and closes."""
        there, go_on = seam(name)
        wanted = {"x": "a", "y": "b"}

        async def use():
            async with broker.alease_all(wanted, tool_id="t", call=broker.call):
                raise AssertionError("the lease was cancelled")

        task = asyncio.create_task(use())
        assert await asyncio.to_thread(there.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await self.settled(broker)

        rows = [row["action"] for row in broker.audit.tail(100)]
        assert (2, 2) == (rows.count("lease_intent"), rows.count("lease"))
        assert ([], 0) == (broker.unfinished(older_than_seconds=0), len(broker._leases))

    def test_by_the_end_of_the_loop(self, broker, seam):
        """A loop that ends while the provider answers leaves no lease open either."""
        there, go_on = seam("get")

        async def use():
            async with broker.alease("a", tool_id="t", call=broker.call):
                raise AssertionError("the lease was cancelled")

        async def main():
            task = asyncio.create_task(use())
            await asyncio.to_thread(there.wait, 10)
            task.cancel()
            threading.Timer(0.1, go_on.set).start()

        asyncio.run(main())

        rows = [row["action"] for row in broker.audit.tail(100)]
        assert (1, 1) == (rows.count("lease_intent"), rows.count("lease"))
        assert ([], 0) == (broker.unfinished(older_than_seconds=0), len(broker._leases))

    async def test_in_the_block(self, broker):
        """A caller that is cancelled inside its block drops its values at once."""
        inside, kept = asyncio.Event(), []

        async def use():
            async with broker.alease("a", tool_id="t", call=broker.call) as value:
                kept.append(value)
                inside.set()
                await asyncio.sleep(60)

        task = asyncio.create_task(use())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert 0 == len(broker._leases)
        with pytest.raises(TyrumError):
            kept[0].reveal()

    async def test_an_error_is_told(self, broker):
        """A refusal inside the worker thread reaches the caller as it is."""
        with pytest.raises(TyrumError, match="only after a person agrees"):
            async with broker.alease("a", tool_id="other", call=broker.call):
                pass
