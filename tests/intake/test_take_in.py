"""Credentials in what a user writes become handles before anything is stored."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    convert_to_messages,
)
from langgraph.types import Command
from pydantic import BaseModel

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.errors import ProviderError
from langchain_tyrum.handles import HANDLE_TEXT, SecretHandle
from langchain_tyrum.intake import atake_in, take_in

PAT = "ghp_" + "a1B2c3D4e5F6" * 3
SECOND_PAT = "ghp_" + "Z9y8X7w6V5u4" * 3
ANN = CallIdentity(tenant="acme", user="ann")
BOB = CallIdentity(tenant="acme", user="bob")
NOBODY = CallIdentity(tenant="acme", user=None)


class PydanticState(BaseModel):
    messages: list[Any]


@dataclass
class DataState:
    messages: list[Any] = field(default_factory=list)


@pytest.fixture
def broker():
    with SecretBroker.in_memory({"svc": "service value 991"}) as made:
        yield made


@pytest.fixture(params=["sync", "async"])
def taking(request):
    """Both ways to call the intake, behind one awaitable."""

    async def sync(*args, **named):
        return take_in(*args, **named)

    return sync if request.param == "sync" else atake_in


def _stored(broker, call, name, tool="t"):
    """Read a value back, the only way there is: through a lease."""
    record = broker.describe(name, tenant=call.tenant, owner=call.user)
    broker.grant(mode="always", tool_id=tool, scopes=[record.scope], call=call)
    with broker.lease(record, tool_id=tool, call=call) as value:
        return value.reveal()


TEXT = f"use {PAT} please"

FORMS = {
    "message": lambda t: {"messages": [HumanMessage(t)]},
    "one message": lambda t: {"messages": HumanMessage(t)},
    "user dict": lambda t: {"messages": [{"role": "user", "content": t}]},
    "human dict": lambda t: {"messages": [{"type": "human", "content": t}]},
    "user pair": lambda t: {"messages": [("user", t)]},
    "human pair": lambda t: {"messages": [["human", t]]},
    "one pair": lambda t: {"messages": ("user", t)},
    "bare string": lambda t: {"messages": [t]},
    "only a string": lambda t: {"messages": t},
    "text block": lambda t: {"messages": [HumanMessage([{"type": "text", "text": t}])]},
    "text block in dict": lambda t: {
        "messages": [{"role": "user", "content": [{"type": "text", "text": t}]}]
    },
    "string block": lambda t: {"messages": [HumanMessage([t])]},
    "chat message": lambda t: {"messages": [ChatMessage(t, role="user")]},
    "message list": lambda t: [HumanMessage(t)],
    "pair list": lambda t: [("user", t)],
    "plain text": lambda t: t,
    "pydantic state": lambda t: PydanticState(messages=[HumanMessage(t)]),
    "dataclass state": lambda t: DataState([HumanMessage(t)]),
    "command update": lambda t: Command(update={"messages": [HumanMessage(t)]}),
    "command pairs": lambda t: Command(update=[("messages", [("user", t)])]),
    "command resume": lambda t: Command(resume=t),
    "command answers": lambda t: Command(
        resume={"decisions": [{"type": "respond", "message": t}]}
    ),
    "command resumed by message": lambda t: Command(resume=[HumanMessage(t)]),
}


class TestForms:
    """Every form in which a person's words can come in."""

    @pytest.mark.parametrize("form", FORMS)
    async def test_is_replaced(self, form, broker, taking):
        """A pasted credential is stored, and its handle stands in its place."""
        given = FORMS[form](TEXT)
        before = copy.deepcopy(given)

        taken = await taking(broker, given, ANN)

        handle = str(broker.describe("github-pat", tenant="acme", owner="ann"))
        assert FORMS[form](f"use {handle} please") == taken
        assert before == given
        assert PAT == _stored(broker, ANN, "github-pat")

    @pytest.mark.parametrize("form", FORMS)
    async def test_clean_input_is_the_same_object(self, form, broker, taking):
        """An input without credentials is returned as it is."""
        given = FORMS[form]("my password is not working")

        assert given is await taking(broker, given, ANN)

    async def test_langchain_reads_the_result(self, broker, taking):
        """What comes out is still a list that LangChain takes for messages."""
        given = [("user", TEXT), {"role": "user", "content": TEXT}, HumanMessage(TEXT)]

        taken = await taking(broker, given, ANN)

        for message in convert_to_messages(taken):
            assert isinstance(message, HumanMessage)
            assert HANDLE_TEXT.search(message.content)
            assert PAT not in message.content

    async def test_other_roles_stay(self, broker, taking):
        """Only a person's words are theirs: other roles are not touched."""
        given = {
            "messages": [
                SystemMessage(TEXT),
                AIMessage(TEXT),
                ("assistant", TEXT),
                {"role": "system", "content": TEXT},
            ],
            "note": TEXT,
        }

        assert given is await taking(broker, given, ANN)

    async def test_rest_of_the_message_stays(self, broker, taking):
        """Id, name and other blocks of a message are kept."""
        image = {"type": "image_url", "image_url": {"url": "data:,x"}}
        given = HumanMessage(
            [{"type": "text", "text": TEXT}, image], id="m1", name="ann"
        )

        (taken,) = (await taking(broker, {"messages": [given]}, ANN))["messages"]

        assert ("m1", "ann", image) == (taken.id, taken.name, taken.content[1])


class TestStoring:
    """What goes into the side-store."""

    async def test_said_password(self, broker, taking):
        """A password that is said is stored as `password`."""
        taken = await taking(broker, "my password is hunter2-Xk9q", ANN)

        assert "hunter2-Xk9q" not in taken
        assert "hunter2-Xk9q" == _stored(broker, ANN, "password")

    async def test_two_kinds(self, broker, taking):
        """Each kind gets its own handle, in its own place."""
        taken = await taking(broker, f"{PAT} and password: hunter2-Xk9q", ANN)

        names = ("github-pat", "password")
        pat, password = (broker.describe(n, tenant="acme", owner="ann") for n in names)
        assert f"{pat} and password: {password}" == taken

    async def test_two_of_a_kind(self, broker, taking):
        """Different values of one kind in one input are kept apart, and numbered."""
        words = "password: hunter2-Xk9q, other password: zebra-8842-Qq"
        texts = [words, f"{words}, third password: kestrel-9931-Xy"]
        taken = await taking(broker, {"messages": texts}, ANN)

        values = ("hunter2-Xk9q", "zebra-8842-Qq", "kestrel-9931-Xy")
        names = ("password", "password-2", "password-3")
        for name, value in zip(names, values, strict=True):
            record = broker.describe(name, tenant="acme", owner="ann")
            assert 1 == record.version
            assert value == _stored(broker, ANN, name)
            assert value not in repr(taken)
            assert str(record) in taken["messages"][1]

    async def test_a_stored_one_beside_a_new_one(self, broker, taking):
        """A value that stands beside a stored one of its kind does not replace it."""
        await taking(broker, "password: hunter2-Xk9q", ANN)
        await taking(broker, "from hunter2-Xk9q to password: zebra-8842-Qq", ANN)

        assert "hunter2-Xk9q" == _stored(broker, ANN, "password")
        assert "zebra-8842-Qq" == _stored(broker, ANN, "password-2")

    async def test_two_of_a_kind_of_nobody(self, broker, taking):
        """What cannot be stored is marked by its kind, without a number."""
        words = "password: hunter2-Xk9q, other password: zebra-8842-Qq"
        taken = await taking(broker, words, NOBODY)

        assert 2 == taken.count("[REDACTED:password]")

    async def test_second_of_a_kind_rotates(self, broker, taking):
        """A later credential of the same kind takes the place of the first."""
        first = await taking(broker, TEXT, ANN)
        second = await taking(broker, f"no, use {SECOND_PAT}", ANN)

        record = broker.describe("github-pat", tenant="acme", owner="ann")
        assert str(record) in first
        assert str(record) in second
        assert 2 == record.version
        assert SECOND_PAT == _stored(broker, ANN, "github-pat")

    async def test_same_value_again(self, broker, taking):
        """The same credential again is the same handle, and no new version."""
        first = await taking(broker, TEXT, ANN)
        second = await taking(broker, TEXT, ANN)

        assert first == second
        assert 1 == broker.describe("github-pat", tenant="acme", owner="ann").version

    async def test_own_registered_value(self, broker, taking):
        """A value the user owns already becomes its handle, whatever its shape."""
        handle = broker.put("bank", "plum wader 41 kite", tenant="acme", owner="ann")

        taken = await taking(broker, "it was plum wader 41 kite, no?", ANN)

        assert f"it was {handle}, no?" == taken

    async def test_service_value(self, broker, taking):
        """A service's value that the user pastes becomes a marker, never theirs."""
        broker.put("team", "brass owl 77 harbour", tenant="acme")

        taken = await taking(broker, "try brass owl 77 harbour", ANN)

        assert "try [REDACTED:team]" == taken

    async def test_two_users(self, broker, taking):
        """The same kind of two users is two secrets."""
        ann = await taking(broker, TEXT, ANN)
        bob = await taking(broker, f"use {SECOND_PAT} please", BOB)

        assert ann != bob
        assert PAT == _stored(broker, ANN, "github-pat")
        assert SECOND_PAT == _stored(broker, BOB, "github-pat")


class TestFailingClosed:
    """What cannot be stored does not stay either."""

    async def test_without_a_user(self, broker, taking):
        """Nobody's credential is not stored, and becomes a marker."""
        before = broker.handles(tenant="acme")

        taken = await taking(broker, {"messages": [("user", TEXT)]}, NOBODY, flag=True)

        assert {"messages": [("user", "use [REDACTED:github-pat] please")]} == taken
        assert before == broker.handles(tenant="acme")

    async def test_revoked_name(self, broker, taking):
        """Pasting does not un-revoke what was revoked."""
        await taking(broker, TEXT, ANN)
        broker.revoke("github-pat", tenant="acme", owner="ann")

        taken = await taking(broker, f"use {SECOND_PAT} please", ANN)

        assert "use [REDACTED:github-pat] please" == taken
        record = broker.describe("github-pat", tenant="acme", owner="ann")
        assert "revoked" == record.status

    async def test_failing_store(self, broker, monkeypatch, taking):
        """When the side-store fails the input is refused, without the value."""

        def broken(name, value, **named):
            raise RuntimeError(f"disk full while writing {value}")

        async def abroken(name, value, **named):
            broken(name, value)

        monkeypatch.setattr(broker, "put", broken)
        monkeypatch.setattr(broker, "aput", abroken)

        with pytest.raises(ProviderError) as refused:
            await taking(broker, TEXT, ANN)

        assert PAT not in str(refused.value) + repr(vars(refused.value))
        assert refused.value.__context__ is None

    async def test_no_log(self, broker, taking, caplog):
        """Nothing that is logged on the way holds the value."""
        caplog.set_level("DEBUG")

        await taking(broker, TEXT, ANN)

        assert PAT not in caplog.text


class TestFlag:
    """`user_credentials_available`."""

    async def test_is_set(self, broker, taking):
        """The flag is set when the state declares it and something was stored."""
        taken = await taking(broker, {"messages": [("user", TEXT)]}, ANN, flag=True)

        assert taken["user_credentials_available"] is True

    async def test_is_set_in_a_command(self, broker, taking):
        """In a command the flag goes into the update."""
        given = Command(update={"messages": [("user", TEXT)]})

        taken = await taking(broker, given, ANN, flag=True)

        assert taken.update["user_credentials_available"] is True

    async def test_is_not_set(self, broker, taking):
        """No flag where the state does not declare it, or nothing was stored."""
        plain = {"messages": [("user", "hello")]}

        assert plain is await taking(broker, plain, ANN, flag=True)
        taken = await taking(broker, {"messages": [("user", TEXT)]}, ANN)
        assert "user_credentials_available" not in taken

    async def test_handle_can_be_read_back(self, broker, taking):
        """What stands in the text parses as the handle of the stored secret."""
        taken = await taking(broker, TEXT, ANN)

        handle = SecretHandle.parse(HANDLE_TEXT.search(taken).group(0))
        assert "github-pat" == broker.describe(handle, tenant="acme").name
