"""Putting a secret again on other terms, under long names, and purging it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from langchain_tyrum import SecretBroker, SecretPolicy
from langchain_tyrum.errors import (
    ConfigError,
    ProviderError,
    SecretExists,
    SecretForbidden,
    SecretNotFound,
)
from langchain_tyrum.providers import MemoryProvider

OLD, NEW = "kq7-real-value-0001", "kq7-real-value-0002"
NARROW = {"scope": "closed", "allowed_hosts": ("api.example",)}


@pytest.fixture
def broker():
    made = SecretBroker.in_memory(policy=SecretPolicy(allow=["open"], deny=["closed"]))
    made.put("x", OLD, scope="open")
    return made


class TestPutAgain:
    @pytest.mark.parametrize("value", [OLD, NEW])
    def test_replace_applies_the_terms(self, broker, value):
        """With replace the terms that are given hold, whichever the value is."""
        broker.put("x", value, replace=True, **NARROW)
        record = broker.describe("x")
        assert ("closed", ("api.example",)) == (record.scope, record.allowed_hosts)
        with pytest.raises(SecretForbidden), broker.lease("x", tool_id="t"):
            pass

    def test_the_ledger_tells(self, broker):
        """A change of terms alone leaves a row that says which."""
        broker.put("x", OLD, replace=True, **NARROW)
        row = broker.audit.tail(1)[0]
        assert ("put", "new scope, allowed_hosts") == (row["action"], row["outcome"])
        assert "closed" == row["scope"]

    def test_what_is_left_out_stays(self, broker):
        """Terms that are not given stay as they are."""
        broker.put("x", OLD, replace=True, allowed_hosts=("api.example",))
        broker.put("x", NEW, replace=True)
        record = broker.describe("x")
        assert ("open", ("api.example",)) == (record.scope, record.allowed_hosts)
        assert 2 == record.version

    @pytest.mark.parametrize(
        ("terms", "told"),
        [
            (NARROW, "scope and allowed_hosts"),
            ({"expires_at": datetime(2090, 1, 1, tzinfo=UTC)}, "expires_at"),
        ],
    )
    def test_without_replace_it_is_refused(self, broker, terms, told):
        """Other terms for the same value are refused by name, never dropped."""
        with pytest.raises(SecretExists, match=f"another {told}: pass replace=True"):
            broker.put("x", OLD, **terms)
        assert "open" == broker.describe("x").scope

    def test_the_same_again(self, broker):
        """The same value on the same terms changes nothing."""
        before = broker.describe("x")
        broker.put("x", OLD, scope="open")
        assert before == broker.describe("x")


class TestLongNames:
    @pytest.mark.parametrize("length", [120, 121, 256])
    def test_they_are_stored(self, length):
        """A name may be as long as promised, though no alias may."""
        broker = SecretBroker.in_memory()
        broker.put("a" * length, OLD)
        assert ["a" * length] == [record.name for record in broker.records()]

    @pytest.mark.parametrize("length", [120, 121, 300])
    def test_a_models_long_selector(self, length):
        """A selector that is longer than any alias names nothing, and says so."""
        with pytest.raises(SecretNotFound, match="no reference"):
            SecretBroker.in_memory().resolve_reference("a" * length, tool_id="t")

    @pytest.mark.parametrize("length", [32, 33, 120])
    def test_a_long_alias(self, broker, length):
        """An alias as long as promised is found."""
        broker.reference("x", alias="a" * length, tools=["t"])
        assert "x" == broker.resolve_reference("a" * length, tool_id="t").name


class TestPurge:
    @pytest.fixture
    def shared(self):
        """A production secret that has the old value of its generic namesake."""
        made = SecretBroker(
            providers={"memory": MemoryProvider()},
            catalog="sqlite://",
            environment="production",
            policy=SecretPolicy(allow=["*"]),
        )
        generic = made.put("db/pw", OLD)
        made.put("db/pw", OLD, environment="production")
        made.rotate(generic, NEW)
        return made, generic

    def test_a_namesakes_value_stays_covered(self, shared):
        """What another environment's secret of that name still has stays redacted."""
        broker, generic = shared
        assert 1 == broker.purge(generic)
        assert "x [REDACTED:db/pw]" == broker.redactor.redact_text(f"x {OLD}")

    def test_the_last_one_uncovers_it(self, shared):
        """Once no secret of that name has it, a value is redacted no more."""
        broker, generic = shared
        broker.purge(generic)
        broker.rotate("db/pw", "kq7-real-value-0003")
        broker.purge("db/pw")
        assert f"x {OLD}" == broker.redactor.redact_text(f"x {OLD}")

    def test_a_namesakes_lease_keeps_it_covered(self, shared):
        """A value that a namesake's lease holds stays redacted."""
        broker, generic = shared
        with broker.lease("db/pw", tool_id="t"):
            broker.rotate("db/pw", "kq7-real-value-0003")
            broker.purge("db/pw")
            broker.purge(generic)
            assert "x [REDACTED:db/pw]" == broker.redactor.redact_text(f"x {OLD}")

    def test_only_versions_that_exist_count(self, monkeypatch):
        """Numbers that failed rotations drew are not among those that are kept."""
        broker = SecretBroker.in_memory({"x": OLD})
        with monkeypatch.context() as patch:
            patch.setattr(MemoryProvider, "put", _fail)
            for _ in range(3):
                with pytest.raises(ProviderError):
                    broker.rotate("x", "kq7-real-value-000z")
        broker.rotate("x", NEW)
        assert 5 == broker.describe("x").version
        assert 0 == broker.purge("x", keep=2)
        assert 1 == broker.purge("x", keep=1)
        assert f"x {OLD}" == broker.redactor.redact_text(f"x {OLD}")


def _fail(*_, **__):
    raise RuntimeError


class TestHosts:
    @pytest.mark.parametrize(
        "hosts",
        [
            "api.github.com",
            ["https://api.github.com/x"],
            ["a b"],
            ["u@api.github.com"],
            [""],
            [7],
            7,
        ],
    )
    def test_what_is_no_host_is_refused(self, broker, hosts):
        """A secret bound to it could be sent nowhere, or to the wrong place."""
        for store in (
            lambda: broker.put("h", NEW, allowed_hosts=hosts),
            lambda: broker.declare("h", provider="memory", allowed_hosts=hosts),
        ):
            with pytest.raises(ConfigError, match=r"\['api\.github\.com'\]"):
                store()
        with pytest.raises(SecretNotFound):
            broker.describe("h")

    def test_a_port_is_fine(self, broker):
        """A host may have a port, and an address may be IPv6."""
        broker.put("h", NEW, allowed_hosts=["localhost:8080", "[::1]:443"])

        assert ("localhost:8080", "[::1]:443") == broker.describe("h").allowed_hosts
