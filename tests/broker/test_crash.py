"""A process that is killed in mid-lease: what the next one finds."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import ApprovalRequired, LedgerError, ProviderError

CALL = CallIdentity(thread_id="th", user="alice", tool_call_id="c1")
DIGEST = "d" * 64

CHILD = """
import os, signal, sys
from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.broker.core import Core
from langchain_tyrum.broker.lease.opened import Opened
from langchain_tyrum.broker.lease.reserving import Reserving
from langchain_tyrum.ledger import reservations
from langchain_tyrum.providers import DatabaseProvider

path, step = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def then_die(function):
    def call(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return call

call = CallIdentity(thread_id="th", user="alice", tool_call_id="c1")
broker = SecretBroker.local(path)
if step == "before the commit of the reservation":
    reservations.reserve = then_die(reservations.reserve)
elif step == "between reservation and provider":
    Opened.enter = die
elif step == "while the provider reads":
    DatabaseProvider.get = die
elif step == "before the redactor knows":
    Core.cover = die
elif step == "before the outcome":
    Reserving.finish = die
elif step == "in the middle of the outcome":
    reservations.drop = then_die(reservations.drop)
elif step == "between outcome and block":
    Reserving.finish = then_die(Reserving.finish)
with broker.lease("k/1", tool_id="t", call=call, digest="d" * 64) as value:
    if step == "inside the block":
        die()
    value.reveal()
if step == "after the block":
    die()
sys.exit("it lived on")
"""

#: Where the process dies, whether its lease is then unfinished, and its grant used.
STEPS = [
    ("before the commit of the reservation", False, False),
    ("between reservation and provider", True, True),
    ("while the provider reads", True, True),
    ("before the redactor knows", True, True),
    ("before the outcome", True, True),
    ("in the middle of the outcome", True, True),
    ("between outcome and block", False, True),
    ("inside the block", False, True),
    ("after the block", False, True),
]


@pytest.fixture
def stored(tmp_path, canary):
    """A store with one gated secret and a grant for one call: path and value."""
    raw = canary()
    with SecretBroker.local(tmp_path / "tyrum.db") as broker:
        broker.put("k/1", raw, scope="github:write")
        broker.grant(
            mode="once",
            tool_id="t",
            scopes=["github:write"],
            call=CALL,
            digest=DIGEST,
        )
    return tmp_path / "tyrum.db", raw


def killed(path, step) -> int:
    child = [sys.executable, "-c", CHILD, str(path), step]
    return subprocess.run(child, timeout=60, check=False).returncode


def lease(broker) -> str:
    with broker.lease("k/1", tool_id="t", call=CALL, digest=DIGEST) as value:
        return value.reveal()


class TestKilled:
    @pytest.mark.parametrize(("step", "unfinished", "used"), STEPS, ids=lambda x: x)
    def test_at(self, stored, all_bytes, step, unfinished, used):
        """The books agree: no value on disk, no use lost, no intent forgotten."""
        path, raw = stored

        assert -signal.SIGKILL == killed(path, step)

        assert raw.encode() not in all_bytes(path.parent)
        with SecretBroker.local(path) as broker:
            found = broker.unfinished(older_than_seconds=0)
            rows = broker.audit.tail(100)
            intents = [r["seq"] for r in rows if r["action"] == "lease_intent"]
            outcomes = [r for r in rows if r["action"] == "lease"]
            assert broker.audit.verify().ok
            assert unfinished == (len(intents) > len(outcomes))
            assert intents[: len(found)] == [one.intent_seq for one in found]
            assert [unfinished, used] == [len(found), broker.grants()[0].uses]
            if used:
                with pytest.raises(ApprovalRequired):
                    lease(broker)
            else:
                assert raw == lease(broker)
            broker.grant(
                mode="session", tool_id="t", scopes=["github:write"], call=CALL
            )
            assert raw == lease(broker)
            assert broker.audit.verify().ok


class TestUnfinished:
    @pytest.fixture
    def broker(self, stored):
        assert -signal.SIGKILL == killed(stored[0], "before the outcome")
        with SecretBroker.local(stored[0]) as broker:
            yield broker

    async def test_tells_whose_it_was(self, broker):
        """Secret, grant, tool and call of a lease without an outcome are told."""
        (one,) = broker.unfinished(older_than_seconds=0)

        assert (broker.describe("k/1").handle_id,) == one.handle_ids
        assert broker.grants()[0].grant_id == one.grant_id
        assert ("t", "default", "alice", "th", "c1") == (
            one.tool_id,
            one.tenant,
            one.user,
            one.thread_id,
            one.tool_call_id,
        )
        assert [one] == await broker.aunfinished(older_than_seconds=0)

    def test_young_ones_may_still_be_at_it(self, broker):
        """Only what is older than a minute is listed by itself."""
        assert [] == broker.unfinished()

        now = broker.catalog.clock()
        broker.catalog.clock = lambda: now + timedelta(seconds=61)

        assert 1 == len(broker.unfinished())

    async def test_settling_closes_the_books_and_keeps_the_use(self, broker, actions):
        """The outcome is then `unfinished`; it happens once; the grant stays used."""
        (one,) = broker.unfinished(older_than_seconds=0)

        assert broker.settle(one.intent_seq)

        assert ("lease", "unfinished") == actions(broker)[-1]
        assert [] == broker.unfinished(older_than_seconds=0)
        assert not await broker.asettle(one.intent_seq)
        assert 1 == broker.grants()[0].uses
        assert broker.audit.verify().ok

    def test_a_lease_that_was_settled_hands_out_nothing(
        self, memory_broker, canary, monkeypatch
    ):
        """Who settles a lease that is still at it makes it fail; no row is doubled."""
        broker = memory_broker(policy=None)
        broker.put("k/1", canary())
        broker.grant(mode="once", tool_id="t", scopes=["k/1"], call=CALL)
        provider = broker._core.providers["memory"]
        get = type(provider).get

        def settle_first(self, name, *, version=None):
            for one in broker.unfinished(older_than_seconds=0):
                assert broker.settle(one.intent_seq)
            return get(self, name, version=version)

        monkeypatch.setattr(type(provider), "get", settle_first)
        with pytest.raises(LedgerError, match="settled"):
            lease(broker)

        outcomes = [r for r in broker.audit.tail() if r["action"] == "lease"]
        assert ["unfinished"] == [row["outcome"] for row in outcomes]
        assert 1 == broker.grants()[0].uses

    def test_a_settled_lease_that_fails_gives_nothing_back(
        self, memory_broker, canary, monkeypatch
    ):
        """What was settled stays used, also when its provider fails afterwards."""
        broker = memory_broker(policy=None)
        broker.put("k/1", canary())
        broker.grant(mode="once", tool_id="t", scopes=["k/1"], call=CALL)

        def settle_and_fail(self, name, *, version=None):
            for one in broker.unfinished(older_than_seconds=0):
                assert broker.settle(one.intent_seq)
            raise ProviderError("it is down")

        provider = type(broker._core.providers["memory"])
        monkeypatch.setattr(provider, "get", settle_and_fail)
        with pytest.raises(ProviderError, match="down"):
            lease(broker)

        outcomes = [r for r in broker.audit.tail() if r["action"] == "lease"]
        assert ["unfinished"] == [row["outcome"] for row in outcomes]
        assert 1 == broker.grants()[0].uses

    def test_a_lease_leaves_no_note(self, memory_broker, canary):
        """While it is open, and after it, a lease has its outcome."""
        broker = memory_broker()
        broker.put("k/1", canary())

        with broker.lease("k/1", tool_id="t"):
            assert [] == broker.unfinished(older_than_seconds=0)
        assert [] == broker.unfinished(older_than_seconds=0)
