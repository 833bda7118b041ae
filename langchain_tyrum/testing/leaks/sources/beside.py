"""Rows: LangChain's own middleware beside ours, in both orders. Needs `langchain`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
)
from langchain_core.messages import HumanMessage
from langgraph.types import Command

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.agents import DONE, TOOL, call, looking
from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Callable


def _agent(make: Callable[[Kit], Any], order: str, kit: Kit) -> Case:
    """An agent whose user, model and tool all say the value."""
    both = [make(kit), *kit.middleware]
    graph: Any = create_agent(
        kit.model(call(what=f"use {kit.text}"), DONE),
        [looking(kit, lambda _: f"found {kit.text}")],
        middleware=both if order == "before" else both[::-1],
        checkpointer=kit.saver,
        store=kit.store,
    )
    given = {"messages": [HumanMessage(f"see {kit.text} there")]}
    return Case(graph.with_config(recursion_limit=30), [given])


def _detecting(kit: Kit) -> Any:
    """A detector of the user's, which keeps what it is shown."""

    def detect(text: str) -> list[Any]:
        kit.see(text)
        return []

    return PIIMiddleware(
        "id",
        detector=detect,
        apply_to_input=True,
        apply_to_output=True,
        apply_to_tool_results=True,
    )


def _summing_up(kit: Kit) -> Any:
    """A model that is sent the history, and says the value too."""
    return SummarizationMiddleware(
        kit.model(DONE.model_copy(update={"content": f"they spoke of {kit.text}"})),
        trigger=("messages", 3),
        keep=("messages", 2),
    )


def _asking(order: str, kit: Kit) -> Case:
    case = _agent(lambda _: HumanInTheLoopMiddleware({TOOL: True}), order, kit)
    answer = {"decisions": [{"type": "reject", "message": f"not {kit.text}"}]}
    case.steps = [*case.steps, Command(resume=answer)]
    return case


_BUILDS: dict[str, Callable[[str, Kit], Case]] = {
    "PIIMiddleware": partial(_agent, _detecting),
    "SummarizationMiddleware": partial(_agent, _summing_up),
    "HumanInTheLoopMiddleware": _asking,
}

ROWS: tuple[Source, ...] = tuple(
    Source(f"{name} {order} ours", "beside ours", partial(build, order))
    for name, build in _BUILDS.items()
    for order in ("before", "after")
)
