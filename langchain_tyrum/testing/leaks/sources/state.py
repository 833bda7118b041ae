"""Rows: how a value is written into state, and what LangGraph stores of it."""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from langgraph.channels import EphemeralValue, UntrackedValue
from langgraph.channels.delta import DeltaChannel
from langgraph.config import get_store
from langgraph.types import CachePolicy, Command, Overwrite, Send
from typing_extensions import TypedDict

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.testing.leaks.runs import SKIP, Case
from langchain_tyrum.testing.leaks.sources.base import (
    Kit,
    Source,
    State,
    returning,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_START = [{"data": 1}]


def _keep(old: Any, new: Any) -> Any:
    return [*(old or []), new]


def _scrub(old: Any, new: Any) -> Any:  # a reducer as people write against leaks
    del new
    return old


class Special(TypedDict, total=False):
    """A state with the channels that LangGraph treats in their own way."""

    data: Any
    done: bool
    first: Annotated[Any, _keep]
    maybe: Annotated[str | None, _scrub]
    listed: Annotated[list[Any], operator.add]
    fleeting: Annotated[Any, EphemeralValue]
    untracked: Annotated[Any, UntrackedValue]
    deltas: Annotated[list[Any], DeltaChannel(lambda old, new: [*old, *new])]


def _writes(make: Callable[[str], Any], kit: Kit) -> Case:
    """A first node that returns what `make` gives, over the special channels."""
    value = make(kit.text)
    return Case(kit.flow(lambda _: value, state=Special), _START)


def _gives(make: Callable[[str], Any], kit: Kit) -> Case:
    """The graph is given what `make` gives."""
    return Case(kit.flow(lambda _: {}, state=Special), [make(kit.text)])


def _durable(durability: str, kit: Kit) -> Case:
    return returning(kit, f"it is {kit.text}", options={"durability": durability})


def _goes(make: Callable[[str], Any], kit: Kit) -> Case:
    """A first node that sends to another one, which a plain edge leaves out."""

    def other(state: Any) -> Any:
        kit.see(state)
        return {"log": [state.get("data")]}

    return Case(kit.flow(lambda _: make(kit.text), other), _START)


def _conditional(kit: Kit) -> Case:
    from langgraph.graph import START, StateGraph  # noqa: PLC0415

    def other(state: Any) -> Any:
        kit.see(state)
        return {"done": True}

    builder: Any = StateGraph(State)
    builder.add_node("first", lambda _: {})
    builder.add_node("other", other)
    builder.add_edge(START, "first")
    builder.add_conditional_edges(
        "first", lambda _: [Send("other", {"data": {"k": kit.text}})], ["other"]
    )
    return Case(builder.compile(checkpointer=kit.saver), _START)


def _updated(kit: Kit) -> Case:
    graph = kit.flow(lambda _: {})
    case = Case(graph, _START)

    def update(config: Any) -> Any:
        values = {"data": {"edited": kit.text}}
        if hasattr(kit.saver, "lock") and type(kit.saver).__name__.startswith("Async"):
            return _aupdate(case, config, values)
        case.graph.update_state(config, values, as_node="first")
        return SKIP

    case.steps = [*_START, update, None]
    return case


async def _aupdate(case: Case, config: Any, values: Any) -> Any:
    await case.graph.aupdate_state(config, values, as_node="first")
    return SKIP


def _stores(make: Callable[[str], tuple[Any, ...]], kit: Kit) -> Case:
    def first(_: Any) -> Any:
        get_store().put(*make(kit.text))
        return {"data": "stored"}

    return Case(kit.flow(first), _START)


def _refused_by_store(make: Callable[[str], tuple[Any, ...]], kit: Kit) -> Case:
    case = _stores(make, kit)
    case.raises = RawSecretFound
    return case


def _searches(kit: Kit) -> Case:
    def first(_: Any) -> Any:
        store = get_store()
        store.put(("a",), "k", {"left": kit.text})
        found = store.search(("a",), filter={"left": kit.text})
        return {"data": [item.value for item in found] or "nothing"}

    return Case(kit.flow(first), _START)


def _cached(kit: Kit) -> Case:
    def first(_: Any) -> Any:
        return {"data": f"cached {kit.text}"}

    return Case(kit.flow(first, cache_policy=CachePolicy()), [*_START, *_START])


_WRITES: dict[str, Callable[[str], Any]] = {
    "Overwrite": lambda v: {"listed": Overwrite([v])},
    "Overwrite as a dict": lambda v: {"listed": {"__overwrite__": [v]}},
    "Overwrite as a typed dict": lambda v: {
        "listed": {"type": "__overwrite__", "value": [v]}
    },
    "first value of a reducer over Any": lambda v: {"first": v},
    "first value of a reducer over str | None": lambda v: {"maybe": v},
    "reducer": lambda v: {"listed": [v]},
    "ephemeral channel": lambda v: {"fleeting": v},
    "untracked channel": lambda v: {"untracked": v},
    "delta channel": lambda v: {"deltas": [v]},
    "Command(update=)": lambda v: Command(update={"data": v}),
    "Command(update=, goto=)": lambda v: Command(update={"data": v}, goto="last"),
}
_GIVEN: dict[str, Callable[[str], Any]] = {
    "input": lambda v: {"data": v},
    "input to a reducer": lambda v: {"listed": [v]},
    "input to an untracked channel": lambda v: {"untracked": v, "data": 1},
    "input to a delta channel": lambda v: {"deltas": [v], "data": 1},
    "input Overwrite": lambda v: {"listed": Overwrite([v]), "data": 1},
    "Command(update=) as input": lambda v: Command(update={"data": v}, goto="first"),
    "Command(goto=Send) as input": lambda v: Command(goto=Send("first", {"data": v})),
}
_GOES: dict[str, Callable[[str], Any]] = {
    "Send": lambda v: Command(goto=[Send("more0", {"data": {"k": v}})]),
    "Send with raw bytes": lambda v: Command(goto=Send("more0", {"data": v.encode()})),
    "Command list": lambda v: [Command(update={"data": v}), Command(goto="more0")],
}
_PUTS: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "store value": lambda v: (("users",), "u1", {"password": v}),
    "store value's key": lambda v: (("users",), "u1", {v: "key"}),
}
_REFUSED_PUTS: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "store key": lambda v: (("users",), v, {"a": 1}),
    "store namespace": lambda v: (("users", v.replace(".", "")), "u", {"a": 1}),
}

ROWS: tuple[Source, ...] = (
    *(
        Source(name, "checkpointer", partial(build, make))
        for rows, build in ((_WRITES, _writes), (_GIVEN, _gives), (_GOES, _goes))
        for name, make in rows.items()
    ),
    *(
        Source(f"node return, durability={name}", "checkpointer",
               partial(_durable, name),
               ways=("stream", "invoke", "astream", "ainvoke"))
        for name in ("sync", "async", "exit")
    ),
    Source("conditional edge with Send", "checkpointer", _conditional),
    Source("update_state", "checkpointer", _updated),
    *(
        Source(name, "store and cache", partial(_stores, make))
        for name, make in _PUTS.items()
    ),
    *(
        Source(name, "store and cache", partial(_refused_by_store, make),
               marked=False)
        for name, make in _REFUSED_PUTS.items()
    ),
    Source("store search", "store and cache", _searches),
    Source("node cache", "store and cache", _cached),
)  # fmt: skip
