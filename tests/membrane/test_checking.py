"""What `protect` is given: a compiled graph, its own tools, and known secrets."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.tools import UserSecret, secret_tool

VALUE = "quiet-otter-7713-lamp-rail"


def tool_of(broker, secret="github/token"):
    @secret_tool(broker, token=secret)
    def create_issue(title: str, *, token: str) -> str:
        """Open an issue."""
        return f"{title} {token}"

    return create_issue


def graph_of(node):
    builder = StateGraph(MessagesState)
    builder.add_node("work", node)
    builder.add_edge(START, "work")
    return builder


def agent_of(tool, model):
    return create_agent(model, [tool])


@pytest.fixture
def broker():
    with SecretBroker.in_memory({"github/token": VALUE}) as made:
        yield made


@pytest.fixture
def other():
    with SecretBroker.in_memory({"github/token": VALUE[::-1]}) as made:
        yield made


@pytest.fixture(params=["tool node", "agent", "sub-graph", "sequence"])
def graph_with(request, scripted):
    """The ways in which a graph may hold a tool."""

    def make(tool):
        node = ToolNode([tool])
        if request.param == "agent":
            return create_agent(scripted(AIMessage("x")), [tool])
        if request.param == "sub-graph":
            return graph_of(graph_of(node).compile()).compile()
        if request.param == "sequence":
            return graph_of(node | (lambda result: result)).compile()
        return graph_of(node).compile()

    return make


class TestShape:
    def test_a_builder_is_to_be_compiled_first(self, broker):
        """A graph that is not compiled names `.compile()`."""
        with pytest.raises(ConfigError, match=r"call \.compile\(\) first"):
            protect(graph_of(lambda state: state), broker)

    def test_swapped_arguments_are_named(self, broker):
        """Broker first, graph second says that they are swapped."""
        graph = graph_of(lambda state: state).compile()
        with pytest.raises(ConfigError, match=r"swapped.*protect\(graph, broker\)"):
            protect(broker, graph)

    def test_what_is_no_graph_is_refused(self, broker, scripted):
        """Tools, models and classes are no graph; None is no broker."""
        for given in (tool_of(broker), scripted(AIMessage("x")), StateGraph, None):
            with pytest.raises(ConfigError, match=r"protect\(graph, broker\)"):
                protect(given, broker)
        graph = graph_of(lambda state: state).compile()
        with pytest.raises(ConfigError, match="no broker"):
            protect(graph, None)


class TestForeignTools:
    def test_a_tool_of_another_broker_is_refused(self, broker, other, graph_with):
        """The tool is named, and the mend is one broker for all."""
        with pytest.raises(ConfigError, match=r"'create_issue'.*one broker"):
            protect(graph_with(tool_of(other)), broker)
        guarded = protect(graph_with(tool_of(broker)), broker)
        assert protect(guarded, broker) is guarded

    def test_a_middleware_of_another_broker_is_refused(self, broker, other, scripted):
        """Its hooks are nodes of the agent, which tell whose it is."""
        for given, whose in ((other, "refused"), (broker, "taken")):
            middleware = [TyrumMiddleware(given)]
            graph = create_agent(
                scripted(AIMessage("x")), [tool_of(broker)], middleware=middleware
            )
            if whose == "taken":
                protect(graph, broker)
                continue
            with pytest.raises(ConfigError, match=r"TyrumMiddleware.*one broker"):
                protect(graph, broker)


class TestVerify:
    def test_a_misspelt_name_is_in_the_list(self, broker, graph_with):
        """The tool and the name that was meant are told, and all failures at once."""
        graph = graph_with(tool_of(broker, "github/tokn"))
        with pytest.raises(ConfigError) as caught:
            protect(graph, broker, verify=True)
        assert "1 of the declared secrets" in str(caught.value)
        assert "tool 'create_issue'" in str(caught.value)
        assert "did you mean 'github/token'?" in str(caught.value)
        protect(graph, broker)

    def test_a_guarded_graph_is_verified_too(self, broker, graph_with):
        """`verify` looks at the tools of a graph that is protected already."""
        guarded = protect(graph_with(tool_of(broker, "github/tokn")), broker)
        with pytest.raises(ConfigError, match="create_issue"):
            protect(guarded, broker, verify=True)

    def test_a_revoked_one_is_in_the_list(self, broker, graph_with):
        """A bound secret that could not be leased is a failure as well."""
        broker.revoke("github/token")
        with pytest.raises(ConfigError, match="revoked"):
            protect(graph_with(tool_of(broker)), broker, verify=True)

    def test_what_each_user_brings_is_not_looked_up(self, broker, graph_with):
        """Users' own secrets and names that another tenant has are no failure."""
        protect(graph_with(tool_of(broker, UserSecret("x"))), broker, verify=True)
        handle = broker.put("acme/token", f"{VALUE}-2", tenant="acme")
        for secret in ("acme/token", handle, "github/token"):
            protect(graph_with(tool_of(broker, secret)), broker, verify=True)
