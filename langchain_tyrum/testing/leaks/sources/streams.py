"""Rows: what is streamed, printed and logged while a graph runs."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import dispatch_custom_event
from langchain_core.callbacks.base import BaseCallbackHandler
from langchain_core.callbacks.stdout import StdOutCallbackHandler
from langchain_core.globals import set_debug, set_llm_cache, set_verbose
from langchain_core.messages import AIMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import (
    RunnableConfig,
    RunnableLambda,
)
from langgraph.config import get_stream_writer

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Gap, Kit, Source, returning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_START = [{"data": 1}]
_LOG = logging.getLogger("application")
_STREAMS = ("stream", "stream v2", "astream")


def _does(act: Callable[[str], Any], kit: Kit) -> Case:
    def first(_: Any) -> Any:
        act(kit.text)
        return {"data": "done"}

    return Case(kit.flow(first), _START)


def _writes(text: str) -> None:
    get_stream_writer()({"progress": f"logging in with {text}"})


def _logs_error(text: str) -> None:
    try:
        raise ValueError(f"no login with {text}")  # noqa: TRY301 - it is logged
    except ValueError:
        _LOG.exception("failed")


def _logs_in_thread(text: str) -> None:
    thread = threading.Thread(target=_LOG.warning, args=("thread %s", text))
    thread.start()
    thread.join()


class _Found(BaseRetriever):
    """Finds what it is told to find."""

    found: str

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> Any:
        from langchain_core.documents import Document  # noqa: PLC0415

        del run_manager
        return [Document(page_content=f"{query}: {self.found}")]


def _calls_child(text: str) -> None:
    child: Any = RunnableLambda(lambda given: f"child of {given} {text}")
    child.invoke({"k": text})


def _binds(text: str) -> None:
    RunnableLambda(len).with_config(tags=[text], metadata={"m": text}).invoke("x")


_ACTS: dict[str, Callable[[str], Any]] = {
    "log message": lambda v: _LOG.info(f"used {v}"),
    "log argument": lambda v: _LOG.info("used %s and %r", v, [v]),
    "log extra": lambda v: _LOG.info("used", extra={"token": v}),
    "logged error": _logs_error,
    "log of another thread": _logs_in_thread,
    "custom event": lambda v: dispatch_custom_event("login", {"with": v}),
    "custom event name": lambda v: dispatch_custom_event(f"login {v}", {}),
    "child runnable": _calls_child,
    "child's tags and metadata": _binds,
    "retriever": lambda v: _Found(found=v).invoke(f"where is {v}?"),
}


def _model(make: Callable[[str], AIMessage], kit: Kit, **fields: Any) -> Case:
    """A node that asks a model, whose answer comes in pieces when streamed."""
    model = kit.model(make(kit.text), **fields)

    def first(_: Any) -> Any:
        return {"messages": [model.invoke("what is it?")]}

    return Case(kit.flow(first), _START)


async def _atokens(model: Any) -> list[Any]:
    return [chunk async for chunk in model.astream("what is it?")]


def _async_model(kit: Kit) -> Case:
    model = kit.model(AIMessage(f"it is {kit.text}, keep it"))

    async def first(_: Any) -> Any:
        chunks = await _atokens(model)
        return {"messages": [AIMessage("".join(str(c.text) for c in chunks))]}

    return Case(kit.flow(first), _START)


def _model_options(kit: Kit) -> Case:
    """What goes to a provider beside messages is traced as invocation parameters."""
    model = kit.model(AIMessage("ok"))

    def first(_: Any) -> Any:
        bound = model.bind(stop=[kit.text], user=kit.text)
        return {"messages": [bound.invoke("hi")]}

    case = Case(kit.flow(first), _START)
    # What a node itself hands to its own model is its own call.
    kit.models.clear()
    kit.see(model.bound)
    return case


def _model_error(kit: Kit) -> Case:
    model = kit.model(ConnectionError(f"401 for {kit.text}"))

    def first(_: Any) -> Any:
        return {"messages": [model.invoke("hi")]}

    return Case(kit.flow(first), _START, raises=ConnectionError)


def _prints(options: dict[str, Any], kit: Kit) -> Case:
    return returning(kit, f"it is {kit.text}", options=options)


def _debug(kit: Kit) -> Case:
    graph = kit.flow(lambda _: {"data": kit.text}, compiled={"debug": True})
    return Case(graph, _START)


def _globally(switch: Callable[[bool], None], kit: Kit) -> Case:
    @contextlib.contextmanager
    def on() -> Iterator[None]:
        switch(True)
        try:
            yield
        finally:
            switch(False)

    case = _model(lambda v: AIMessage(f"it is {v}"), kit)
    case.context = on
    return case


def _stdout_handler(kit: Kit) -> Case:
    config = {"callbacks": [StdOutCallbackHandler()]}
    return returning(kit, f"it is {kit.text}", config=config)


class _Failing(BaseCallbackHandler):
    """A handler that fails on what it is told; the manager logs its error."""

    def on_chain_end(self, outputs: Any, **_: Any) -> Any:
        raise ValueError(f"cannot handle {outputs}")


def _failing_handler(kit: Kit) -> Case:
    return returning(kit, f"it is {kit.text}", config={"callbacks": [_Failing()]})


def _llm_cache(kit: Kit) -> Case:
    from langchain_core.caches import InMemoryCache  # noqa: PLC0415

    cache = InMemoryCache()

    @contextlib.contextmanager
    def on() -> Iterator[None]:
        set_llm_cache(cache)
        try:
            yield
        finally:
            set_llm_cache(None)

    case = _model(lambda v: AIMessage(f"it is {v}"), kit)
    case.context = on
    case.sinks["LLM cache"] = lambda: vars(cache)
    return case


def _warns(kit: Kit) -> Case:
    return _does(lambda v: warnings.warn(f"weak {v}", stacklevel=2), kit)


def _config_in_node(kit: Kit) -> Case:
    def first(_: Any, config: RunnableConfig) -> Any:
        child: Any = RunnableLambda(lambda _: f"child {kit.text}")
        named = {**config, "run_name": f"child {kit.text}", "tags": [kit.text]}
        return {"data": child.invoke("x", named)}

    return Case(kit.flow(first), _START)


_ANSWERS: dict[str, Callable[[str], AIMessage]] = {
    "model text in pieces": lambda v: AIMessage(f"the password is {v}, keep it"),
    "model content blocks": lambda v: AIMessage([{"type": "text", "text": v}]),
    "model tool call in pieces": lambda v: AIMessage(
        "", tool_calls=[{"name": "t", "args": {"a": v}, "id": "c1"}]
    ),
    "model additional_kwargs": lambda v: AIMessage("ok", additional_kwargs={"r": v}),
    "model response_metadata": lambda v: AIMessage("ok", response_metadata={"r": v}),
}

ROWS: tuple[Source, ...] = (
    Source("stream writer", "stream", partial(_does, _writes), ways=_STREAMS),
    *(
        Source(name, "callbacks and logs", partial(_does, act))
        for name, act in _ACTS.items()
    ),
    *(
        Source(name, "model in a node", partial(_model, make))
        for name, make in _ANSWERS.items()
    ),
    Source("model streamed by the node, async", "model in a node", _async_model,
           ways=("astream", "ainvoke", "astream_events v2", "astream_log")),
    Source("model options", "model in a node", _model_options),
    Source("model error", "model in a node", _model_error),
    Source("repr of a model", "model in a node",
           lambda kit: _model(lambda _: AIMessage("ok"), kit, note=kit.text)),
    Source("print_mode", "printed", partial(_prints, {"print_mode": "values"}),
           ways=("stream", "invoke", "astream", "ainvoke")),
    Source("compile(debug=True)", "printed", _debug),
    Source("set_debug", "printed", partial(_globally, set_debug)),
    Source("set_verbose", "printed", partial(_globally, set_verbose)),
    Source("StdOutCallbackHandler", "printed", _stdout_handler),
    Source("handler that fails", "callbacks and logs", _failing_handler),
    Source("config handed to a child", "callbacks and logs", _config_in_node),
    Source("LLM cache", "store and cache", _llm_cache, gaps=(
        Gap("LangChain's cache of answers is the process's: use guard_llm_cache",
            frozenset({"LLM cache"})),)),
    Source("warning", "callbacks and logs", _warns, marked=False, gaps=(
        Gap("warnings are the interpreter's: no guard of a graph sees them",
            frozenset({"warnings"})),)),
)  # fmt: skip
