"""Rows: `create_agent`, its tools, model and middleware. Needs `langchain`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    dynamic_prompt,
)
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Callable

TOOL = "look"


def call(name: str = TOOL, **args: Any) -> AIMessage:
    """A model's answer that calls a tool."""
    calls = [{"name": name, "args": args, "id": "call_1", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


DONE = AIMessage("fine")


def agent(
    kit: Kit,
    tools: list[Any],
    *answers: Any,
    text: str = "please look",
    middleware: tuple[Any, ...] = (),
    raises: type[BaseException] | None = None,
    **options: Any,
) -> Case:
    """An agent that is asked once."""
    graph: Any = create_agent(
        kit.model(*answers),
        tools,
        middleware=[*kit.middleware, *middleware],
        checkpointer=kit.saver,
        store=kit.store,
        **options,
    )
    given = {"messages": [HumanMessage(text)]}
    # Whatever a model says, a row comes to an end.
    graph = graph.with_config(recursion_limit=30)
    return Case(graph, [given], raises=raises)


def looking(kit: Kit, act: Callable[[str], Any]) -> Any:
    """The tool of most rows: it keeps what it is given, and acts."""

    @tool
    def look(what: str = "") -> Any:
        """Look something up."""
        kit.see(what)
        return act(what)

    return look


def _answer(make: Callable[[str], AIMessage], kit: Kit) -> Case:
    return agent(kit, [looking(kit, lambda _: "ok")], make(kit.text), DONE)


def _user(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    return agent(kit, [look], DONE, text=f"see {kit.text} there")


def _system(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    return agent(kit, [look], DONE, system_prompt=f"The key is {kit.text}.")


def _dynamic(kit: Kit) -> Case:
    @dynamic_prompt
    def prompt(_: Any) -> str:
        return f"The key is {kit.text}."

    return agent(kit, [looking(kit, lambda _: "ok")], DONE, middleware=(prompt,))


def _structured(kit: Kit) -> Case:
    class Answer(BaseModel):
        note: str

    answer = call("Answer", note=f"it is {kit.text}")
    return agent(kit, [], answer, response_format=Answer)


class _Hooks(AgentMiddleware[Any, Any, Any]):
    """Middleware whose hooks put the value into the state."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def before_model(self, state: Any, runtime: Any) -> Any:
        """Say it to the model."""
        del state, runtime
        return {"messages": [HumanMessage(f"hint {self.text}")]}

    def after_agent(self, state: Any, runtime: Any) -> Any:
        """Say it to the caller."""
        del state, runtime
        return {"messages": [AIMessage(f"bye {self.text}")]}


def _hooked(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    return agent(kit, [look], DONE, middleware=(_Hooks(kit.text),))


def _agent_node(kit: Kit) -> Case:
    look = looking(kit, lambda _: f"deep {kit.text}")
    inner: Any = create_agent(
        kit.model(call(what="deep"), DONE), [look], middleware=kit.middleware
    )
    return Case(kit.flow(inner), [{"messages": [HumanMessage("go")]}])


_ANSWERS: dict[str, Callable[[str], AIMessage]] = {
    "text": lambda v: AIMessage(f"the password is {v}, keep it"),
    "content blocks": lambda v: AIMessage([{"type": "text", "text": f"it is {v}"}]),
    "additional_kwargs": lambda v: AIMessage("ok", additional_kwargs={"echo": v}),
    "response_metadata": lambda v: AIMessage("ok", response_metadata={"echo": v}),
    "name": lambda v: AIMessage("ok", name=f"bot {v}"),
    "invalid tool call": lambda v: AIMessage(
        "ok",
        invalid_tool_calls=[{"name": TOOL, "args": f"what={v}", "id": "c",
                             "error": None}],
    ),
}  # fmt: skip
_AGENTS: dict[str, Callable[[Kit], Case]] = {
    "user message": _user,
    "system prompt": _system,
    "dynamic prompt": _dynamic,
    "structured response": _structured,
    "hooks of a middleware": _hooked,
    "agent as a node": _agent_node,
}

ROWS: tuple[Source, ...] = (
    *(Source(name, "agent", build) for name, build in _AGENTS.items()),
    *(
        Source(name, "agent's model", partial(_answer, make))
        for name, make in _ANSWERS.items()
    ),
)
