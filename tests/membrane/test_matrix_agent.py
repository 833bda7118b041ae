"""Leaks of `create_agent` with `TyrumMiddleware`, under `protect`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware, dynamic_prompt
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, ToolException, tool
from langgraph.types import Command, interrupt

from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware

WAYS = ["stream", "stream_v2", "invoke", "events_v3"]
AWAYS = ["astream", "ainvoke", "aevents_v1", "aevents_v2", "aevents_v3", "alog"]
#: Ways that go through the code of another one.
ALIKE = {"stream_v2", "invoke", "ainvoke", "aevents_v1"}
GITHUB = "ghp_" + "Zx9" * 12


@dataclass
class Kit:
    lab: Any
    setup: Any
    scripted: Any
    middleware: list[Any]
    ran: list[Any]
    helpers: list[Any]


def call(name="look", **args):
    calls = [{"name": name, "args": args, "id": "call_1", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


def agent(kit, tools, *answers, middleware=(), **options):
    model = kit.scripted(*answers)
    graph = create_agent(
        model,
        tools,
        middleware=[*kit.middleware, *middleware],
        checkpointer=kit.lab.saver,
        store=kit.lab.store,
        **options,
    )
    return model, graph


def asked(kit, tools, *answers, text="please look", **options):
    """An agent that is asked to call its tool once, then answers."""
    setup = {
        key: options.pop(key) for key in ("config", "raises", "then") if key in options
    }
    model, graph = agent(kit, tools, *answers, **options)
    given = {"messages": [HumanMessage(text)]}
    return kit.setup(graph, given, model=model, **setup)


def lookup(kit, result):
    @tool
    def look(what: str = "") -> Any:
        """Look something up."""
        kit.ran.append(what)
        return result

    return look


def user_message(v, kit):
    return asked(kit, [lookup(kit, "ok")], AIMessage("fine"), text=f"see {v} there")


def system_prompt(v, kit):
    return asked(
        kit, [lookup(kit, "ok")], AIMessage("fine"), system_prompt=f"The key is {v}."
    )


def inner_prompt(v, kit):
    @dynamic_prompt
    def prompt(request):
        return f"The key is {v}."

    return asked(kit, [lookup(kit, "ok")], AIMessage("fine"), middleware=[prompt])


def tool_description(v, kit):
    look = lookup(kit, "ok")
    look.description = f"Looks with {v}."
    return asked(kit, [look], AIMessage("fine"))


def tool_result(v, kit):
    return asked(kit, [lookup(kit, f"found {v}")], call(what="x"), AIMessage("fine"))


def tool_dict_result(v, kit):
    result = {"deep": [{"token": v}]}
    return asked(kit, [lookup(kit, result)], call(what="x"), AIMessage("fine"))


def tool_argument(v, kit):
    return asked(kit, [lookup(kit, "ok")], call(what=f"use {v}"), AIMessage("fine"))


def tool_artifact(v, kit):
    @tool(response_format="content_and_artifact")
    def look(what: str) -> tuple[str, Any]:
        """Look something up."""
        kit.ran.append(what)
        return "done", {"raw": v}

    return asked(kit, [look], call(what="x"), AIMessage("fine"))


def tool_command(v, kit):
    @tool
    def look(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command:
        """Look something up."""
        kit.ran.append(1)
        message = ToolMessage(f"got {v}", tool_call_id=tool_call_id)
        return Command(update={"messages": [message]})

    return asked(kit, [look], call(), AIMessage("fine"))


def tool_exception(v, kit):
    @tool
    def look(what: str) -> str:
        """Look something up."""
        kit.ran.append(what)
        raise ConnectionError(f"401 for {v}")

    return asked(kit, [look], call(what="x"), AIMessage("x"), raises=ConnectionError)


def handled_tool_exception(v, kit):
    @tool
    def look(what: str) -> str:
        """Look something up."""
        kit.ran.append(what)
        raise ToolException(f"401 for {v}")

    look.handle_tool_error = True
    return asked(kit, [look], call(what="x"), AIMessage("fine"))


def retried_tool_exception(v, kit):
    @tool
    def look(what: str) -> str:
        """Look something up."""
        kit.ran.append(what)
        raise ConnectionError(f"401 for {v}")

    retry = ToolRetryMiddleware(max_retries=1, initial_delay=0.001, jitter=False)
    return asked(kit, [look], call(what="x"), AIMessage("fine"), middleware=[retry])


def tool_interrupt(v, kit):
    @tool
    def look(what: str) -> str:
        """Look something up."""
        kit.ran.append(what)
        return f"answer {interrupt({'show': v})}"

    return asked(
        kit, [look], call(what="x"), AIMessage("fine"), then=[Command(resume=f"r {v}")]
    )


def model_answer(v, kit):
    return asked(kit, [lookup(kit, "ok")], AIMessage(f"the password is {v}, keep it"))


def model_metadata(v, kit):
    answer = AIMessage("fine", response_metadata={"echo": v})
    answer.additional_kwargs["reasoning"] = f"hm {v}"
    return asked(kit, [lookup(kit, "ok")], answer)


def config_fields(v, kit):
    config = {
        "metadata": {"m": v},
        "tags": [v],
        "run_name": f"run {v}",
        "configurable": {"user_token": v},
    }
    return asked(kit, [lookup(kit, "ok")], AIMessage("fine"), config=config)


def sub_agent_in_a_tool(v, kit):
    helper_model = kit.scripted(call(what="deep"), AIMessage("done"))
    helper = {"agent": create_agent(helper_model, [lookup(kit, f"deep {v}")])}

    @tool
    def look(what: str) -> str:
        """Hand the task to a helper."""
        found = helper["agent"].invoke({"messages": [HumanMessage(what)]})
        kit.ran.append(found)
        return found["messages"][-1].text

    setup = asked(kit, [look], call(what="x"), AIMessage("fine"))
    setup.alive = lambda: len(helper_model.got) == 2
    kit.helpers.append(helper_model)
    return setup


SOURCES = [
    user_message,
    system_prompt,
    inner_prompt,
    tool_description,
    tool_result,
    tool_dict_result,
    tool_argument,
    tool_artifact,
    tool_command,
    tool_exception,
    handled_tool_exception,
    retried_tool_exception,
    tool_interrupt,
    model_answer,
    model_metadata,
    config_fields,
    sub_agent_in_a_tool,
]
#: A handle takes the value's place, or only the model would have shown it.
UNMARKED = {user_message}

#: Run in all ways.
BROAD = {tool_result, tool_exception, tool_interrupt, model_answer, config_fields}


@pytest.fixture
def kit(lab, setup_of, scripted):
    return Kit(lab, setup_of, scripted, [], [], [])


def cases(ways):
    """Every source in the ways that differ most; some in all ways."""
    return [
        pytest.param(source, way, id=f"{source.__name__}-{way}")
        for source in SOURCES
        for way in ways
        if way not in ALIKE or source in BROAD
    ]


def assert_clean(source, evidence, setup, value, kit, tell):
    assert [] == evidence.leaks(value)
    if setup.raises:
        assert isinstance(evidence.error, setup.raises), evidence.error
    else:
        assert evidence.error is None, evidence.error
        assert "fine" in evidence.sinks["state"] or source is model_answer
    assert setup.model.got
    assert setup.alive is None or setup.alive()
    assert value not in tell([kit.ran, [model.got for model in kit.helpers]])
    assert "t1" in evidence.sinks["wire"]
    assert "on_chat_model_start" in evidence.sinks["handler"]
    assert evidence.marked or source in UNMARKED


class TestProtected:
    @pytest.mark.parametrize(("source", "way"), cases(WAYS))
    def test_a_registered_value_leaks_nowhere(
        self, source, way, kit, drive, known, teller
    ):
        """A value without a shape, known to the broker, is in no sink."""
        broker, value = known
        kit.middleware.append(TyrumMiddleware(broker))
        with kit.lab.sync():
            setup = source(value, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = drive(kit.lab, setup, way)
        assert_clean(source, evidence, setup, value, kit, teller)

    @pytest.mark.parametrize(("source", "way"), cases(AWAYS))
    async def test_a_registered_value_leaks_nowhere_async(
        self, source, way, kit, adrive, known, teller
    ):
        """The same holds for the async ways to run an agent."""
        broker, value = known
        kit.middleware.append(TyrumMiddleware(broker))
        async with kit.lab.asynchronous():
            setup = source(value, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = await adrive(kit.lab, setup, way)
        assert_clean(source, evidence, setup, value, kit, teller)

    @pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.__name__)
    def test_a_known_shape_leaks_nowhere(self, source, kit, drive, known, teller):
        """A credential that nobody registered is told by its shape."""
        broker, _ = known
        kit.middleware.append(TyrumMiddleware(broker))
        with kit.lab.sync():
            setup = source(GITHUB, kit)
            setup.graph = protect(setup.graph, broker)
            evidence = drive(kit.lab, setup, "stream")
        assert_clean(source, evidence, setup, GITHUB, kit, teller)


class TestUnprotected:
    @pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.__name__)
    def test_each_source_leaks_without_the_membrane(self, source, kit, drive, canary):
        """The reader finds the value when nothing guards the agent."""
        value = canary()
        with kit.lab.sync():
            setup = source(value, kit)
            evidence = drive(kit.lab, setup, "stream")
        assert evidence.leaks(value)
