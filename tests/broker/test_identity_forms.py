"""The forms in which it may be said who calls."""

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import ConfigError, SecretForbidden
from langchain_tyrum.handles import Principal


class TestWhatIdentityReturns:
    @pytest.mark.parametrize(
        "found",
        [
            CallIdentity(tenant="acme", user="ada"),
            CallIdentity("acme", "ada", "another-thread", "run-of-somebody"),
            Principal("acme", "ada"),
        ],
        ids=repr,
    )
    def test_tenant_and_user_are_taken(self, found):
        """Of an identity too; where the call happens is read from the config."""
        config = {"configurable": {"thread_id": "t-1"}, "run_id": "r-1"}
        with SecretBroker.in_memory(identity=lambda _: found) as broker:
            call = broker.identify(config)

        assert CallIdentity("acme", "ada", "t-1", "r-1") == call

    def test_a_claim_is_read_as_strictly(self):
        """What could not be a user's id is none in an identity either."""
        odd = CallIdentity(user="ada\n")
        with (
            SecretBroker.in_memory(identity=lambda _: odd) as broker,
            pytest.raises(SecretForbidden, match="control characters"),
        ):
            broker.identify({})

    def test_anything_else_is_refused(self):
        """The error names what may be returned."""
        with (
            SecretBroker.in_memory(identity=lambda _: 5) as broker,
            pytest.raises(ConfigError, match="CallIdentity"),
        ):
            broker.identify({})


class TestFieldsByPosition:
    def test_they_stand_in_the_order_of_the_design(self):
        """Tenant, user, thread, run, call, checkpoint namespace, task."""
        by_position = CallIdentity("a", "b", "c", "d", "e", "f", "g")

        assert by_position == CallIdentity(
            task_id="g",
            checkpoint_ns="f",
            tool_call_id="e",
            run_id="d",
            thread_id="c",
            user="b",
            tenant="a",
        )
