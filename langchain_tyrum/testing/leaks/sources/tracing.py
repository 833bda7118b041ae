"""Rows: the ways in which a trace reaches LangSmith or OpenTelemetry."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

from langchain_core.tracers import LangChainTracer
from langsmith import RunTree, get_current_run_tree, run_trees, traceable, utils
from langsmith import tracing_context as traced_by
from langsmith.env import _runtime_env

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_START = [{"data": 1}]


def everywhere(kit: Kit) -> Any:
    """A graph whose trace holds the value in every field."""
    model = kit.model(*[_answer(kit.text)])
    kit.models.clear()
    kit.see(model)

    def first(_: Any) -> Any:
        with contextlib.suppress(ValueError):
            _failing(kit.text)
        return {"messages": [model.bind(user=kit.text).invoke(f"use {kit.text}")]}

    return kit.flow(first, metadata={"owner": kit.text}, tags=[kit.text])


def _answer(text: str) -> Any:
    from langchain_core.messages import AIMessage  # noqa: PLC0415

    return AIMessage(f"said {text}", additional_kwargs={text: text.encode()})


@traceable(name="failing")
def _failing(text: str) -> None:
    try:
        raise KeyError(text)  # noqa: TRY301 - a cause has to be raised
    except KeyError as cause:
        raise ValueError(f"no {text}") from cause


def _plain(kit: Kit) -> Case:
    return Case(everywhere(kit), [{"data": kit.text}])


def _sent_by(options: dict[str, Any], kit: Kit) -> Case:
    """An explicit tracer whose client sends in another way."""
    client = kit.wire.client(**options)
    config = {"callbacks": [LangChainTracer(client=client, project_name="matrix")]}
    return Case(everywhere(kit), _START, config, tracer=False)


def _in_context(kit: Kit) -> Case:
    def around() -> Any:
        return traced_by(enabled=True, client=kit.client, tags=[kit.text],
                         metadata={"around": kit.text})  # fmt: skip

    return Case(everywhere(kit), _START, tracer=False, context=around)


def _replicas(kit: Kit) -> Case:
    def around() -> Any:
        replica: Any = {"project_name": "other", "client": kit.wire.client()}
        return traced_by(enabled=True, replicas=[replica], client=kit.client)

    return Case(everywhere(kit), _START, tracer=False, context=around)


def _environment(kit: Kit) -> Case:
    """LangSmith switched on by the environment, which it sends along."""

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        variables = {
            "LANGSMITH_TRACING": "true",
            "LANGSMITH_ENDPOINT": kit.wire.url,
            "LANGSMITH_API_KEY": "leak-matrix",
            "LANGSMITH_PROJECT": "matrix",
            "LANGSMITH_MOTTO": kit.text,
            "LANGCHAIN_CALLBACKS_BACKGROUND": "false",
        }
        with mock.patch.dict(os.environ, variables), _forgotten():
            yield
            run_trees.get_cached_client().flush()
            run_trees.get_cached_client().cleanup()

    return Case(everywhere(kit), _START, tracer=False, context=around)


@contextlib.contextmanager
def _forgotten() -> Iterator[None]:
    """What langsmith has read of the environment is read anew, before and after."""
    before = run_trees._CLIENT  # noqa: SLF001 - there is no public way to reset it
    _forget(None)
    try:
        yield
    finally:
        _forget(before)


def _forget(client: Any) -> None:
    for module in (utils, _runtime_env):
        for value in list(vars(module).values()):
            if callable(getattr(value, "cache_clear", None)):
                value.cache_clear()
    run_trees._CLIENT = client  # noqa: SLF001


def _does(act: Callable[[Kit], Any], kit: Kit) -> Case:
    def first(_: Any) -> Any:
        act(kit)
        return {"data": "done"}

    return Case(kit.flow(first), _START)


def _traceable(kit: Kit) -> None:
    @traceable(client=kit.client, tags=[kit.text], metadata={"m": kit.text})
    def look(what: Any) -> Any:
        return {"found": kit.text, "what": what}

    look({kit.text: [kit.text]})


def _run_tree(kit: Kit) -> None:
    tree = RunTree(name=f"run {kit.text}", inputs={"a": kit.text}, ls_client=kit.client)
    tree.add_tags([kit.text])
    tree.end(outputs={"b": kit.text}, error=f"failed {kit.text}",
             events=[{"name": "token", "kwargs": {"t": kit.text}}])  # fmt: skip
    tree.post()
    tree.patch()


def _feedback(kit: Kit) -> None:
    run = get_current_run_tree()
    kit.client.create_feedback(
        run_id=run.id if run else "0" * 8 + "-0000-4000-8000-000000000000",
        key="correct",
        comment=f"it said {kit.text}",
        value={"was": kit.text},
        correction={"is": kit.text},
    )


_SENT: dict[str, dict[str, Any]] = {
    "explicit tracer, multipart": {},
    "explicit tracer, zstd": {"zstd": True},
    "explicit tracer, /runs/batch": {"multipart": False},
    "explicit tracer, one request for each run": {"auto_batch_tracing": False},
    "client that hides inputs": {"hide_inputs": True, "hide_outputs": True},
}
_ACTS: dict[str, Callable[[Kit], Any]] = {
    "@traceable with a client": _traceable,
    "RunTree": _run_tree,
    "feedback": _feedback,
}

ROWS: tuple[Source, ...] = (
    Source("tracer and @traceable", "LangSmith", _plain),
    *(
        Source(name, "LangSmith", partial(_sent_by, options))
        for name, options in _SENT.items()
    ),
    Source("tracing_context", "LangSmith", _in_context),
    Source("replicas", "LangSmith", _replicas),
    # Open: events v2 and the run log show what LangSmith copies from variables.
    Source("environment", "LangSmith", _environment),
    *(
        Source(name, "LangSmith", partial(_does, act))
        for name, act in _ACTS.items()
    ),
)  # fmt: skip
