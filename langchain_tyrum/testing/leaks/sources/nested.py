"""Rows: graphs in graphs, and the functional API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.config import get_store, get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import CachePolicy, Command, interrupt

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Kit, Source, State

if TYPE_CHECKING:
    from collections.abc import Callable

_START = [{"data": 1}]


def _inner(kit: Kit, **options: Any) -> Any:
    def use(state: Any) -> Any:
        kit.see(state)
        return {"log": [state["data"]]}

    builder: Any = StateGraph(State)
    builder.add_node("find", lambda _: {"data": {"found": kit.text}})
    builder.add_node("use", use)
    builder.add_edge(START, "find")
    builder.add_edge("find", "use")
    return builder.compile(**options)


def _sub_graph(kit: Kit) -> Case:
    return Case(kit.flow(_inner(kit)), _START)


def _own_memory(kit: Kit) -> Case:
    return Case(kit.flow(_inner(kit, checkpointer=True)), _START)


def _closure(kit: Kit) -> Case:
    inner = _inner(kit)

    def first(_: Any) -> Any:
        return {"log": inner.invoke({"data": f"in {kit.text}"})["log"]}

    return Case(kit.flow(first), _START)


def _streamed_closure(kit: Kit) -> Case:
    inner = _inner(kit)

    def first(_: Any) -> Any:
        return {"log": list(inner.stream({"data": 1}, stream_mode="values"))}

    return Case(kit.flow(first), _START)


def _to_parent(kit: Kit) -> Case:
    builder: Any = StateGraph(State)

    def leave(_: Any) -> Any:
        update = {"data": kit.text}
        return Command(graph=Command.PARENT, update=update, goto="last")

    builder.add_node("leave", leave)
    builder.add_edge(START, "leave")
    return Case(kit.flow(builder.compile(), destinations=("last",)), _START)


def _inner_interrupt(kit: Kit) -> Case:
    builder: Any = StateGraph(State)
    builder.add_node("ask", lambda _: {"data": interrupt({"ask": kit.text})})
    builder.add_edge(START, "ask")
    return Case(kit.flow(builder.compile()), [*_START, Command(resume=kit.text)])


def _flow(kit: Kit, body: Callable[[Any], Any], steps: list[Any], **more: Any) -> Case:
    @entrypoint(checkpointer=kit.saver, store=kit.store, cache=kit.cache)
    def flow(given: Any) -> Any:
        kit.see(given)
        return body(given)

    return Case(flow, steps, **more)


def _entry_input(kit: Kit) -> Case:
    return _flow(kit, lambda given: {"got": given}, [{"key": kit.text}])


def _entry_result(kit: Kit) -> Case:
    return _flow(kit, lambda _: {"result": [kit.text]}, ["go"])


def _entry_final(kit: Kit) -> Case:
    def body(_: Any) -> Any:
        return entrypoint.final(value=f"v {kit.text}", save={"kept": kit.text})

    return _flow(kit, body, ["go", "again"])


def _tasks(kit: Kit) -> Case:
    @task
    def find(what: Any) -> Any:
        kit.see(what)
        return {"found": kit.text}

    @task
    def use(found: Any) -> Any:
        kit.see(found)
        return "used"

    return _flow(kit, lambda _: use(find("x").result()).result(), ["go"])


def _task_argument(kit: Kit) -> Case:
    @task
    def use(found: Any) -> Any:
        kit.see(found)
        return "used"

    return _flow(kit, lambda _: use({"made": kit.text}).result(), ["go"])


def _nested_tasks(kit: Kit) -> Case:
    @task
    def inner(what: Any) -> Any:
        kit.see(what)
        return {"found": kit.text}

    @task
    def outer(what: Any) -> Any:
        kit.see([what, inner(f"see {kit.text}").result()])
        return "outer"

    return _flow(kit, lambda _: outer("x").result(), ["go"])


def _task_error(kit: Kit) -> Case:
    @task
    def find(what: Any) -> Any:
        raise ConnectionError(f"401 for {kit.text}, {what}")

    return _flow(kit, lambda _: find("x").result(), ["go"], raises=ConnectionError)


def _caught_task_error(kit: Kit) -> Case:
    @task
    def find(what: Any) -> Any:
        raise ConnectionError(f"401 for {kit.text}, {what}")

    def body(_: Any) -> Any:
        try:
            return find("x").result()
        except ConnectionError as error:
            kit.see(str(error))
            return f"failed: {error}"

    return _flow(kit, body, ["go"])


def _cached_task(kit: Kit) -> Case:
    def find(what: Any) -> Any:
        return {"found": kit.text, "what": what}

    cached: Any = task(find, cache_policy=CachePolicy())  # type: ignore[call-overload]
    return _flow(kit, lambda _: cached("x").result(), ["go", "go"])


def _entry_interrupt(kit: Kit) -> Case:
    steps = ["go", Command(resume=f"r {kit.text}")]
    return _flow(kit, lambda _: interrupt({"ask": kit.text}), steps)


def _task_interrupt(kit: Kit) -> Case:
    @task
    def ask(what: Any) -> Any:
        return interrupt({"ask": kit.text, "what": what})

    return _flow(kit, lambda _: ask("x").result(), ["go", Command(resume="yes")])


def _entry_writer(kit: Kit) -> Case:
    def body(_: Any) -> Any:
        get_stream_writer()(f"part {kit.text}")
        return f"sent {kit.text}"

    return _flow(kit, body, ["go"])


def _entry_store(kit: Kit) -> Case:
    def body(_: Any) -> Any:
        get_store().put(("a",), "u", {"token": kit.text})
        return "stored"

    return _flow(kit, body, ["go"])


ROWS: tuple[Source, ...] = tuple(
    Source(name, area, build)
    for area, rows in {
        "sub-graph": {
            "node": _sub_graph,
            "node with a memory of its own": _own_memory,
            "called inside a node": _closure,
            "streamed inside a node": _streamed_closure,
            "Command.PARENT": _to_parent,
            "interrupt and resume": _inner_interrupt,
        },
        "functional API": {
            "input": _entry_input,
            "result": _entry_result,
            "final(value=, save=)": _entry_final,
            "task result": _tasks,
            "task argument": _task_argument,
            "nested tasks": _nested_tasks,
            "task error": _task_error,
            "caught task error": _caught_task_error,
            "cached task": _cached_task,
            "interrupt and resume": _entry_interrupt,
            "interrupt in a task": _task_interrupt,
            "stream writer": _entry_writer,
            "store": _entry_store,
        },
    }.items()
    for name, build in rows.items()
)
