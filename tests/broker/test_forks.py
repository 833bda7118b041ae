"""What a forked child can do, and what it can not."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import pytest
from sqlalchemy import NullPool, create_engine

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import LeaseExpired
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider

ALLOW = SecretPolicy(allow=["*"])


@pytest.fixture(params=["file", "memory"])
def broker(request, tmp_path, canary):
    if request.param == "file":
        broker = SecretBroker.local(tmp_path / "t.db", policy=ALLOW)
    else:
        broker = SecretBroker.in_memory(policy=ALLOW)
    broker.raw = canary()
    broker.put("k/1", broker.raw)
    yield broker
    broker.close()


def value_of(broker) -> str:
    with broker.lease("k/1", tool_id="t") as value:
        return value.reveal()


def in_a_child(act) -> int:
    """What a forked child makes of it: 0 is True; a child that hangs is killed."""
    with warnings.catch_warnings():  # Python 3.12 warns of forks with threads
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        signal.alarm(20)
        code = 2
        try:
            code = 0 if act() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


class TestFork:
    def test_while_threads_lease(self, broker):
        """Children forked in the middle of other threads' leases lease at once."""
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                value_of(broker)
                broker.redactor.redact_text("x")
                stop.wait(0.02)

        threads = [threading.Thread(target=busy) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            codes = [
                in_a_child(lambda: value_of(broker) == broker.raw) for _ in range(8)
            ]
        finally:
            stop.set()
            for thread in threads:
                thread.join()

        assert [0] * 8 == codes
        assert broker.audit.verify().ok
        assert broker.raw == value_of(broker)

    def test_while_locks_are_held(self, broker):
        """A lock that another thread holds for good is the parent's alone."""
        held, done = threading.Event(), threading.Event()
        provider = next(iter(broker._core.providers.values()))
        locks = [broker._leases.opened._lock, broker._core.redactor._registry._lock]
        locks += [
            getattr(provider, name)
            for name in ("_MemoryProvider__lock",)
            if hasattr(provider, name)
        ]

        def hold():
            for lock in locks:
                lock.acquire()
            held.set()
            done.wait(60)
            for lock in locks:
                lock.release()

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(10)
        code = in_a_child(lambda: value_of(broker) == broker.raw)
        done.set()
        thread.join()

        assert 0 == code

    def test_leases_are_the_parents(self, broker):
        """A value that was leased before the fork is gone in the child only."""

        def is_gone():
            try:
                value.reveal()
            except LeaseExpired:
                return len(broker._leases) == 0
            return False

        with broker.lease("k/1", tool_id="t") as value:
            assert 0 == in_a_child(is_gone)
            assert broker.raw == value.reveal()

    def test_a_childs_rows_join_the_chain(self, tmp_path, canary):
        """Parent and child write one ledger by turns, and it verifies."""
        broker = SecretBroker.local(tmp_path / "t.db", policy=ALLOW)
        broker.raw = canary()
        broker.put("k/1", broker.raw)

        def lease_and_close():
            told = value_of(broker)
            broker.close()
            return told == broker.raw

        for _ in range(3):
            assert 0 == in_a_child(lease_and_close)
            assert broker.raw == value_of(broker)

        actions = [row["action"] for row in broker.audit.tail(100)]
        assert (6, True) == (actions.count("lease"), broker.audit.verify().ok)
        broker.close()

    def test_an_engine_without_a_pool(self, tmp_path, canary):
        """A catalog on an engine that keeps no connections forks like any other."""
        engine = create_engine(f"sqlite:///{tmp_path / 't.db'}", poolclass=NullPool)
        values = DatabaseProvider(engine, key=bytes(32))
        with SecretBroker(
            providers=[values], catalog=engine, key=bytes(32), policy=ALLOW
        ) as broker:
            raw = canary()
            broker.put("k/1", raw)

            assert 0 == in_a_child(lambda: raw == value_of(broker))
            assert raw == value_of(broker)
