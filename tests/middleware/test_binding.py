"""`guarded` keys of an agent that has the middleware and no `protect`."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated
from weakref import WeakSet

import pytest
from langchain.agents import AgentState, create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import guarded, unbound


class State(AgentState):
    notes: Annotated[list[str], guarded(operator.add)]


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """A process in which nobody has guarded anything yet."""
    monkeypatch.setattr(unbound, "_middlewares", WeakSet())


@pytest.fixture
def value(canary):
    return canary()


@pytest.fixture
def broker(memory_broker, value):
    return memory_broker({"db/password": value})


@pytest.fixture
def agent(broker, model_of):
    return create_agent(
        model_of(AIMessage("done")),
        [],
        middleware=[TyrumMiddleware(broker)],
        state_schema=State,
        checkpointer=InMemorySaver(),
    )


def run(agent, notes, way="sync"):
    given = {"messages": [("user", "go")], "notes": notes}
    config = {"configurable": {"thread_id": "1"}}
    if way == "sync":
        return agent.invoke(given, config)
    return asyncio.run(agent.ainvoke(given, config))


@pytest.mark.parametrize("way", ["sync", "async"])
def test_the_only_broker_binds_the_key(agent, value, way):
    """With one broker in the process the key takes updates, and refuses its values."""
    assert ["fine"] == run(agent, ["fine"], way)["notes"]
    with pytest.raises(RawSecretFound, match="'notes'"):
        run(agent, [value], way)


def test_two_brokers_both_look(agent, broker, memory_broker, value):
    """Where it may mean either broker, the key refuses the values of both."""
    other = memory_broker({"db/password": "another-value-1"})
    second = TyrumMiddleware(other)

    assert second.broker is other
    assert ["fine"] == run(agent, ["fine"])["notes"]
    for raw in (value, "another-value-1"):
        with pytest.raises(RawSecretFound, match="'notes'"):
            run(agent, [raw])


def test_two_middlewares_of_one_broker_are_one(agent, broker, value):
    """Sub-agents have middlewares of their own, with the same broker."""
    TyrumMiddleware(broker)
    protect(agent, broker)
    with pytest.raises(RawSecretFound):
        run(agent, [value])


def test_without_a_middleware_nothing_binds_it(broker, model_of):
    """A broker that no middleware offers, or a redactor, binds no key by itself."""
    guarded(operator.add, Redactor())
    guarded(operator.add, broker)
    agent = create_agent(model_of(AIMessage("done")), [], state_schema=State)
    with pytest.raises(ConfigError, match="knows no redactor"):
        agent.invoke({"messages": [("user", "go")], "notes": ["fine"]})


def test_a_key_bound_in_one_run_is_not_bound_for_good(agent, memory_broker):
    """A second broker that comes later looks too, from the next run on."""
    assert ["fine"] == run(agent, ["fine"])["notes"]
    other = memory_broker({"db/password": "another-value-1"})
    second = TyrumMiddleware(other)

    with pytest.raises(RawSecretFound):
        run(agent, ["another-value-1"])
    assert second.broker is other


def test_a_middleware_that_is_gone_binds_nothing(broker, model_of):
    """An agent that is no more offers no broker to the keys of others."""
    create_agent(model_of(), [], middleware=[TyrumMiddleware(broker)])

    class Other(AgentState):
        notes: Annotated[list[str], guarded(operator.add)]

    agent = create_agent(model_of(AIMessage("done")), [], state_schema=Other)
    with pytest.raises(ConfigError, match="knows no redactor"):
        agent.invoke({"messages": [("user", "go")], "notes": ["fine"]})
