"""Arguments of a wrong kind: refused where they are passed, with the mend."""

import pytest

from langchain_tyrum.broker import CallIdentity, SecretBroker, from_configurable
from langchain_tyrum.errors import ConfigError, SecretExists, TyrumError
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import MemoryProvider

VALUE = "quiet-otter-7713-lamp-rail"


@pytest.fixture
def broker():
    secrets = {"github/token": VALUE, "db": f"{VALUE}-db"}
    with SecretBroker.in_memory(secrets, policy=SecretPolicy(allow=["*"])) as made:
        yield made


def leased(broker, **how):
    with broker.lease("github/token", **{"tool_id": "t", **how}) as value:
        return value.reveal()


async def aleased(broker, **how):
    async with broker.alease("github/token", **{"tool_id": "t", **how}) as value:
        return value.reveal()


class TestCalls:
    @pytest.mark.parametrize("call", ["ada", {"configurable": {}}, 5], ids=repr)
    async def test_a_call_is_an_identity(self, broker, call):
        """A config, or a user's id, is read by `identify` first; the error says so."""
        for wrong in (
            lambda: leased(broker, call=call),
            lambda: broker.decide("t", ["db"], call=call),
            lambda: broker.usable_grant("t", ["db"], call=call),
            lambda: broker.grant(mode="always", tool_id="t", scopes=["x"], call=call),
        ):
            with pytest.raises(ConfigError, match=r"call=broker\.identify\(config\)"):
                wrong()
        with pytest.raises(ConfigError, match=r"call=broker\.identify\(config\)"):
            await aleased(broker, call=call)
        assert "lease_intent" not in [row["action"] for row in broker.audit.tail(9)]

    @pytest.mark.parametrize("tool_id", ["", None, 5], ids=repr)
    async def test_a_consumer_has_a_name(self, broker, tool_id):
        """Nobody could allow, or find in the ledger, what is called nothing."""
        for wrong in (
            lambda: leased(broker, tool_id=tool_id),
            lambda: broker.decide(tool_id, ["db"]),
            lambda: broker.usable_grant(tool_id, ["db"]),
            lambda: broker.grant(mode="always", tool_id=tool_id, scopes=["x"]),
        ):
            with pytest.raises(ConfigError, match="the tool id"):
                wrong()
        with pytest.raises(ConfigError, match="the tool id"):
            await aleased(broker, tool_id=tool_id)
        assert [] == broker.grants()

    @pytest.mark.parametrize("scopes", [None, "x", [], [5], [""], {"x": 1}], ids=repr)
    def test_scopes_of_a_grant_are_texts(self, broker, scopes):
        """One text is no list of scopes, nor is a number a scope."""
        with pytest.raises(ConfigError, match="scopes"):
            broker.grant(mode="always", tool_id="t", scopes=scopes)
        assert [] == broker.grants()

    def test_tenant_and_user_are_texts(self):
        """Whoever calls is told by text, or is a service."""
        for wrong in ({"user": 5}, {"tenant": None}, {"tenant": 5}):
            with pytest.raises(ConfigError, match="CallIdentity"):
                CallIdentity(**wrong)
        for key in (5, "", None):
            with pytest.raises(ConfigError, match=r"from_configurable\('user_id'\)"):
                from_configurable(key)
        with pytest.raises(ConfigError, match="from_configurable"):
            from_configurable("user_id", tenant_key="")


class TestSeveral:
    def test_one_secret_needs_no_list(self, broker):
        """A name, a handle or a record alone is that one secret, not its letters."""
        handle = broker.describe("db").handle
        for one in ("db", handle, str(handle), broker.describe("db")):
            assert ("db",) == broker.decide("t", one).scopes
            assert broker.usable_grant("t", one) is None
            assert 1 == broker.arm(one)
        assert ("db", "github/token") == broker.decide(
            "t", ["github/token", "db"]
        ).scopes

    @pytest.mark.parametrize("secrets", [None, 5, b"db", {"x": "db"}], ids=repr)
    def test_what_is_no_list_of_them(self, broker, secrets):
        """The list is shown; a table, which `lease_all` takes, is none."""
        with pytest.raises(ConfigError, match=r"write \['github/token'\]"):
            broker.decide("t", secrets)
        if secrets is not None:  # which is all of them
            with pytest.raises(ConfigError, match=r"write \['github/token'\]"):
                broker.arm(secrets)


class TestStoring:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"owner": 5},
            {"owner": ""},
            {"scope": 5},
            {"scope": ""},
            {"environment": 5},
            {"tenant": None},
        ],
        ids=repr,
    )
    def test_details_are_texts(self, broker, wrong):
        """Refused before anything is stored, by whoever stores or declares."""
        for store in (
            lambda: broker.put("new", f"{VALUE}-new", **wrong),
            lambda: broker.declare("new", provider="memory", **wrong),
        ):
            with pytest.raises(ConfigError, match=next(iter(wrong))):
                store()
        assert {"db", "github/token"} == {one.name for one in broker.records()}

    @pytest.mark.parametrize("keep", [0, -1, "1", None, True, 1.5], ids=repr)
    def test_purge_keeps_one_version(self, broker, keep):
        """What is to be destroyed whole is revoked instead; that is said."""
        broker.rotate("db", f"{VALUE}-second")
        with pytest.raises(ConfigError, match="revoke the secret"):
            broker.purge("db", keep=keep)
        assert 1 == broker.purge("db", keep=1)

    @pytest.mark.parametrize("tools", [None, "t", [], [5], [""]], ids=repr)
    def test_tools_of_a_reference_are_texts(self, broker, tools):
        """A reference names the tools that may take it."""
        with pytest.raises(ConfigError, match=r"tools=\['create_issue'\]"):
            broker.reference("db", tools=tools)
        assert [] == broker.references()

    def test_an_alias_is_no_name_of_a_secret(self, broker):
        """Names, ids and aliases are unique against each other, its own name too."""
        made = broker.reference("db", alias="database", tools=["t"])
        for taken in ("db", "database", made.secret_ref_id):
            with pytest.raises(SecretExists):
                broker.reference("github/token", alias=taken, tools=["t"])
        with pytest.raises(SecretExists):
            broker.reference("db", alias="db", tools=["t"])
        assert [made] == broker.references()


class TestOpening:
    @pytest.mark.parametrize(
        ("wrong", "mend"),
        [
            ({"providers": "memory"}, r"providers=\[MemoryProvider\(\)\]"),
            ({"providers": [5]}, r"providers=\[MemoryProvider\(\)\]"),
            ({"providers": None}, r"providers=\[MemoryProvider\(\)\]"),
            ({"providers": {"a": "b"}}, r"providers=\[MemoryProvider\(\)\]"),
            ({"providers": MemoryProvider()}, r"providers=\[MemoryProvider\(\)\]"),
            ({"catalog": None}, "catalog='sqlite:///tyrum.db'"),
            ({"catalog": 5}, "catalog='sqlite:///tyrum.db'"),
            ({"audit_sinks": print}, "audit_sinks=\\["),
            ({"audit_sinks": [5]}, "audit_sinks=\\["),
            ({"audit_sinks": None}, "audit_sinks=\\["),
            ({"identity": "user_id"}, r"identity=from_configurable\('user_id'\)"),
            ({"environment": 5}, "environment='production'"),
        ],
        ids=repr,
    )
    def test_parts_of_a_wrong_kind(self, wrong, mend):
        """Each is refused at construction, and the right form is shown."""
        right = {"providers": [MemoryProvider()], "catalog": "sqlite://"}
        with pytest.raises(ConfigError, match=mend):
            SecretBroker(**{**right, **wrong})

    def test_a_path_is_a_path(self):
        """Something else in its place is named by its type."""
        with pytest.raises(ConfigError, match=r"SecretBroker\.local\('tyrum\.db'\)"):
            SecretBroker.local(5)


class TestTheLedger:
    @pytest.mark.parametrize("count", [-1, "x", None, True], ids=repr)
    def test_a_number_of_rows(self, broker, count):
        """Below zero SQLite would give all of them."""
        with pytest.raises(ConfigError, match=r"audit\.tail\(20\)"):
            broker.audit.tail(count)
        assert [] == broker.audit.tail(0)

    def test_verify_takes_a_head(self, broker):
        """What was noted earlier is a head, not its text."""
        head = broker.audit.head()
        for wrong in ("x", head.hash, {"seq": 1}):
            with pytest.raises(ConfigError, match=r"audit\.head\(\)"):
                broker.audit.verify(wrong)
        assert broker.audit.verify(head).ok

    def test_export_into_a_folder_that_is_not_there(self, broker, tmp_path):
        """The path and the reason are told, and nothing is left behind."""
        with pytest.raises(ConfigError, match="No such file") as caught:
            broker.audit.export(tmp_path / "no" / "rows.jsonl")

        assert isinstance(caught.value, TyrumError)
        assert caught.value.__context__ is None
        assert [] == list(tmp_path.iterdir())
