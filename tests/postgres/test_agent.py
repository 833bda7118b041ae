"""One agent run whose catalog, values and checkpoints share a PostgreSQL server."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from pydantic import Field

from langchain_tyrum.approval import approve, decisions
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.tools import secret_tool

CANARY = "Zq7-mango+lamp/39"
POLICY = SecretPolicy(allow=["github/*"], require_approval=["bank/*"])


class Script(BaseChatModel):
    answers: list[Any]
    got: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "script"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.got.append(list(messages))
        answer = self.answers[len(self.got) - 1].model_copy()
        return ChatResult(generations=[ChatGeneration(message=answer)])


def forms(value: str) -> list[bytes]:
    """A value as it may stand in a table, without the package's own encodings."""
    raw = value.encode()
    found = [raw, raw[::-1], json.dumps(value)[1:-1].encode()]
    found += [quote(value, safe="").encode(), value.encode("utf-16-le")]
    for skip in range(3):
        coded = base64.b64encode(b"\0" * skip + raw)
        start, end = -(-8 * skip // 6), (8 * skip + 8 * len(raw)) // 6
        found += [coded[start:end]]
        found += [coded[start:end].translate(bytes.maketrans(b"+/", b"-_"))]
    # COPY shows bytes as hex, and doubles backslashes.
    return [*found, *[one.hex().encode() for one in found]]


def leaks(data: bytes) -> list[bytes]:
    low = data.lower()
    return [form for form in forms(CANARY) if form in data or form.lower() in low]


def call(name: str, number: int, **args):
    calls = [{"name": name, "args": args, "id": f"call_{number}", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


@pytest.fixture
def setup(postgres):
    """A broker, its tools, and what happened in them."""
    broker = postgres.open(POLICY)
    broker.put("github/token", CANARY)
    broker.put("bank/pin", "other-canary-4711x", owner="ada")
    used = []

    def tools(broker=broker):
        @secret_tool(broker, token="github/token")
        def look(what: str, *, token: str) -> str:
            """Look something up."""
            used.append(token)
            return f"{what}: the token was {token}"

        @secret_tool(broker, pin="bank/pin")
        def pay(amount: int, *, pin: str) -> str:
            """Pay."""
            used.append(pin)
            return f"paid {amount} with {CANARY}"

        return [look, pay]

    return broker, tools, used


def script():
    return Script(
        answers=[
            call("look", 1, what="x"),
            call("pay", 2, amount=3),
            AIMessage(f"all done with {CANARY}"),
        ]
    )


CONFIG = {
    "configurable": {
        "thread_id": "thread-1",
        "langgraph_auth_user": {"identity": "ada"},
        "note": f"see {CANARY}",
    },
    "metadata": {"seen": CANARY, "deep": {"list": [f"a {CANARY} b"]}},
    "tags": [f"tag {CANARY}"],
}
ASKED = {"messages": [HumanMessage(f"use {CANARY} please")]}
YES = Command(resume=decisions(approve()))


def agent(broker, model, tools, saver):
    made = create_agent(
        model,
        tools,
        system_prompt=f"The key is {CANARY}.",
        middleware=[TyrumMiddleware(broker)],
        checkpointer=saver,
    )
    return protect(made, broker)


def alive(broker, used, result, model, data):
    """The run did all that it should have, and left its traces."""
    assert [CANARY, "other-canary-4711x"] == used
    assert 3 == len(model.got)
    assert "all done" in result["messages"][-1].text
    assert b"thread-1" in data
    assert b"[REDACTED:github/token]" in data
    assert b"approval_asked" in data
    assert broker.audit.verify().ok


class TestOneServer:
    def test_sync(self, setup, postgres, server):
        """No table of the server holds a value after a run with an approval."""
        broker, tools, used = setup
        model = script()
        with PostgresSaver.from_conn_string(server.address(postgres.name)) as saver:
            saver.setup()
            graph = agent(broker, model, tools(), saver)
            asked = graph.invoke(ASKED, CONFIG)
            assert asked["__interrupt__"]
            assert [CANARY] == used
            result = graph.invoke(YES, CONFIG)
            history = list(graph.get_state_history(CONFIG))

        data = server.dump(postgres.name)

        alive(broker, used, result, model, data)
        assert [] == leaks(data)
        assert CANARY not in str(history)
        assert b"other-canary-4711x" not in data

    async def test_async(self, setup, postgres, server):
        """The async saver keeps no value either."""
        broker, tools, used = setup
        model = script()
        address = server.address(postgres.name)
        async with AsyncPostgresSaver.from_conn_string(address) as saver:
            await saver.setup()
            graph = agent(broker, model, tools(), saver)
            asked = await graph.ainvoke(ASKED, CONFIG)
            assert asked["__interrupt__"]
            result = await graph.ainvoke(YES, CONFIG)

        data = server.dump(postgres.name)

        alive(broker, used, result, model, data)
        assert [] == leaks(data)

    def test_the_reader_sees_leaks(self, setup, postgres, server):
        """Without protection the same run leaves the value in the checkpoints."""
        with PostgresSaver.from_conn_string(server.address(postgres.name)) as saver:
            saver.setup()
            model = Script(answers=[AIMessage(f"all done with {CANARY}")])
            create_agent(model, [], checkpointer=saver).invoke(ASKED, CONFIG)

        found = leaks(server.dump(postgres.name))

        assert CANARY.encode() in found
        assert CANARY.encode().hex().encode() in found

    def test_another_process_resumes(self, setup, postgres, server):
        """A broker that was opened anew resumes what waits for an answer."""
        broker, tools, used = setup
        model = script()
        address = server.address(postgres.name)
        with PostgresSaver.from_conn_string(address) as saver:
            saver.setup()
            agent(broker, model, tools(), saver).invoke(ASKED, CONFIG)
        later = postgres.open(POLICY)
        with PostgresSaver.from_conn_string(address) as saver:
            result = agent(later, model, tools(later), saver).invoke(YES, CONFIG)

        data = server.dump(postgres.name)
        alive(later, used, result, model, data)
        assert [] == leaks(data)
