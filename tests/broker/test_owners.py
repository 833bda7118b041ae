"""Changing a secret of one owner while a service has one of the same name."""

from __future__ import annotations

import uuid

import pytest

from langchain_tyrum import SecretBroker, SecretPolicy
from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import ConfigError, SecretNotFound

VALUE = "kq7-real-value-0001"
NEW = "kq7-real-value-0002"
CHANGES = {
    "revoke": lambda broker, **who: broker.revoke("pw", **who),
    "rotate": lambda broker, **who: broker.rotate("pw", NEW, **who),
    "reauthorize": lambda broker, **who: broker.reauthorize("pw", NEW, **who),
    "purge": lambda broker, **who: broker.purge("pw", **who),
}


@pytest.fixture
def broker():
    return SecretBroker.in_memory(policy=SecretPolicy(allow=["*"]))


class TestChanges:
    @pytest.mark.parametrize("change", CHANGES)
    def test_the_owners_own_is_changed(self, broker, change):
        """An owner that is given means that owner's secret; the ledger says whose."""
        service = broker.put("pw", VALUE)
        adas = broker.put("pw", "kq7-adas-value-0001", owner="ada")
        before = broker.describe(service)
        CHANGES[change](broker, owner="ada")
        row = broker.audit.tail(1)[0]
        assert (change, "ada", adas.handle_id) == (
            row["action"],
            row["user"],
            row["handle_id"],
        )
        assert before == broker.describe(service)

    @pytest.mark.parametrize("change", CHANGES)
    def test_nobody_elses(self, broker, change):
        """Where the owner has none, a service's is not taken instead."""
        service = broker.put("pw", VALUE)
        with pytest.raises(SecretNotFound):
            CHANGES[change](broker, owner="ada")
        with pytest.raises(SecretNotFound):
            broker.revoke(service, owner="ada")
        assert "active" == broker.describe(service).status
        assert 1 == broker.describe(service).version

    def test_leases_take_the_services(self, broker):
        """A lease goes on to prefer the service's secret, as describe tells."""
        service = broker.put("pw", VALUE)
        broker.put("pw", "kq7-adas-value-0001", owner="ada")
        with broker.lease("pw", tool_id="t", call=CallIdentity(user="ada")) as value:
            assert VALUE == value.reveal()
        assert service.handle_id == broker.describe("pw", owner="ada").handle_id


class TestEmpty:
    def test_put(self, broker):
        """An empty owner is refused: who that is, store and redactor would differ."""
        with pytest.raises(ConfigError, match="owner is an empty text"):
            broker.put("pw", VALUE, owner="")
        assert [] == broker.records()

    @pytest.mark.parametrize("change", CHANGES)
    def test_changes(self, broker, change):
        """An empty owner changes nothing of a service's."""
        service = broker.put("pw", VALUE)
        with pytest.raises(ConfigError, match="owner is an empty text"):
            CHANGES[change](broker, owner="")
        assert 1 == broker.describe(service).version


class TestIds:
    def test_uuids_are_text(self, broker):
        """Ids of a call may be UUIDs, as LangChain has them, or whole numbers."""
        broker.put("pw", VALUE)
        run = uuid.uuid4()
        call = CallIdentity(run_id=run, thread_id=7)
        with broker.lease("pw", tool_id="t", call=call):
            pass
        row = broker.audit.tail(1)[0]
        assert (str(run), "7") == (row["run_id"], row["thread_id"])

    def test_other_types_are_refused(self):
        """An id of another type is refused by its name."""
        with pytest.raises(ConfigError, match="tool_call_id is of type bytes"):
            CallIdentity(tool_call_id=b"x")
