"""Around a node: what it reads, writes, calls and raises."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable

from langchain_tyrum.membrane.compat import (
    CONF,
    CONFIG_KEY_CALL,
    CONFIG_KEY_SEND,
    RUN_KEY,
    ambient,
    ambient_config,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.membrane.runs import Run


class GuardNode(Runnable[Any, Any]):
    """Runs a node with its writes, task calls and exceptions redacted.

    It starts no callbacks, so traces and drawings do not show it.
    """

    def __init__(
        self,
        inner: Runnable[Any, Any],
        *,
        name: str,
        enter: Callable[[RunnableConfig], Run],
    ) -> None:
        self.inner = inner
        self.name = name
        self._enter = enter
        self._raised = f"what {name!r} raises"
        self._result = f"the result of {name!r}"

    def invoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the node."""
        run, config = self._guard(config)
        try:
            given = run.within(input) if run.suspect else input
            return self.inner.invoke(given, config, **kwargs)
        except BaseException as error:
            clean = run.shown(error, where=self._raised)
            if clean is error:
                raise
        raise clean

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run the node; the async twin."""
        run, config = self._guard(config)
        try:
            given = run.within(input) if run.suspect else input
            return await self.inner.ainvoke(given, config, **kwargs)
        except BaseException as error:
            clean = run.shown(error, where=self._raised)
            if clean is error:
                raise
        raise clean

    def stream(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Any]:
        """Run the node piece by piece."""
        run, config = self._guard(config)
        try:
            given = run.within(input) if run.suspect else input
            yield from self.inner.stream(given, config, **kwargs)
            return
        except BaseException as error:
            clean = run.shown(error, where=self._raised)
            if clean is error:
                raise
        raise clean

    async def astream(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Run the node piece by piece; the async twin."""
        run, config = self._guard(config)
        try:
            given = run.within(input) if run.suspect else input
            async for part in self.inner.astream(given, config, **kwargs):
                yield part
            return
        except BaseException as error:
            clean = run.shown(error, where=self._raised)
            if clean is error:
                raise
        raise clean

    def _guard(self, config: RunnableConfig | None) -> tuple[Run, RunnableConfig]:
        config = config or {}
        run = self._enter(config)
        return run, guard_task(config, run, where=self._result)


def guard_task(config: RunnableConfig, run: Run, *, where: str) -> RunnableConfig:
    """A task's config whose ways out are redacted.

    Args:
        config: The config that LangGraph made for the task.
        run: The guard of the run.
        where: What a write is, for the error in mode `refuse`.

    Returns:
        A copy; sending and calling go through the guard.
    """
    configurable = {**(config.get(CONF) or {}), RUN_KEY: run}
    # no partials: those are looked into where a node hands its config on as data
    if (send := configurable.get(CONFIG_KEY_SEND)) is not None:
        configurable[CONFIG_KEY_SEND] = lambda writes: _send(send, run, where, writes)
    if (call := configurable.get(CONFIG_KEY_CALL)) is not None:
        configurable[CONFIG_KEY_CALL] = lambda func, given, **options: _call(
            call, run, func, given, **options
        )
    return {**config, CONF: configurable}


def _send(
    send: Callable[[Any], None],
    run: Run,
    where: str,
    writes: Sequence[tuple[str, Any]],
) -> None:
    send([(channel, run.clean(value, where=where)) for channel, value in writes])


def _call(
    call: Callable[..., Any],
    run: Run,
    func: Callable[..., Any],
    given: Any,
    **options: Any,
) -> Any:
    """LangGraph's `@task` scheduler, with what goes in and comes out redacted."""
    name = getattr(func, "__name__", "task")
    clean = run.clean(given, where=f"the arguments of task {name!r}")
    return call(guard_function(func, run, name=name), clean, **options)


def guard_function(
    func: Callable[..., Any], run: Run, *, name: str
) -> Callable[..., Any]:
    """The function of a `@task`, with result, exception and inner calls redacted.

    It keeps name, module and signature, by which LangGraph finds cached results
    and what to inject.
    """
    where = f"the result of task {name!r}"

    @functools.wraps(func)
    def sync(*args: Any, **kwargs: Any) -> Any:
        try:
            with ambient(_inner_config(run, where)):
                return run.clean(func(*args, **kwargs), where=where)
        except BaseException as error:
            clean = run.shown(error, where=f"what task {name!r} raises")
            if clean is error:
                raise
        raise clean

    @functools.wraps(func)
    async def asynchronous(*args: Any, **kwargs: Any) -> Any:
        try:
            with ambient(_inner_config(run, where)):
                return run.clean(await func(*args, **kwargs), where=where)
        except BaseException as error:
            clean = run.shown(error, where=f"what task {name!r} raises")
            if clean is error:
                raise
        raise clean

    return asynchronous if inspect.iscoroutinefunction(func) else sync


def _inner_config(run: Run, where: str) -> RunnableConfig | None:
    config = ambient_config()
    return None if config is None else guard_task(config, run, where=where)
