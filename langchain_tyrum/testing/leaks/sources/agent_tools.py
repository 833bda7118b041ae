"""Rows: the tools of `create_agent`, and people who approve them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, ToolRetryMiddleware
from langchain.tools import ToolRuntime  # noqa: TC002 - langchain reads it
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field

from langchain_tyrum.testing.leaks.sources.agents import (
    DONE,
    TOOL,
    agent,
    call,
    looking,
)
from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.testing.leaks.runs import Case


def _raise(error: BaseException) -> Any:
    raise error


def _result(make: Callable[[str], Any], kit: Kit) -> Case:
    look = looking(kit, lambda _: make(kit.text))
    return agent(kit, [look], call(what="x"), DONE)


def _described(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    look.description = f"Looks with {kit.text}."
    return agent(kit, [look], call(what="x"), DONE)


def _defaulted(kit: Kit) -> Case:
    text = kit.text

    class Arguments(BaseModel):
        what: str = Field(default=text, description=f"not {text}")

    def look(what: str) -> str:
        return f"ok {what}"

    made = StructuredTool.from_function(
        look, name=TOOL, description="Looks.", args_schema=Arguments
    )
    return agent(kit, [made], call(), DONE)


def _tool_metadata(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    look.metadata, look.tags = {"owner": kit.text}, [kit.text]
    return agent(kit, [look], call(what="x"), DONE)


def _argument(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    return agent(kit, [look], call(what=f"use {kit.text}"), DONE)


def _invalid_argument(kit: Kit) -> Case:
    @tool
    def look(count: int, what: str) -> str:
        """Look something up."""
        return f"{count} {what}"

    return agent(kit, [look], call(what=kit.text, count="many"), DONE)


def _unknown_tool(kit: Kit) -> Case:
    look = looking(kit, lambda _: "ok")
    return agent(kit, [look], call("other", what=kit.text), DONE)


def _artifact(kit: Kit) -> Case:
    @tool(response_format="content_and_artifact")
    def look(what: str) -> tuple[str, Any]:
        """Look something up."""
        kit.see(what)
        return "done", {"raw": kit.text, "bytes": kit.text.encode()}

    return agent(kit, [look], call(what="x"), DONE)


def _command(kit: Kit) -> Case:
    @tool
    def look(tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Look something up."""
        message = ToolMessage(f"got {kit.text}", tool_call_id=tool_call_id)
        return Command(update={"messages": [message]})

    return agent(kit, [look], call(), DONE)


def _runtime(kit: Kit) -> Case:
    @tool
    def look(what: str, runtime: ToolRuntime) -> str:
        """Look something up."""
        runtime.stream_writer({"progress": kit.text})
        store: Any = runtime.store
        store.put(("a",), "k", {"token": kit.text})
        kit.see(runtime.state)
        return f"ok {what}"

    return agent(kit, [look], call(what="x"), DONE)


def _pieces(error: type[BaseException] | None, kit: Kit) -> Case:
    @tool
    def look(what: str, runtime: ToolRuntime) -> str:
        """Look something up, and show it letter by letter."""
        kit.see(what)
        for letter in f"it is {kit.text}":
            runtime.emit_output_delta(letter)
        if error is not None:
            raise error("closed")
        return f"ok {what}"

    return agent(kit, [look], call(what="x"), DONE, raises=error)


def _error(kit: Kit) -> Case:
    look = looking(kit, lambda _: _raise(ConnectionError(f"401 for {kit.text}")))
    return agent(kit, [look], call(what="x"), DONE, raises=ConnectionError)


def _handled_error(kit: Kit) -> Case:
    look = looking(kit, lambda _: _raise(ToolException(f"401 for {kit.text}")))
    look.handle_tool_error = True
    return agent(kit, [look], call(what="x"), DONE)


def _retried_error(kit: Kit) -> Case:
    look = looking(kit, lambda _: _raise(ConnectionError(f"401 for {kit.text}")))
    retry = ToolRetryMiddleware(max_retries=1, initial_delay=0.001, jitter=False)
    return agent(kit, [look], call(what="x"), DONE, middleware=(retry,))


def _question(kit: Kit) -> Case:
    look = looking(kit, lambda _: f"answer {interrupt({'show': kit.text})}")
    case = agent(kit, [look], call(what="x"), DONE)
    case.steps = [*case.steps, Command(resume=f"r {kit.text}")]
    return case


def _approval(decision: Callable[[str], dict[str, Any]], kit: Kit) -> Case:
    look = looking(kit, lambda what: f"ok {what}")
    asks = HumanInTheLoopMiddleware({TOOL: True})
    asked = call(what=f"use {kit.text}")
    case = agent(kit, [look], asked, DONE, middleware=(asks,))
    answer = {"decisions": [decision(kit.text)]}
    case.steps = [*case.steps, Command(resume=answer)]
    return case


def _sub_agent(kit: Kit) -> Case:
    inner = kit.model(call(what="deep"), DONE)
    deep = looking(kit, lambda _: f"deep {kit.text}")
    helper: Any = create_agent(inner, [deep])

    def look(what: str) -> str:
        """Hand the task to a helper."""
        found = helper.invoke({"messages": [HumanMessage(what)]})
        kit.see(found)
        return str(found["messages"][-1].text)

    return agent(kit, [tool(look)], call(what="x"), DONE)


#: The ways that have the `tools` mode, for which alone a tool shows its output.
_TOOLS_MODE = ("stream", "stream v2", "astream")
_RESULTS: dict[str, Callable[[str], Any]] = {
    "result": lambda v: f"found {v}",
    "dict result": lambda v: {"deep": [{"token": v}]},
    "list result": lambda v: [{"type": "text", "text": v}],
    "key in a result": lambda v: {v: 1},
}

_TOOLS: dict[str, Callable[[Kit], Case]] = {
    "description": _described,
    "default of an argument": _defaulted,
    "metadata and tags": _tool_metadata,
    "argument": _argument,
    "invalid argument": _invalid_argument,
    "unknown tool": _unknown_tool,
    "artifact": _artifact,
    "Command": _command,
    "stream writer and store": _runtime,
    "error": _error,
    "ToolException, handled": _handled_error,
    "error, retried": _retried_error,
    "interrupt and resume": _question,
    "sub-agent": _sub_agent,
}

_DECISIONS: dict[str, Callable[[str], dict[str, Any]]] = {
    "approve": lambda _: {"type": "approve"},
    "reject": lambda v: {"type": "reject", "message": f"not {v}"},
    "edit": lambda v: {
        "type": "edit", "edited_action": {"name": TOOL, "args": {"what": v}},
    },
}  # fmt: skip

_PIECES: dict[str, type[BaseException] | None] = {
    "output in pieces": None,
    "output in pieces, then an error": ConnectionError,
}

ROWS: tuple[Source, ...] = (
    *(Source(name, "agent's tool", build) for name, build in _TOOLS.items()),
    *(
        Source(name, "agent's tool", partial(_result, make))
        for name, make in _RESULTS.items()
    ),
    *(
        Source(f"approval, {name}", "person", partial(_approval, decision))
        for name, decision in _DECISIONS.items()
    ),
    *(
        Source(name, "agent's tool", partial(_pieces, error), ways=_TOOLS_MODE)
        for name, error in _PIECES.items()
    ),
)
