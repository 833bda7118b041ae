"""Storing, rotating, revoking and describing."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import (
    ConfigError,
    LeaseExpired,
    ProviderError,
    SecretExists,
    SecretExpired,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
    WeakSecret,
)
from langchain_tyrum.handles import SecretHandle
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import EnvProvider


@pytest.fixture
def broker(memory_broker):
    return memory_broker()


def value_of(broker, secret, **call) -> str:
    with broker.lease(secret, tool_id="t", call=CallIdentity(**call)) as value:
        return value.reveal()


class TestPut:
    def test_gives_a_handle_that_leases(self, broker, canary):
        """What is put under a name comes back through its handle."""
        raw = canary()

        handle = broker.put("github/token", raw, scope="github:write")

        assert ("github/token", "github:write") == (handle.name, handle.scope)
        assert raw == value_of(broker, handle)
        assert raw == value_of(broker, str(handle))
        assert raw == value_of(broker, "github/token")

    def test_same_value_again_changes_nothing(self, broker, canary):
        """Storing the same value again gives the same handle and version."""
        raw = canary()
        first = broker.put("k/1", raw)

        assert first == broker.put("k/1", raw)
        assert 1 == broker.describe("k/1").version

    def test_another_value_is_refused(self, broker, canary):
        """A name that holds another value is kept, and the mend is named."""
        raw = canary()
        broker.put("k/1", raw)

        with pytest.raises(SecretExists, match="rotate"):
            broker.put("k/1", canary())

        assert raw == value_of(broker, "k/1")

    def test_replace_rotates(self, broker, canary):
        """`replace=True` makes a new version under the same handle."""
        first = broker.put("k/1", canary())
        raw = canary()

        again = broker.put("k/1", raw, replace=True)

        assert (first, 2) == (again, broker.describe("k/1").version)
        assert raw == value_of(broker, first)

    def test_scope_defaults_to_the_name(self, broker, canary):
        """A secret without a scope is gated by its name."""
        assert "k/1" == broker.put("k/1", canary()).scope

    @pytest.mark.parametrize("weak", ["short", "1234567", ""])
    def test_refuses_what_cannot_be_guarded(self, broker, weak):
        """A value below eight characters is refused, and nothing is stored."""
        with pytest.raises(WeakSecret):
            broker.put("k/1", weak)

        assert [] == broker.handles()

    def test_short_values_can_be_admitted(self, broker):
        """`allow_short=True` stores a short value after all."""
        broker.put("pin/1", "4711x", allow_short=True)

        assert "4711x" == value_of(broker, "pin/1")

    @pytest.mark.parametrize("name", ["", "a b", "tyrum://x", "h_" + "a" * 22, "[x]"])
    def test_refuses_names_that_could_not_stand(self, broker, canary, name):
        """A name is no handle and has no blanks or brackets."""
        with pytest.raises(ConfigError):
            broker.put(name, canary())

    def test_refuses_a_name_that_holds_the_value(self, broker, canary):
        """Names are shown everywhere, so they cannot contain the value."""
        raw = canary()

        with pytest.raises(ConfigError) as caught:
            broker.put(f"key/{raw}", raw)

        assert raw not in str(caught.value)

    def test_refuses_a_credential_as_a_name(self, broker, canary):
        """A token given as the name is refused, and nowhere repeated."""
        token = "ghp_" + "aB3dE6gH9j" * 3 + "aB3dE6"
        raw = canary()
        broker.put("k/1", raw)

        for call in (
            lambda: broker.put(token, canary()),
            lambda: broker.put("k/2", canary(), scope=f"use:{raw}"),
            lambda: broker.reference("k/1", alias=raw, tools=["t"]),
            lambda: broker.reference("k/1", display_name=token, tools=["t"]),
        ):
            with pytest.raises(ConfigError) as caught:
                call()
            assert (False, False) == (
                token in str(caught.value),
                raw in str(caught.value),
            )
        assert ["k/1"] == [record.name for record in broker.records()]

    def test_read_only_providers_are_declared(self, allow_all, monkeypatch):
        """A value in the environment gets a handle and is read at each lease."""
        broker = SecretBroker(
            providers=[EnvProvider()], catalog="sqlite://", policy=allow_all
        )
        handle = broker.declare("gh/token", provider="env", ref="GH_TOKEN_X")
        with pytest.raises(SecretNotFound):
            value_of(broker, handle)

        monkeypatch.setenv("GH_TOKEN_X", "env-value-one")
        assert "env-value-one" == value_of(broker, handle)
        monkeypatch.setenv("GH_TOKEN_X", "env-value-two")
        assert "env-value-two" == value_of(broker, handle)
        assert (1, []) == (broker.arm(), broker.verify())
        with pytest.raises(ProviderError, match="read-only"):
            broker.rotate(handle, "env-value-three")
        with pytest.raises(ConfigError, match="can be written"):
            broker.put("other", "some-long-value")


class TestRotateAndRevoke:
    def test_rotation_keeps_the_handle(self, broker, canary):
        """The next lease of the same handle sees the new value."""
        handle = broker.put("k/1", canary())
        raw = canary()

        record = broker.rotate(handle, raw)

        assert (handle.handle_id, 2) == (record.handle_id, record.version)
        assert raw == value_of(broker, handle)

    def test_old_versions_stay_covered_until_purged(self, broker, canary):
        """The redactor hides an old value until its version is destroyed."""
        old, new = canary(), canary()
        broker.put("k/1", old)
        broker.rotate("k/1", new)
        assert "[REDACTED:k/1]" == broker.redactor.redact_text(old)

        assert 1 == broker.purge("k/1")

        assert old == broker.redactor.redact_text(old)
        assert "[REDACTED:k/1]" == broker.redactor.redact_text(new)

    def test_revocation_ends_open_leases(self, broker, canary):
        """A value in use becomes unreadable the moment it is revoked."""
        broker.put("k/1", canary())

        with broker.lease("k/1", tool_id="t") as value:
            broker.revoke("k/1", reason="left the team")
            with pytest.raises(LeaseExpired):
                value.reveal()

    def test_revoked_stays_revoked(self, broker, canary):
        """No lease, put or rotation brings a revoked secret back."""
        raw = canary()
        broker.put("k/1", raw)
        broker.revoke("k/1")

        with pytest.raises(SecretRevoked):
            value_of(broker, "k/1")
        with pytest.raises(SecretRevoked):
            broker.put("k/1", raw)
        with pytest.raises(SecretRevoked):
            broker.put("k/1", canary(), replace=True)
        with pytest.raises(SecretRevoked):
            broker.rotate("k/1", canary())
        assert [] == broker.handles()
        assert "revoked" == broker.describe("k/1").status

    def test_reauthorize_lifts_it(self, broker, canary):
        """An operator's reauthorization makes the handle work again."""
        handle = broker.put("k/1", canary())
        broker.revoke("k/1")
        raw = canary()

        broker.reauthorize("k/1", raw)

        assert raw == value_of(broker, handle)

    def test_a_weak_value_lifts_nothing(self, broker, canary):
        """A reauthorization with a value that is refused leaves it revoked."""
        broker.put("k/1", canary())
        broker.revoke("k/1")

        with pytest.raises(WeakSecret):
            broker.reauthorize("k/1", "short")

        assert "revoked" == broker.describe("k/1").status

    def test_rotation_refuses_what_cannot_be_guarded(self, broker, canary):
        """A short value is refused by `rotate` as by `put`, unless it is admitted."""
        raw = canary()
        broker.put("k/1", raw)
        with pytest.raises(WeakSecret):
            broker.rotate("k/1", "4711x")
        assert raw == value_of(broker, "k/1")

        broker.rotate("k/1", "4711x", allow_short=True)

        assert "4711x" == value_of(broker, "k/1")

    def test_expiry(self, broker, canary):
        """A secret past its expiry is refused."""
        yesterday = datetime.now(UTC) - timedelta(days=1)
        broker.put("k/1", canary(), expires_at=yesterday)

        with pytest.raises(SecretExpired):
            value_of(broker, "k/1")
        assert "expired" == broker.describe("k/1").status


class TestWhoMay:
    def test_only_the_owner(self, broker, canary):
        """A user's secret leases for that user and for nobody else."""
        raw = canary()
        handle = broker.put("password", raw, owner="alice")

        assert raw == value_of(broker, handle, user="alice")
        for call in ({"user": "bob"}, {}, {"user": "alice", "tenant": "other"}):
            with pytest.raises(SecretForbidden) as caught:
                value_of(broker, handle, **call)
            assert "password" not in str(caught.value)

    def test_two_users_may_use_one_name(self, broker, canary):
        """Each user's own secret of a name is found for that user."""
        hers, his = canary(), canary()
        broker.put("password", hers, owner="alice")
        broker.put("password", his, owner="bob")

        assert hers == value_of(broker, "password", user="alice")
        assert his == value_of(broker, "password", user="bob")
        with pytest.raises(SecretNotFound):
            value_of(broker, "password")

    def test_tenants_do_not_meet(self, broker, canary):
        """Another tenant's name is not found and its handle is forbidden."""
        handle = broker.put("k/1", canary(), tenant="acme")

        with pytest.raises(SecretNotFound):
            value_of(broker, "k/1")
        with pytest.raises(SecretForbidden):
            value_of(broker, handle)
        assert [] == broker.handles()

    def test_environment(self, canary, monkeypatch):
        """A production secret is not leased anywhere else."""
        monkeypatch.setenv("TYRUM_ENVIRONMENT", "development")
        broker = SecretBroker.in_memory(policy=SecretPolicy(allow=["*"]))
        broker.put("k/1", canary(), environment="production")

        with pytest.raises(SecretForbidden, match="production"):
            value_of(broker, "k/1")

    def test_forged_fields_change_nothing(self, memory_broker, canary):
        """Scope and provider of a handle are taken from the catalog alone."""
        broker = memory_broker(policy=SecretPolicy(allow=["weather:*"]))
        handle = broker.put("k/1", canary(), scope="prod:db")
        forged = SecretHandle(
            handle_id=handle.handle_id, name="w", provider="env", scope="weather:read"
        )

        with pytest.raises(SecretForbidden):
            value_of(broker, forged)

    def test_unknown(self, broker, canary):
        """An unknown name or handle is a clear error that tells the mend."""
        with pytest.raises(SecretNotFound, match="secret set"):
            value_of(broker, "nope")
        with pytest.raises(SecretNotFound):
            value_of(broker, "tyrum://h_" + "a" * 22)


class TestReferences:
    def test_models_choose_by_alias_for_listed_tools(self, broker, canary):
        """A reference resolves for its tools by id, alias and handle, for no other."""
        handle = broker.put("github/token", canary())
        reference = broker.reference(handle, alias="github", tools=["create_issue"])

        for selector in (reference.secret_ref_id, "github", "tyrum://github", handle):
            record = broker.resolve_reference(str(selector), tool_id="create_issue")
            assert handle.handle_id == record.handle_id
        with pytest.raises(SecretForbidden):
            broker.resolve_reference("github", tool_id="other")
        with pytest.raises(SecretNotFound):
            broker.resolve_reference("gitlab", tool_id="create_issue")

    def test_again_keeps_the_id(self, broker, canary):
        """Naming the same alias again replaces the tools and keeps the id."""
        handle = broker.put("github/token", canary())
        first = broker.reference(handle, alias="github", tools=["a"])

        second = broker.reference(handle, alias="github", tools=["b"])

        assert first.secret_ref_id == second.secret_ref_id
        assert [second] == broker.references()
        assert ([], [second]) == (broker.references("a"), broker.references("b"))

    def test_aliases_and_names_cannot_be_confused(self, broker, canary):
        """No alias equals another secret's name, no name an alias."""
        broker.put("one", canary())
        broker.put("two", canary())
        with pytest.raises(SecretExists):
            broker.reference("one", alias="two", tools=["t"])
        broker.reference("one", alias="uno", tools=["t"])

        with pytest.raises(SecretExists):
            broker.reference("two", alias="uno", tools=["t"])
        with pytest.raises(SecretExists):
            broker.put("uno", canary())

    @pytest.mark.parametrize("alias", ["", "a b", "x:y", "/a", "a//b"])
    def test_malformed_aliases(self, broker, canary, alias):
        """An alias stands after `tyrum://`, so it follows that grammar."""
        broker.put("one", canary())

        with pytest.raises(ConfigError):
            broker.reference("one", alias=alias, tools=["t"])


class TestObject:
    def test_is_its_own_copy(self, broker):
        """Tools that hold a broker stay copyable."""
        assert broker is copy.deepcopy(broker)
        assert broker is copy.copy(broker)

    def test_refuses_pickle(self, broker):
        """A broker does not travel by pickle."""
        with pytest.raises(TypeError, match="open it anew"):
            pickle.dumps(broker)

    def test_repr_shows_counts(self, broker, canary):
        """The repr names providers and counts leases; no name, no value."""
        raw = canary()
        broker.put("github/token", raw)

        with broker.lease("github/token", tool_id="t"):
            shown = repr(broker)

        assert (False, False) == (raw in shown, "github" in shown)
        assert "leases=1" in shown

    async def test_twins(self, memory_broker, canary):
        """Every public method has an async twin that does the same."""
        broker = memory_broker()
        raw, new = canary(), canary()
        handle = await broker.aput("k/1", raw)

        async with broker.alease(handle, tool_id="t") as value:
            assert raw == value.reveal()
        await broker.arotate(handle, new)
        assert 2 == (await broker.adescribe("k/1")).version
        assert "allow" == (await broker.adecide("t", ["k/1"])).outcome
        await broker.arevoke(handle)
        with pytest.raises(SecretRevoked):
            async with broker.alease(handle, tool_id="t"):
                pass

        public = {name for name in dir(broker) if not name.startswith("_")}
        plain = {"audit", "catalog", "policy", "redactor", "requests"}
        plain |= {"in_memory", "local", "from_config"}
        plain |= {"identify"}
        methods = {n for n in public - plain if callable(getattr(broker, n))}
        twins = {n for n in methods if n[0] == "a" and n[1:] in methods}
        assert set() == {n for n in methods - twins if f"a{n}" not in methods}


class TestLost:
    def test_a_rotation_that_lost_leaves_no_value(
        self, memory_broker, canary, monkeypatch
    ):
        """Revoked while its new value was stored: that value is destroyed again."""
        broker = memory_broker()
        handle = broker.put("k/1", canary())
        provider = broker._core.providers["memory"]
        put = type(provider).put

        def put_and_revoke(self, name, value, *, version=None):
            stored = put(self, name, value, version=version)
            broker.revoke(handle)
            return stored

        monkeypatch.setattr(type(provider), "put", put_and_revoke)
        with pytest.raises(SecretRevoked):
            broker.rotate(handle, canary())

        with broker.catalog.reading() as connection:
            ref = broker.catalog.by_id(connection, handle.handle_id).ref
        with pytest.raises(SecretNotFound):
            provider.get(ref, version=2)

    def test_a_rotation_that_was_overtaken_says_so(
        self, memory_broker, canary, monkeypatch
    ):
        """Of two rotations at once the later number wins, and the ledger names both."""
        broker = memory_broker()
        handle, newest = broker.put("k/1", canary()), canary()
        provider = broker._core.providers["memory"]
        put = type(provider).put

        def put_and_rotate(self, name, value, *, version=None):
            stored = put(self, name, value, version=version)
            monkeypatch.setattr(type(provider), "put", put)
            broker.rotate(handle, newest)
            return stored

        monkeypatch.setattr(type(provider), "put", put_and_rotate)

        assert 3 == broker.rotate(handle, canary()).version

        with broker.lease(handle, tool_id="t") as value:
            assert newest == value.reveal()
        rows = [row for row in broker.audit.tail(10) if row["action"] == "rotate"]
        assert [("ok", 3), ("superseded", 2)] == [
            (row["outcome"], row["version"]) for row in rows
        ]
