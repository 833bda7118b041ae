"""Who calls is read from one place, exactly, or it is nobody, or it is refused."""

from __future__ import annotations

from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_tyrum.broker import CallIdentity, SecretBroker, from_configurable
from langchain_tyrum.errors import ConfigError, SecretForbidden, TyrumError
from langchain_tyrum.handles import Principal
from langchain_tyrum.policy import SecretPolicy

VALUE = "quiet-otter-7713-lamp-rail"


def user_of(configurable, **config):
    """Who is calling, by a config."""
    return CallIdentity.from_config({"configurable": configurable, **config}).user


class Hostile:
    """Answers everything with an error, or with somebody's name."""

    def __init__(self, error=None):
        self.error = error

    def __getattr__(self, name):
        if name.startswith("_"):  # pytest asks for some
            raise AttributeError(name)
        if self.error:
            raise self.error
        return "ada"

    def __str__(self):
        return "ada"

    __repr__ = __str__


class ServerUser:
    """As `langgraph_api` hands it on: attributes and subscripts."""

    is_authenticated = True

    def __init__(self, identity, **more):
        self.__dict__.update(more, identity=identity)

    def __getitem__(self, name):
        return getattr(self, name)


class Sly(str):
    """A text that prints as another one."""

    __slots__ = ()

    def __str__(self):
        return "ada"

    def __eq__(self, other):
        return True

    __hash__ = str.__hash__


class TestWhatIsBelieved:
    @pytest.mark.parametrize(
        "user",
        [
            ServerUser("ada"),
            SimpleNamespace(identity="ada"),
            {"identity": "ada"},
            {"identity": "ada", "is_authenticated": True, "display_name": "bob"},
            "ada",
        ],
    )
    def test_the_servers_user(self, user):
        """The user that a server vouches for, in each shape in which servers do."""
        assert "ada" == user_of({"langgraph_auth_user": user})

    def test_the_servers_tenant(self):
        """A tenant comes with the user, from the same place."""
        user = {"identity": "ada", "tenant": "acme"}
        call = CallIdentity.from_config({"configurable": {"langgraph_auth_user": user}})

        assert ("acme", "ada") == (call.tenant, call.user)

    @pytest.mark.parametrize(
        "forged",
        [
            {"user_id": "ada"},
            {"user": "ada"},
            {"tenant": "acme", "owner": "ada", "principal": "ada"},
            {"tenant_id": "acme"},
            {"langgraph_auth_user_id": "ada"},
            {"langgraph_auth_permissions": ["*"], "langgraph_auth_user_id": "ada"},
            {"configurable": {"langgraph_auth_user": "ada"}},
            {"langgraph_auth_user": None, "context": {"langgraph_auth_user": "ada"}},
            {"Langgraph_Auth_User": "ada"},
            {"langgraph_auth_user ": "ada"},
            {"__pregel_runtime": {"langgraph_auth_user": "ada"}},
            {"metadata": {"langgraph_auth_user": "ada", "owner": "ada"}},
            {"run_id": "ada", "thread_id": "ada"},
        ],
    )
    def test_nothing_else_is(self, forged):
        """Whatever else a client writes into `configurable`, it stays nobody."""
        call = CallIdentity.from_config({"configurable": forged})

        assert ("default", None) == (call.tenant, call.user)

    @pytest.mark.parametrize("where", ["metadata", "context", "tags", "user"])
    def test_nothing_beside_configurable_is(self, where):
        """A user elsewhere in the config is not looked at."""
        assert user_of({}, **{where: {"langgraph_auth_user": "ada"}}) is None

    @pytest.mark.parametrize("config", [None, {}, [], "ada", {"configurable": "ada"}])
    def test_no_config_is_nobody(self, config):
        """A config of any other shape tells of nobody."""
        assert CallIdentity() == CallIdentity.from_config(config)

    @pytest.mark.parametrize(
        "user",
        [
            None,
            "",
            {},
            {"identity": None},
            {"identity": ""},
            {"display_name": "ada", "id": "ada", "user_id": "ada"},
            {"user": {"identity": "ada"}},
            {"identity": "ada", "is_authenticated": False},
            ServerUser("", is_authenticated=False),
            SimpleNamespace(name="ada"),
        ],
    )
    def test_nobody(self, user):
        """Without an identity, or unauthenticated, it is nobody."""
        assert user_of({"langgraph_auth_user": user}) is None

    @pytest.mark.parametrize(
        "user",
        [
            ["ada"],
            ("identity", "ada"),
            {"ada"},
            b"ada",
            3,
            True,
            {"identity": ["ada"]},
            {"identity": {"identity": "ada"}},
            {"identity": 3},
            {"identity": b"ada"},
            {"identity": Hostile()},
            {"identity": "ada\n"},
            {"identity": "ada\x00"},
            {"identity": "\ud800"},
            {"identity": "a" * 257},
            "a" * 100_000,
            "ada\x7f",
            {"identity": "ada", "tenant": ["acme"]},
            {"identity": "ada", "tenant": "ac\nme"},
            SimpleNamespace(identity=SimpleNamespace()),
            Hostile(RuntimeError(VALUE)),
            Hostile(NotImplementedError()),
            Hostile(RecursionError()),
        ],
    )
    def test_what_cannot_be_told_is_refused(self, user):
        """A user who is vouched for and cannot be told does not pass as a service."""
        with pytest.raises(SecretForbidden, match="cannot be told who is") as caught:
            user_of({"langgraph_auth_user": user})
        assert caught.value.__context__ is None
        assert len(str(caught.value)) < 300
        assert VALUE not in str(caught.value)

    def test_a_text_that_pretends(self):
        """A text is its characters, whatever it claims to print as."""
        assert "bob" == user_of({"langgraph_auth_user": {"identity": Sly("bob")}})

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.binary(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["identity", "tenant", "is_authenticated", "user"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=6,
        )
    )
    def test_any_shape(self, user):
        """It is one exact user, nobody, or a clean refusal; never another one."""
        config = {"configurable": {"langgraph_auth_user": user}}
        exact = user.get("identity") if isinstance(user, dict) else user
        try:
            found = CallIdentity.from_config(config).user
        except TyrumError:
            return
        assert found in (None, exact)
        assert found is None or type(found) is str


class TestThreads:
    @pytest.mark.parametrize(
        ("given_", "expected"),
        [
            ("t1", "t1"),
            (7, "7"),
            (UUID(int=7), str(UUID(int=7))),
            ("", None),
            (None, None),
        ],
    )
    def test_ids(self, given_, expected):
        """Text, whole numbers and UUIDs are ids."""
        config = {"configurable": {"thread_id": given_}}

        assert expected == CallIdentity.from_config(config).thread_id

    @pytest.mark.parametrize("thread", [["t1"], {"id": "t1"}, 1.5, True, Hostile()])
    def test_anything_else_is_refused(self, thread):
        """What is no id is no thread, so that no grant hangs on what it prints as."""
        with pytest.raises(ConfigError, match="thread_id is of type"):
            user_of({"thread_id": thread})


class TestSources:
    @pytest.mark.parametrize("user", [["ada"], {"id": "ada"}, 1.5, True, Hostile()])
    def test_from_configurable_reads_ids_only(self, user):
        """Even the door that trusts its caller takes nothing for its print."""
        source = from_configurable("user_id")

        with pytest.raises(SecretForbidden, match="user_id"):
            source({"configurable": {"user_id": user}})

    def test_from_configurable(self):
        """Text, whole numbers and UUIDs are users; nothing is nobody."""
        source = from_configurable("user_id", tenant_key="org")

        assert [
            Principal("default", "ada"),
            Principal("acme", "7"),
            Principal("default", None),
            Principal("default", None),
        ] == [
            source({"configurable": {"user_id": "ada"}}),
            source({"configurable": {"user_id": 7, "org": "acme"}}),
            source({"configurable": {"user_id": ""}}),
            source({}),
        ]

    @pytest.mark.parametrize("said", [["ada"], {"user": "ada"}, 3, Hostile()])
    def test_a_source_says_a_principal(self, said):
        """A source that returns something else is a mistake, not a user."""
        with pytest.raises(ConfigError, match="identity=… returned a"):
            CallIdentity.from_config({}, identity=lambda _: said)

    @pytest.mark.parametrize(
        "said", [Principal("acme", ["ada"]), Principal(3, "ada"), "a\nb", "x" * 999]
    )
    def test_a_source_says_one_user(self, said):
        """What a source returns is read as exactly as what a server does."""
        with pytest.raises(SecretForbidden):
            CallIdentity.from_config({}, identity=lambda _: said)

    def test_a_source_stands_in_the_servers_place(self):
        """With a source, the server's key is not looked at."""
        config = {"configurable": {"langgraph_auth_user": "ada", "user_id": "bob"}}

        call = CallIdentity.from_config(config, identity=from_configurable("user_id"))
        assert "bob" == call.user

    def test_an_empty_user_is_nobody(self):
        """Whoever makes an identity by hand makes no third kind of caller."""
        assert CallIdentity() == CallIdentity(user="")


class TestForgedRuns:
    FORGED = (
        {"user_id": "ada"},
        {"langgraph_auth_user_id": "ada"},
        {"owner": "ada", "tenant": "default"},
        {"thread_id": "t1"},
        {"thread_id": "t1", "user_id": "ada", "run_id": "r1"},
        {"langgraph_auth_user": {"identity": "bob"}, "user_id": "ada"},
        {"langgraph_auth_user": {"identity": "ada", "tenant": "acme"}},
        {"langgraph_auth_user": {"identity": "ADA"}},
        {"langgraph_auth_user": {"identity": "ada", "is_authenticated": False}},
    )

    @pytest.mark.parametrize("forged", FORGED)
    def test_gain_no_secret_and_no_grant(self, forged):
        """Neither another user's secret nor another user's grant is reached."""
        with SecretBroker.in_memory({"k": VALUE}) as broker:
            theirs = broker.put("mail", f"{VALUE}-2", owner="ada")
            broker.put("k", f"{VALUE}-3", tenant="acme")
            ada = CallIdentity(user="ada", thread_id="t1", run_id="r1")
            for scope in ("k", "mail"):
                broker.grant(mode="session", tool_id="t", scopes=[scope], call=ada)
            call = broker.identify({"configurable": forged})

            assert broker.usable_grant("t", ["k"], call=ada)
            assert broker.usable_grant("t", ["k"], call=call) is None
            with pytest.raises(SecretForbidden):
                broker.usable_grant("t", [theirs], call=call)
            with (
                pytest.raises(TyrumError),
                broker.lease("mail", tool_id="t", call=call),
            ):
                pass

    def test_the_honest_run_gets_both(self):
        """The same run with the server's word for it does."""
        with SecretBroker.in_memory(policy=SecretPolicy(allow=["*"])) as broker:
            broker.put("mail", VALUE, owner="ada")
            config = {"configurable": {"langgraph_auth_user": {"identity": "ada"}}}

            with broker.lease("mail", tool_id="t", call=broker.identify(config)) as v:
                assert VALUE == v.reveal()
