"""Rows: what a caller puts into the config, and where the frameworks copy it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig  # noqa: TC002 - langgraph reads it

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import (
    Kit,
    Source,
    returning,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_START = [{"data": 1}]

_CONFIGS: dict[str, Callable[[str], dict[str, Any]]] = {
    "metadata": lambda v: {"metadata": {"note": v}},
    "nested metadata": lambda v: {"metadata": {"note": {"deep": [v]}}},
    "metadata key": lambda v: {"metadata": {v: 1}},
    "metadata bytes": lambda v: {"metadata": {"blob": v.encode()}},
    "tags": lambda v: {"tags": [f"t {v}"]},
    "run name": lambda v: {"run_name": f"run {v}"},
}


def _configured(make: Callable[[str], dict[str, Any]], kit: Kit) -> Case:
    return returning(kit, "x", config=make(kit.text))


def _configurable(key: str, kit: Kit) -> Case:
    """The node gets the raw value, on purpose; nothing else may."""
    got: list[Any] = []

    def first(_: Any, config: RunnableConfig) -> Any:
        got.append(config["configurable"][key])
        return {"data": "used"}

    return Case(
        kit.flow(first),
        _START,
        {"configurable": {key: kit.text}},
        alive=lambda: set(got) == {kit.text},
    )


def _returned_configurable(kit: Kit) -> Case:
    def first(_: Any, config: RunnableConfig) -> Any:
        return {"data": config["configurable"]["__hidden"]}

    return Case(kit.flow(first), _START, {"configurable": {"__hidden": kit.text}})


def _refused(make: Callable[[str], dict[str, Any]], kit: Kit) -> Case:
    return returning(
        kit,
        "x",
        config={"configurable": make(kit.text)},
        raises=RawSecretFound,
        refused=True,
    )


def _bound(make: Callable[[str], dict[str, Any]], kit: Kit) -> Case:
    case = returning(kit, "x")
    case.graph = case.graph.with_config(make(kit.text))
    return case


def _node_metadata(kit: Kit) -> Case:
    graph = kit.flow(lambda _: {"data": 1}, metadata={"owner": kit.text})
    return Case(graph, _START)


def _context(kit: Kit) -> Case:
    from langgraph.runtime import get_runtime  # noqa: PLC0415

    got: list[Any] = []

    def first(_: Any) -> Any:
        got.append(get_runtime().context)
        return {"data": f"used {got[-1]}"}

    context = {"token": kit.text}
    return Case(
        kit.flow(first, compiled={}),
        _START,
        options={"context": context},
        alive=lambda: got == [context],
    )


ROWS: tuple[Source, ...] = (
    *(
        Source(name, "config", partial(_configured, make))
        for name, make in _CONFIGS.items()
    ),
    *(
        Source(f"configurable {name!r}", "config", partial(_configurable, name))
        for name in ("user_token", "openai_api_key")
    ),
    Source("hidden configurable, returned", "config", _returned_configurable),
    Source(
        "thread_id",
        "config",
        partial(_refused, lambda v: {"thread_id": v}),
        marked=False,
    ),
    Source(
        "checkpoint_ns",
        "config",
        partial(_refused, lambda v: {"checkpoint_ns": v}),
        marked=False,
    ),
    Source(
        "with_config(metadata=)",
        "config",
        partial(_bound, lambda v: {"metadata": {"note": v}}),
    ),
    Source("with_config(tags=)", "config", partial(_bound, lambda v: {"tags": [v]})),
    Source("metadata of a node", "config", _node_metadata),
    Source(
        "context, returned",
        "config",
        _context,
        ways=("stream", "stream v2", "invoke", "batch", "astream", "ainvoke"),
    ),
)
