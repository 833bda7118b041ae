"""Where tool code runs while it holds a value: nothing it starts is traced.

The inner call gets a copy of the context without callbacks, tracer or interrupt,
and with guarded writers and stores. Its result and its errors come out redacted.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from langgraph.prebuilt.tool_node import ToolRuntime
from langgraph.store.base import BaseStore
from langsmith.run_helpers import tracing_context

from langchain_tyrum.state import guard_store
from langchain_tyrum.tools import compat
from langchain_tyrum.tools.detached import detached
from langchain_tyrum.tools.results import Outcome, failed, succeeded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from langchain_core.runnables import RunnableConfig
    from langgraph.runtime import Runtime

    from langchain_tyrum.broker import CallIdentity
    from langchain_tyrum.handles import Principal
    from langchain_tyrum.redaction import Redactor


class Isolation:
    """One inner call, apart from every tracer, callback and stream.

    Args:
        config: The caller's config.
        redactor: The root redactor; it is what a store is guarded with.
        call: On whose behalf the call happens: whose values are named.
    """

    def __init__(
        self,
        config: RunnableConfig,
        redactor: Redactor,
        call: CallIdentity | Principal,
    ) -> None:
        self._root = redactor
        self._view = redactor.view(call)
        self._deltas: list[_DeltaWriter] = []
        self.config = compat.isolated_config(config, self._guard_runtime)

    def run(self, work: Callable[[], Any]) -> Outcome:
        """Run sync code in isolation; never raises what the code raised."""
        context = copy_context()
        result, caught = None, None
        try:
            result = context.run(self._traceless, work)
        except BaseException as error:
            caught = error
        context.run(self._flush)
        return self._outcome(result, caught)

    async def arun(self, work: Callable[[], Awaitable[Any]]) -> Outcome:
        """Run async code in isolation, in a task of its own.

        Cancelling the caller cancels that task and waits for it.
        """
        context = copy_context()
        task = asyncio.create_task(self._atraceless(work), context=context)
        result, caught = None, None
        try:
            result, caught = await task
        except BaseException as error:  # cancelled before its first step
            caught = error
        context.run(self._flush)
        return self._outcome(result, caught)

    def _outcome(self, result: Any, caught: BaseException | None) -> Outcome:
        # Outside every `except`: an error in here must not drag the caught one along.
        if caught is not None:
            return failed(caught, self._view)
        return succeeded(result, self._view)

    def guard(self, injected: Mapping[str, Any]) -> dict[str, Any]:
        """Guard what LangGraph injected into a call: runtimes, stores and state.

        State comes as a copy: code that holds a value must not write it into what
        the graph's channels hold, past every guard.
        """
        return {name: self._guarded(value) for name, value in injected.items()}

    def _traceless(self, work: Callable[[], Any]) -> Any:
        compat.enter(self.config, self._guard_deltas)
        with tracing_context(enabled=False, parent=False):
            return work()

    async def _atraceless(
        self, work: Callable[[], Awaitable[Any]]
    ) -> tuple[Any, BaseException | None]:
        # Nothing is raised out of the task: the loop itself would pass on a
        # KeyboardInterrupt as it is.
        compat.enter(self.config, self._guard_deltas)
        with tracing_context(enabled=False, parent=False):
            try:
                return await work(), None
            except BaseException as error:
                return None, error

    def _guarded(self, value: Any) -> Any:
        if isinstance(value, ToolRuntime):
            runtime: Any = self._guard_runtime(value)
            return compat.with_guards(runtime, config=self.config)
        if isinstance(value, BaseStore):
            return guard_store(value, self._root)
        return detached(value)

    def _guard_runtime(self, runtime: Runtime[Any] | ToolRuntime) -> Any:
        store = runtime.store
        return compat.with_guards(
            runtime,
            **_state_of(runtime),
            stream_writer=_Writer(runtime.stream_writer, self._view),
            store=guard_store(store, self._root) if store is not None else None,
        )

    def _guard_deltas(self, write: Callable[[Any], None]) -> _DeltaWriter:
        writer = _DeltaWriter(write, self._view)
        self._deltas.append(writer)
        return writer

    def _flush(self) -> None:
        for writer in self._deltas:
            writer.close()


def _state_of(runtime: Runtime[Any] | ToolRuntime) -> dict[str, Any]:
    if isinstance(runtime, ToolRuntime):
        return {"state": detached(runtime.state)}
    return {}


class _Writer:
    """Redacts what a tool writes to a custom stream."""

    def __init__(self, write: Callable[[Any], None], redactor: Redactor) -> None:
        self._write = write
        self._redactor = redactor

    def __call__(self, chunk: Any) -> None:
        self._write(self._redactor.redact(chunk))


class _DeltaWriter:
    """Redacts deltas of a tool's output, also a value that is split over several."""

    def __init__(self, write: Callable[[Any], None], redactor: Redactor) -> None:
        self._write = write
        self._redactor = redactor
        self._stream = redactor.stream()

    def __call__(self, delta: Any) -> None:
        if isinstance(delta, str):
            self._pass(self._stream.feed(delta))
        else:
            self._write(self._redactor.redact(delta))

    def close(self) -> None:
        self._pass(self._stream.close())

    def _pass(self, text: str) -> None:
        if text:
            self._write(text)
