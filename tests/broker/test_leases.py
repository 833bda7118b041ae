"""The lease: checks, grants, intent, provider, registration, outcome."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import (
    ApprovalRequired,
    LeaseExpired,
    ProviderUnavailable,
    SecretForbidden,
    SecretRevoked,
)
from langchain_tyrum.policy import SecretPolicy


@pytest.fixture
def open_broker(provider):
    def make(policy=None):
        return SecretBroker(providers=[provider], catalog="sqlite://", policy=policy)

    return make


class TestOrder:
    def test_intent_comes_before_the_provider(self, open_broker, provider, canary):
        """The ledger holds the intent by the time a provider is asked."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        broker.put("k/1", canary())
        seen = []
        provider.before_read = lambda: seen.append(broker.audit.tail(1)[0]["action"])

        with broker.lease("k/1", tool_id="t"):
            pass

        assert ["lease_intent"] == seen
        assert "lease" == broker.audit.tail(1)[0]["action"]

    def test_the_value_is_registered_before_it_is_yielded(self, open_broker, canary):
        """Whatever a tool prints first is redacted already."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        raw = canary()
        broker.put("k/1", raw)
        broker.redactor.unregister("k/1")
        assert raw == broker.redactor.redact_text(raw)

        with broker.lease("k/1", tool_id="t") as value:
            assert "[REDACTED:k/1]" == broker.redactor.redact_text(value.reveal())

    def test_the_value_is_gone_afterwards(self, open_broker, canary):
        """After the block the value cannot be read any more."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        broker.put("k/1", canary())

        with broker.lease("k/1", tool_id="t") as value:
            pass

        with pytest.raises(LeaseExpired):
            value.reveal()

    def test_deny_never_reaches_the_provider(self, open_broker, provider, canary):
        """A denied scope is refused before anything is resolved, and audited."""
        broker = open_broker(SecretPolicy(deny=["prod:*"], allow=["*"]))
        broker.put("k/1", canary(), scope="prod:db")

        with pytest.raises(SecretForbidden) as caught:
            with broker.lease("k/1", tool_id="t"):
                pass

        assert 0 == provider.reads
        assert ("prod:db", "t") == (caught.value.scope, caught.value.tool_id)
        row = broker.audit.tail(1)[0]
        assert ("lease_denied", "SecretForbidden") == (row["action"], row["outcome"])

    def test_all_or_none(self, open_broker, provider, canary):
        """One forbidden secret among several keeps all of them unresolved."""
        broker = open_broker(SecretPolicy(allow=["a"], deny=["b"]))
        broker.put("a", canary())
        broker.put("b", canary())

        with pytest.raises(SecretForbidden):
            with broker.lease_all({"x": "a", "y": "b"}, tool_id="t"):
                pass

        assert 0 == provider.reads

    def test_a_failing_provider_is_audited(self, open_broker, provider, canary):
        """A provider's failure leaves a `failed` row and no value."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        broker.put("k/1", canary())
        provider.down = True

        with pytest.raises(ProviderUnavailable):
            with broker.lease("k/1", tool_id="t"):
                pass

        row = broker.audit.tail(1)[0]
        assert ("lease", "failed", "ProviderUnavailable") == (
            row["action"],
            row["outcome"],
            row["error"],
        )

    def test_revoked_while_the_provider_answers(self, open_broker, provider, canary):
        """A revocation that lands in mid-lease wins."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        broker.put("k/1", canary())
        provider.before_read = lambda: broker.revoke("k/1")

        with pytest.raises(SecretRevoked):
            with broker.lease("k/1", tool_id="t"):
                pass

    def test_the_version_yielded_is_the_version_checked(
        self, open_broker, provider, canary
    ):
        """A rotation in mid-lease does not slip an unchecked version in."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        old, new = canary(), canary()
        broker.put("k/1", old)

        def rotate_once():
            provider.before_read = lambda: None
            broker.rotate("k/1", new)

        provider.before_read = rotate_once

        with broker.lease("k/1", tool_id="t") as value:
            assert old == value.reveal()
        with broker.lease("k/1", tool_id="t") as value:
            assert new == value.reveal()

    def test_values_stay_out_of_the_ledger(self, open_broker, canary):
        """A value smuggled into a call's fields is taken out of its row."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        raw = canary()
        broker.put("k/1", raw)

        with broker.lease("k/1", tool_id="t", call=CallIdentity(thread_id=f"x-{raw}")):
            pass

        assert "x-[REDACTED:k/1]" == broker.audit.tail(1)[0]["thread_id"]


class TestGrants:
    CALL = CallIdentity(thread_id="th", user="alice")

    @pytest.fixture
    def broker(self, open_broker, canary):
        broker = open_broker()
        broker.put("k/1", canary(), scope="github:write")
        return broker

    def lease(self, broker, call=CALL, tool_id="t", digest=None):
        with broker.lease("k/1", tool_id=tool_id, call=call, digest=digest) as value:
            return bool(value.reveal())

    def grant(self, broker, mode, **options):
        options.setdefault("call", self.CALL)
        return broker.grant(mode=mode, tool_id="t", scopes=["github:write"], **options)

    def test_none_no_lease(self, broker, provider):
        """Without a policy a lease needs a person, and no provider is asked."""
        with pytest.raises(ApprovalRequired, match="approval node"):
            self.lease(broker)

        assert 0 == provider.reads

    def test_once_is_one_call(self, broker):
        """A `once` grant covers its digest, one time."""
        self.grant(broker, "once", digest="d" * 64)

        with pytest.raises(ApprovalRequired):
            self.lease(broker, digest="e" * 64)
        assert self.lease(broker, digest="d" * 64)
        with pytest.raises(ApprovalRequired):
            self.lease(broker, digest="d" * 64)

    def test_session_is_one_thread(self, broker):
        """A `session` grant covers one thread, user and tool."""
        self.grant(broker, "session")

        assert self.lease(broker)
        assert self.lease(broker)
        for call in (
            CallIdentity(thread_id="other", user="alice"),
            CallIdentity(thread_id="th", user="bob"),
        ):
            with pytest.raises(ApprovalRequired):
                self.lease(broker, call=call)
        with pytest.raises(ApprovalRequired):
            self.lease(broker, tool_id="u")

    def test_always_is_one_user_and_tool(self, broker):
        """An `always` grant holds in every thread of its user."""
        self.grant(broker, "always")

        assert self.lease(broker, call=CallIdentity(thread_id="x", user="alice"))
        with pytest.raises(ApprovalRequired):
            self.lease(broker, call=CallIdentity(thread_id="x", user="bob"))

    def test_rotation_ends_session_and_keeps_always(self, broker, canary):
        """Rotation ends what was given for the old version, except `always`."""
        self.grant(broker, "session")
        broker.rotate("k/1", canary())
        with pytest.raises(ApprovalRequired):
            self.lease(broker)

        self.grant(broker, "always")
        broker.rotate("k/1", canary())
        assert self.lease(broker)

    def test_revocation_ends_all(self, broker):
        """After a revocation no earlier grant holds, even once reauthorized."""
        self.grant(broker, "always")
        broker.revoke("k/1")
        broker.reauthorize("k/1")

        with pytest.raises(ApprovalRequired):
            self.lease(broker)

    def test_ttl_and_uses(self, broker):
        """A grant ends with its time and with its uses."""
        grant = self.grant(broker, "session", max_uses=2, ttl_seconds=60)
        assert self.lease(broker)
        assert self.lease(broker)
        with pytest.raises(ApprovalRequired):
            self.lease(broker)

        self.grant(broker, "session", ttl_seconds=60)
        now = broker.catalog.clock()
        broker.catalog.clock = lambda: now.replace(year=now.year + 1)
        with pytest.raises(ApprovalRequired):
            self.lease(broker)
        assert 2 == next(g for g in broker.grants() if g == grant or g.uses).uses

    def test_a_failure_gives_the_use_back(self, broker, provider):
        """A provider that fails costs no grant."""
        self.grant(broker, "once", digest="d" * 64)
        provider.down = True
        with pytest.raises(ProviderUnavailable):
            self.lease(broker, digest="d" * 64)
        provider.down = False

        assert self.lease(broker, digest="d" * 64)

    def test_one_use_covers_all_secrets_of_a_call(self, broker, canary):
        """Two secrets of one call spend one use."""
        broker.put("k/2", canary(), scope="github:write")
        broker.grant(mode="once", tool_id="t", scopes=["github:write"], call=self.CALL)

        with broker.lease_all({"a": "k/1", "b": "k/2"}, tool_id="t", call=self.CALL):
            pass
        with pytest.raises(ApprovalRequired):
            self.lease(broker)

    def test_revoked_grants_end(self, broker):
        """A grant that is taken back covers nothing."""
        grant = self.grant(broker, "session")
        ended = replace(grant, status="ended")
        assert ended == broker.revoke_grant(grant.grant_id)
        assert broker.revoke_grant(grant.grant_id) is None

        with pytest.raises(ApprovalRequired):
            self.lease(broker)

    def test_a_race_has_one_winner(self, tmp_path, canary):
        """Of many threads on one `once` grant exactly one gets the value."""
        broker = SecretBroker.local(tmp_path / "t.db")
        broker.put("k/1", canary(), scope="github:write")
        self.grant(broker, "once", digest="d" * 64)
        start, won = threading.Barrier(6), []

        def race():
            start.wait()
            try:
                won.append(self.lease(broker, digest="d" * 64))
            except ApprovalRequired:
                won.append(False)

        threads = [threading.Thread(target=race) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        broker.close()

        assert [False] * 5 + [True] == sorted(won)


class TestAsync:
    async def test_a_cancelled_opening_closes_itself(
        self, open_broker, provider, canary
    ):
        """A caller that is cancelled while the provider answers leaves no lease."""
        broker = open_broker(SecretPolicy(allow=["*"]))
        broker.put("k/1", canary())
        answering, answer = threading.Event(), threading.Event()
        provider.before_read = lambda: (answering.set(), answer.wait(5))

        async def use():
            async with broker.alease("k/1", tool_id="t"):
                raise AssertionError("the lease was cancelled")

        task = asyncio.create_task(use())
        await asyncio.to_thread(answering.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        answer.set()
        for _ in range(100):
            await asyncio.sleep(0.01)
            if broker.audit.tail(1)[0]["action"] == "lease":
                break
        await asyncio.sleep(0.05)

        assert "leases=0" in repr(broker)
