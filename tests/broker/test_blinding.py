"""The books: no value stands in them, and nobody blinds them by storing an id."""

from typing import Any

import pytest

from langchain_tyrum import SecretBroker, SecretPolicy
from langchain_tyrum.broker import CallIdentity
from langchain_tyrum.errors import ConfigError, SecretNotFound, WeakSecret

VALUE = "kq7realvalue0001"


@pytest.fixture
def broker() -> SecretBroker:
    return SecretBroker.in_memory(
        {"deploy/key": "kq7-service-value"}, policy=SecretPolicy(allow=["*"])
    )


def _row(broker: SecretBroker, **told: Any) -> Any:
    call = CallIdentity(user="eve-2024-x", **told)
    with broker.lease("deploy/key", tool_id="deploy_tool_1", call=call):
        pass
    return broker.audit.tail(1)[0]


class TestIds:
    @pytest.mark.parametrize("value", ["deploy_tool_1", "deploy/key", "eve-2024-x"])
    @pytest.mark.parametrize("tenant", ["default", "evil"])
    def test_who_did_what_stays(
        self, broker: SecretBroker, value: str, tenant: str
    ) -> None:
        """A user's value never hides an id, a tool or a name in the books."""
        broker.put("password", value, owner="mallory", tenant=tenant)
        row = _row(broker)
        told = row["user"], row["tool_id"], row["name"]
        assert ("eve-2024-x", "deploy_tool_1", "deploy/key") == told
        assert broker.audit.verify().ok

    def test_words_of_the_books_are_no_values(self, broker: SecretBroker) -> None:
        """Ids, the ledger's words and the owner's own ids are refused as values."""
        handle_id = broker.describe("deploy/key").handle_id
        for value in (handle_id, "lease_intent", "eve-2024-x", "tenant-7x"):
            with pytest.raises(WeakSecret):
                broker.put("p", value, owner="eve-2024-x", tenant="tenant-7x")
        with pytest.raises(WeakSecret):
            broker.rotate("deploy/key", "lease_intent")

    def test_others_values_leave_ids_of_calls(self, broker: SecretBroker) -> None:
        """What somebody else stored does not hide a thread id."""
        broker.put("password", "thread-77", owner="mallory")
        assert "thread-77" == _row(broker, thread_id="thread-77")["thread_id"]

    @pytest.mark.parametrize("owner", [None, "eve-2024-x"])
    def test_known_values_stay_out(
        self, broker: SecretBroker, owner: str | None
    ) -> None:
        """A service's value or the caller's own is taken out of ids of a call."""
        broker.put("password", VALUE, owner=owner)
        row = _row(broker, thread_id=VALUE, tool_call_id=VALUE, run_id=VALUE)
        assert VALUE not in str(row)
        broker.record("note", "ok", error=VALUE)
        assert VALUE not in str(broker.audit.tail(1))


class TestFreeText:
    def test_unarmed_broker(self, tmp_path: Any) -> None:
        """Free text is compared with what is stored, whoever stored it."""
        SecretBroker.local(tmp_path).put("x", VALUE)
        SecretBroker.local(tmp_path).record("note", "ok", error=f"saw {VALUE}")
        with pytest.raises(ConfigError):
            SecretBroker.local(tmp_path).put("y", "kq7-other-value", scope=VALUE)
        with pytest.raises(ConfigError):
            SecretBroker.local(tmp_path).reference(
                "x", tools=["t"], alias="bot", display_name=VALUE
            )
        SecretBroker.local(tmp_path).revoke("x", reason=f"{VALUE} was posted")
        rows = SecretBroker.local(tmp_path).audit.tail(20)
        assert "was posted" in str(rows)
        assert VALUE not in str(rows)


class TestValueInWrongPlace:
    @pytest.mark.parametrize("value", ["kq7-not-stored-0001", "aB3" * 30])
    def test_as_a_name(self, broker: SecretBroker, value: str) -> None:
        """A value leased by mistake stands in no error and in no row."""
        with pytest.raises(SecretNotFound) as caught:
            with broker.lease(value, tool_id="t"):
                pass
        assert value[:20] not in f"{caught.value} {vars(caught.value)}"
        assert value[:20] not in str(broker.audit.tail(1))

    @pytest.mark.parametrize("name", ["deploy/kee", "github/token", "slack2"])
    def test_a_slip_is_repeated(self, broker: SecretBroker, name: str) -> None:
        """What reads like a name, or is close to one, is repeated."""
        with pytest.raises(SecretNotFound, match=name):
            broker.describe(name)

    @pytest.mark.parametrize(
        "details",
        [
            {"scope": f"use:{VALUE}"},
            {"environment": VALUE},
            {"allowed_hosts": [VALUE]},
            {"owner": VALUE},
            {"tenant": VALUE},
        ],
    )
    def test_as_a_detail(self, broker: SecretBroker, details: Any) -> None:
        """A value is refused where it stands in what is said of it."""
        with pytest.raises((ConfigError, WeakSecret)) as caught:
            broker.put("q", VALUE, **details)
        assert VALUE not in str(caught.value)
        with pytest.raises(SecretNotFound):
            broker.describe("q")
