"""A graph is told when its user gave a credential."""

from __future__ import annotations

import pytest
from langchain.agents import AgentState, create_agent
from langchain_core.language_models import FakeListChatModel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from langchain_tyrum import SecretBroker, TyrumMiddleware, protect
from langchain_tyrum.intake import FLAG, CredentialState

PASTED = "my password is 'Kestrel-2024-kq7'"
CONFIG = {"configurable": {"thread_id": "1", "langgraph_auth_user": {"identity": "u"}}}


class Declaring(MessagesState, CredentialState):
    """A state that routes on it."""


class DeclaringAgent(AgentState, CredentialState):
    """The same for an agent."""


@pytest.fixture
def broker():
    with SecretBroker.in_memory() as broker:
        yield broker


@pytest.fixture(params=["sync", "async"])
def run(request):
    async def run(graph, given):
        if request.param == "sync":
            return graph.invoke(given, CONFIG)
        return await graph.ainvoke(given, CONFIG)

    return run


def graph_of(state, node):
    builder = StateGraph(state)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=InMemorySaver())


class TestProtected:
    async def test_state_that_declares_it_is_told(self, broker, run):
        """A state that declares the flag gets it, and the node routes on it."""
        seen = []
        graph = protect(graph_of(Declaring, lambda s: seen.append(s[FLAG])), broker)

        result = await run(graph, {"messages": [("user", PASTED)]})

        assert [True] == seen
        assert result[FLAG] is True
        assert "Kestrel" not in str(result)

    async def test_other_states_are_left_alone(self, broker, run):
        """A state without the flag runs as ever, and words without one set none."""
        plain = protect(graph_of(MessagesState, lambda s: {}), broker)
        told = protect(graph_of(Declaring, lambda s: {}), broker)

        assert FLAG not in await run(plain, {"messages": [("user", PASTED)]})
        assert FLAG not in await run(told, {"messages": [("user", "hello")]})

    @pytest.mark.parametrize("update", [None, {"messages": []}, [("messages", [])]])
    async def test_answers_are_told_too(self, broker, run, update):
        """A credential in an answer to an interrupt sets it as well."""
        graph = protect(
            graph_of(Declaring, lambda s: {"messages": [("ai", interrupt("?"))]}),
            broker,
        )
        await run(graph, {"messages": [("user", "hello")]})

        result = await run(graph, Command(resume=PASTED, update=update))

        assert result[FLAG] is True
        assert "tyrum://" in result["messages"][-1].text


class TestMiddleware:
    async def test_agent_is_told(self, broker, run):
        """An agent without `protect` learns it from the middleware."""
        agent = create_agent(
            FakeListChatModel(responses=["thanks"]),
            middleware=[TyrumMiddleware(broker)],
            state_schema=DeclaringAgent,
        )

        assert (await run(agent, {"messages": [("user", PASTED)]}))[FLAG] is True
        assert FLAG not in await run(agent, {"messages": [("user", "hello")]})

    async def test_agent_that_does_not_ask_is_not_told(self, broker, run):
        """An agent whose state does not declare the flag never gets it."""
        agent = create_agent(
            FakeListChatModel(responses=["thanks"]),
            middleware=[TyrumMiddleware(broker)],
        )

        result = await run(agent, {"messages": [("user", PASTED)]})

        assert FLAG not in result
        assert "tyrum://" in result["messages"][0].text
