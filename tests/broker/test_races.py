"""What others change between the steps of a lease."""

from __future__ import annotations

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.broker.lease.reserving import Reserving, Stale
from langchain_tyrum.errors import (
    ApprovalRequired,
    SecretExpired,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
)
from langchain_tyrum.policy import SecretPolicy

ALLOW = SecretPolicy(allow=["*"])
CALL = CallIdentity(thread_id="th", user="alice")
SEAMS = ["before the provider", "after the provider"]


@pytest.fixture
def broker(provider, canary):
    broker = SecretBroker(
        providers=[provider], catalog="sqlite://", policy=ALLOW, environment="dev"
    )
    broker.first = canary()
    broker.put("k/1", broker.first, scope="s")
    yield broker
    broker.close()


@pytest.fixture
def meanwhile(provider, monkeypatch):
    """Do something once at a seam of the next lease."""

    def plan(seam, act):
        done = []

        def once():
            if not done:
                done.append(True)
                act()

        if seam == "before the provider":
            provider.before_read = once
            return
        finish = Reserving.finish

        def finish_later(self, *args):
            once()
            return finish(self, *args)

        monkeypatch.setattr(Reserving, "finish", finish_later)

    return plan


def set_columns(broker, **columns):
    handle_id = broker.describe("k/1").handle_id
    with broker.catalog.transaction() as connection:
        broker.catalog.change(connection, handle_id, **columns)


def expire(broker):
    now = broker.catalog.clock()
    broker.put("k/1", broker.first, replace=True, expires_at=now)


def value_of(broker, **options) -> str:
    with broker.lease("k/1", tool_id="t", call=CALL, **options) as value:
        return value.reveal()


def outcomes(broker) -> list[tuple[str, int, str | None]]:
    return [
        (row["outcome"], row["version"], row["error"])
        for row in broker.audit.tail(100)
        if row["action"] == "lease"
    ]


ENDED = [
    ("revoked", lambda b: b.revoke("k/1"), SecretRevoked),
    ("expired", expire, SecretExpired),
    ("disabled", lambda b: set_columns(b, disabled=True), SecretRevoked),
    ("given away", lambda b: set_columns(b, owner="bob"), SecretForbidden),
    ("to a tenant", lambda b: set_columns(b, tenant="acme"), SecretForbidden),
    ("moved", lambda b: set_columns(b, environment="prod"), SecretForbidden),
]


@pytest.mark.parametrize("seam", SEAMS)
class TestEnded:
    @pytest.mark.parametrize(("name", "act", "error"), ENDED, ids=lambda x: str(x)[:12])
    def test_wins(self, broker, meanwhile, seam, name, act, error):
        """What ends a secret in mid-lease ends the lease, and gives the grant back."""
        gated = SecretBroker(
            providers=broker._core.providers,
            catalog=broker.catalog,
            key=broker._core.audit.ring.current,
            environment="dev",
        )
        gated.grant(mode="session", tool_id="t", scopes=["s"], call=CALL)
        meanwhile(seam, lambda: act(broker))

        with pytest.raises(error):
            value_of(gated)

        assert ("failed", 1, error.__name__) == outcomes(gated)[-1]
        assert [0] == [grant.uses for grant in gated.grants()]
        assert [] == gated.unfinished(older_than_seconds=0)
        assert (0, True) == (len(gated._leases), gated.audit.verify().ok)


@pytest.mark.parametrize("seam", SEAMS)
class TestChanged:
    def test_rotated(self, broker, meanwhile, seam, canary):
        """The value yielded is that of the version that was checked and recorded."""
        new = canary()
        meanwhile(seam, lambda: broker.rotate("k/1", new))

        assert broker.first == value_of(broker)

        assert [("resolved", 1, None)] == outcomes(broker)
        assert new == value_of(broker)
        assert ("resolved", 2, None) == outcomes(broker)[-1]

    def test_rotated_and_purged(self, broker, meanwhile, seam, canary):
        """A version that is destroyed in mid-lease is never yielded: it starts over."""
        new = canary()

        def act():
            broker.rotate("k/1", new)
            broker.purge("k/1")

        meanwhile(seam, act)

        assert new == value_of(broker)

        assert [("failed", 1, "Stale"), ("resolved", 2, None)] == outcomes(broker)
        assert "[REDACTED:k/1]" == broker._core.redactor.redact_text(new)
        assert [] == broker.unfinished(older_than_seconds=0)

    def test_a_new_scope_is_asked_about(self, broker, meanwhile, seam):
        """The policy decides over the scope that the secret has when it is yielded."""
        strict = SecretBroker(
            providers=broker._core.providers,
            catalog=broker.catalog,
            key=broker._core.audit.ring.current,
            policy=SecretPolicy(allow=["s"], require_approval=["prod"]),
            environment="dev",
        )
        meanwhile(seam, lambda: set_columns(broker, scope="prod"))

        with pytest.raises(ApprovalRequired):
            value_of(strict)

        assert [("failed", 1, "Stale")] == outcomes(strict)


class TestLimits:
    def test_without_end_is_an_error(self, broker, provider, canary):
        """A secret that is rotated and purged at every read fails in the end."""
        busy = []

        def replace_it():
            if not busy:  # purging reads too
                busy.append(True)
                broker.rotate("k/1", canary())
                broker.purge("k/1")
                busy.clear()

        provider.before_read = replace_it

        with pytest.raises(Stale, match="faster than it can be read"):
            value_of(broker)
        assert 5 == len(outcomes(broker))
        assert [] == broker.unfinished(older_than_seconds=0)

    def test_a_value_that_is_gone_is_told(self, broker, provider):
        """A value that nobody rotated and that is not there is simply not found."""
        for name in provider.names():
            provider.delete(name)

        with pytest.raises(SecretNotFound):
            value_of(broker)
        assert [("failed", 1, "SecretNotFound")] == outcomes(broker)

    def test_ctrl_c_gives_the_grant_back(self, broker, provider):
        """An interrupt while the provider is slow leaves nothing reserved."""

        def interrupt():
            raise KeyboardInterrupt

        provider.before_read = interrupt
        with pytest.raises(KeyboardInterrupt):
            value_of(broker)

        assert [("failed", 1, "KeyboardInterrupt")] == outcomes(broker)
        assert ([], 0) == (broker.unfinished(older_than_seconds=0), len(broker._leases))
