"""What newcomers write wrongly at first, refused where it is written."""

import pytest
from pydantic import SecretStr

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.policy import SecretPolicy

VALUE = "quiet-otter-7713-lamp-rail"


@pytest.fixture
def broker():
    with SecretBroker.in_memory({"github/token": VALUE}) as made:
        yield made


class TestValues:
    @pytest.mark.parametrize("value", [None, 73915, 4.5, ["a"], SecretStr(VALUE)])
    async def test_what_is_no_value_is_refused(self, broker, value):
        """The name and the question are told, the value never is; nothing changes."""
        for give in (
            lambda: broker.put("x", value),
            lambda: broker.rotate("github/token", value),
            lambda: SecretBroker.in_memory({"x": value}),
        ):
            with pytest.raises(ConfigError, match="is the variable set") as caught:
                give()
            assert "'x'" in str(caught.value) or "github" in str(caught.value)
            assert "73915" not in str(caught.value)
            assert VALUE not in str(caught.value)
        with pytest.raises(ConfigError, match="is the variable set"):
            await broker.aput("x", value)
        assert ["github/token"] == [one.name for one in broker.records()]
        assert 1 == broker.describe("github/token").version

    def test_reauthorize_without_a_value_stays(self, broker):
        """There None means the stored value; anything else is refused as well."""
        broker.revoke("github/token")
        with pytest.raises(ConfigError, match="is the variable set"):
            broker.reauthorize("github/token", 73915)
        assert "active" == broker.reauthorize("github/token", None).status

    def test_a_name_is_text(self, broker):
        """None and numbers are no names."""
        for name in (None, 3):
            with pytest.raises(ConfigError, match="name"):
                broker.put(name, VALUE)


class TestPolicies:
    @pytest.mark.parametrize(
        "policy",
        ["allow", "", ["*"], [None], {"allow": ["*"]}, {}, SecretPolicy, 3],
        ids=repr,
    )
    def test_what_is_no_policy_is_refused(self, policy, tmp_path):
        """At construction, with the mend, by every way to open a broker."""
        for opened in (SecretBroker.in_memory, SecretBroker.local):
            path = {"path": tmp_path} if opened == SecretBroker.local else {}
            with pytest.raises(ConfigError, match=r"policy=SecretPolicy\("):
                opened(policy=policy, **path)

    def test_a_policy_in_the_place_of_secrets_is_named(self):
        """`in_memory` takes secrets first."""
        for given in (SecretPolicy(allow=["*"]), "allow", [("x", VALUE)]):
            with pytest.raises(ConfigError, match="policy=SecretPolicy") as caught:
                SecretBroker.in_memory(given)
            assert VALUE not in str(caught.value)

    def test_layers_are_taken(self):
        """A list of policies stays a list of layers; so does none of them."""
        layers = [SecretPolicy(allow=["*"]), SecretPolicy(deny=["x"])]
        assert tuple(layers) == tuple(SecretBroker.in_memory(policy=layers).policy)
        assert () == tuple(SecretBroker.in_memory({}, policy=[]).policy)
