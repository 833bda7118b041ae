"""Grants: their limits, what ends them, and what many of them cost."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from sqlalchemy import update

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import ApprovalRequired, ConfigError
from langchain_tyrum.ledger import grants as ledger_grants
from langchain_tyrum.ledger import schema
from langchain_tyrum.policy import SecretPolicy

ADA, BOB = CallIdentity(user="ada"), CallIdentity(user="bob")


@pytest.fixture
def broker(canary):
    policy = SecretPolicy(require_approval=["*"])
    with SecretBroker.in_memory({"x": canary()}, policy=policy) as made:
        yield made


def can_lease(broker, name, **options) -> bool:
    try:
        with broker.lease(name, tool_id="t", **options):
            return True
    except ApprovalRequired:
        return False


class TestLimits:
    @pytest.mark.parametrize(
        "limit",
        [0, 0.0, -1, math.inf, math.nan, 1e12, True, "60", timedelta(seconds=60)],
    )
    @pytest.mark.parametrize("name", ["ttl_seconds", "max_uses"])
    def test_what_is_none_is_refused(self, broker, name, limit):
        """Zero is not "without end", and nothing is recorded."""
        with pytest.raises(ConfigError, match=rf"{name} is a number above zero"):
            broker.grant(mode="always", tool_id="t", scopes=["x"], **{name: limit})

        assert [] == broker.grants()

    def test_those_that_hold(self, broker):
        """A short time and one use are limits; none is without end."""
        options = {"mode": "always", "tool_id": "t", "scopes": ["x"]}
        short = broker.grant(**options, ttl_seconds=0.5, max_uses=1)
        endless = broker.grant(**options)

        assert short.created_at + timedelta(seconds=0.5) == short.expires_at
        assert (1, None, None) == (short.max_uses, endless.expires_at, endless.max_uses)

    def test_half_a_use_is_none(self, broker):
        """Uses are counted in whole numbers."""
        with pytest.raises(ConfigError, match="max_uses"):
            broker.grant(mode="always", tool_id="t", scopes=["x"], max_uses=1.5)


class TestRevocation:
    def test_it_ends_what_is_older_than_the_secret(self, broker, canary):
        """An `always` grant for a scope without secrets ends with the first one."""
        broker.grant(mode="always", tool_id="t", scopes=["gh"])
        broker.put("later", canary(), scope="gh")
        assert can_lease(broker, "later")

        broker.revoke("later")
        broker.reauthorize("later")

        assert ["ended"] == [grant.status for grant in broker.grants()]
        assert not can_lease(broker, "later")

    def test_only_what_could_be_used_with_it(self, broker, canary):
        """Grants of others, for a user's own secret or for other scopes, stay."""
        for user in ("ada", "bob"):
            broker.put("mine", canary(), scope="gh", owner=user)
        for call in (ADA, BOB, CallIdentity(tenant="acme", user="ada")):
            broker.grant(mode="always", tool_id="t", scopes=["gh"], call=call)
        broker.grant(mode="always", tool_id="t", scopes=["x"], call=ADA)

        broker.revoke("mine", owner="ada")

        told = [(g.tenant, g.user, g.scopes, g.status) for g in broker.grants()]
        assert [
            ("default", "ada", ("gh",), "ended"),
            ("default", "bob", ("gh",), "active"),
            ("acme", "ada", ("gh",), "active"),
            ("default", "ada", ("x",), "active"),
        ] == told

    def test_rotation_keeps_always_of_that_scope(self, broker, canary):
        """Only what was given for the old version ends."""
        for mode in ("session", "always"):
            broker.grant(mode=mode, tool_id="t", scopes=["x"])

        broker.rotate("x", canary())

        assert ["ended", "active"] == [grant.status for grant in broker.grants()]


class TestMany:
    @pytest.mark.parametrize(
        "gone",
        [{"uses": 1}, {"expires_at": "2026-01-01T00:00:00+00:00"}],
        ids=["spent", "expired"],
    )
    def test_those_that_no_longer_count_are_not_read(
        self, broker, canary, monkeypatch, gone
    ):
        """Neither a lease nor anybody's rotation reads them one by one."""
        broker.put("other", canary(), tenant="acme")
        for _ in range(20):
            broker.grant(mode="always", tool_id="t", scopes=["x"], max_uses=1)
        with broker.catalog.transaction() as connection:
            connection.execute(update(schema.grants).values(**gone))
        living = broker.grant(mode="always", tool_id="t", scopes=["x"])
        read = []
        made = ledger_grants._grant
        monkeypatch.setattr(
            ledger_grants, "_grant", lambda row: read.append(made(row)) or read[-1]
        )

        assert can_lease(broker, "x")
        broker.rotate("other", canary(), tenant="acme")
        broker.rotate("x", canary())

        assert {living.grant_id} == {grant.grant_id for grant in read}
