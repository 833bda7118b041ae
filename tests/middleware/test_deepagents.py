"""deepagents' sub-agents: each spec gets the middleware of its own."""

from __future__ import annotations

import asyncio

import deepagents
import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware

CONFIG = {"configurable": {"thread_id": "1"}}
MARKER = "[REDACTED:db/password]"


def call(name, **args):
    calls = [{"name": name, "args": args, "id": "c1", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


@pytest.fixture
def deep(broker, value, model_of):
    """Builds a deep agent whose helper has a raw prompt and a raw tool."""

    @tool
    def look(what: str) -> str:
        """Look something up."""
        return f"{what}: {value}"

    def build(own, *, guarded):
        sub = model_of(call("look", what="door"), AIMessage("looked"))
        task = call("task", description="go", subagent_type="helper")
        spec = {
            "name": "helper",
            "description": "looks things up",
            "system_prompt": f"the key is {value}",
            "model": sub,
            "tools": [look],
            "middleware": [TyrumMiddleware(broker)] * own,
        }
        agent = deepagents.create_deep_agent(
            model_of(task, AIMessage("done")),
            middleware=[TyrumMiddleware(broker)],
            subagents=[spec],
            checkpointer=InMemorySaver(),
        )
        return (protect(agent, broker) if guarded else agent), sub

    return build


def run(agent, way):
    given = {"messages": [("user", "go")]}
    if way == "sync":
        return agent.invoke(given, CONFIG)
    return asyncio.run(agent.ainvoke(given, CONFIG))


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("guarded", [True, False])
class TestSubAgents:
    def test_with_the_middleware_in_its_spec_it_sees_nothing_raw(
        self, deep, value, way, guarded
    ):
        """A sub-agent with a middleware of its own gets markers, in prompt and tool."""
        agent, sub = deep(1, guarded=guarded)
        result = run(agent, way)
        system, *_, found = sub.got[-1]
        assert 2 == len(sub.got)
        assert MARKER in str(system.content)
        assert f"door: {MARKER}" == found.content
        assert value not in repr(sub.got)
        assert "done" == result["messages"][-1].content
        assert value not in repr(result)

    def test_without_it_the_prompt_of_its_spec_is_raw(self, deep, value, way, guarded):
        """What the docstrings warn of: the spec's prompt is not the main agent's."""
        agent, sub = deep(0, guarded=guarded)
        run(agent, way)
        system, *_, found = sub.got[-1]
        assert value in str(system.content)
        assert guarded is (value not in found.content)
