"""The guarded twin of a graph: its ways in and out, overridden."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Self, cast

from langgraph.types import RetryPolicy, ensure_valid_checkpointer

from langchain_tyrum.intake import atake_in, take_in
from langchain_tyrum.membrane.arming import arm
from langchain_tyrum.membrane.compat import (
    CONFIG_KEY_TASK_ID,
    configurable_of,
    with_run,
    without_run,
)
from langchain_tyrum.membrane.events import clean_event, clean_log
from langchain_tyrum.membrane.runs import starting
from langchain_tyrum.membrane.states import GuardedState
from langchain_tyrum.membrane.steps import asteps, steps
from langchain_tyrum.membrane.streams import StreamGuard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.membrane.runs import Run

_END = object()
#: Tells `stream` that `invoke` asks, which keeps the last part only.
_FINAL = "_tyrum_final"


class Guarded(GuardedState):
    """Stands before a graph's class and guards what its methods take and give.

    Never used alone: `Membrane.twin` puts it in front of the class it guards.
    """

    def copy(self, update: dict[str, Any] | None = None) -> Self:
        """Copy the graph; the copy is guarded too, also what `update` brings."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin.__dict__.pop("__orig_class__", None)
        twin.__dict__.update(_validated(update or {}))
        arm(twin, self._tyrum_membrane)
        if update and {"nodes", "channels"} & update.keys():
            twin.validate()
        return twin

    def invoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: Any = None,
        **options: Any,
    ) -> Any:
        """Run the graph; only what comes out in the end is looked through."""
        if options.get("stream_mode", "values") != "values":
            return super().invoke(input, config, **options)
        run = self._tyrum_membrane.enter(config, bound=self.config)
        options[_FINAL] = True
        return run.within(super().invoke(input, with_run(config, run), **options))

    async def ainvoke(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: Any = None,
        **options: Any,
    ) -> Any:
        """Run the graph; the async twin."""
        if options.get("stream_mode", "values") != "values":
            return await super().ainvoke(input, config, **options)
        run = self._tyrum_membrane.enter(config, bound=self.config)
        options[_FINAL] = True
        result = await super().ainvoke(input, with_run(config, run), **options)
        return run.within(result)

    def stream(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stream_mode: Any = None,
        version: Any = "v1",
        **options: Any,
    ) -> Iterator[Any]:
        """Stream the graph; `invoke`, `batch` and v3 events come through here."""
        run, config, around = self._enter(config)
        clean = run.clean(self._take_in(input, run), where="the input")
        guard = self._stream_guard(run, config, stream_mode, version, options)
        inner: Any = super().stream(
            clean,
            config,
            stream_mode=cast("Any", guard.modes),
            version=version,
            **options,
        )
        error: BaseException | None = None
        with closing(steps(inner, run)) as parts:
            try:
                with starting(run, around):
                    part = next(parts, _END)
                while part is not _END:
                    yield from guard.parts(part)
                    part = next(parts, _END)
            except GeneratorExit:
                raise
            except BaseException as caught:
                error = run.view.redact(caught)
        yield from guard.rest()
        if error is not None:
            raise error

    async def astream(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        stream_mode: Any = None,
        version: Any = "v1",
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Stream the graph; the async twin."""
        run, config, around = self._enter(config)
        taken = await self._atake_in(input, run)
        clean = run.clean(taken, where="the input")
        guard = self._stream_guard(run, config, stream_mode, version, options)
        inner: Any = super().astream(
            clean,
            config,
            stream_mode=cast("Any", guard.modes),
            version=version,
            **options,
        )
        error: BaseException | None = None
        async with aclosing(asteps(inner, run)) as parts:
            try:
                with starting(run, around):
                    part = await anext(parts, _END)
                while part is not _END:
                    for shown in guard.parts(part):
                        yield shown
                    part = await anext(parts, _END)
            except GeneratorExit:
                raise
            except BaseException as caught:
                error = run.view.redact(caught)
        for shown in guard.rest():
            yield shown
        if error is not None:
            raise error

    def astream_events(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        *,
        version: Any = "v2",
        **options: Any,
    ) -> Any:
        """Stream events; v3 is made of `astream`, v1 and v2 are told by callbacks."""
        if version == "v3":
            return super().astream_events(input, config, version=version, **options)
        return self._told(
            super().astream_events,
            clean_event,
            input,
            config,
            version=version,
            **options,
        )

    def astream_log(
        self,
        input: Any,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Stream the run log, which is told by callbacks."""
        return self._told(super().astream_log, clean_log, input, config, **options)

    async def _told(
        self,
        tell: Any,
        clean: Any,
        given: Any,
        config: RunnableConfig | None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        run, config, _ = self._enter(config)
        taken = await self._atake_in(given, run)
        inner = tell(run.clean(taken, where="the input"), config, **options)
        async with aclosing(inner):
            try:
                async for part in inner:
                    yield clean(part, run)
                return
            except GeneratorExit:
                raise
            except BaseException as caught:
                error = run.view.redact(caught)
        raise error

    def _defaults(self, config: RunnableConfig, **options: Any) -> Any:
        """Let LangGraph see an empty `configurable` as one: it says what is missing."""
        return super()._defaults(without_run(config), **options)

    def _take_in(self, given: Any, run: Run) -> Any:
        """Put away what a user pasted: once a run, before anything sees it."""
        if run.taken_in or given is None:
            return given
        run.taken_in = True
        return take_in(run.broker, given, run.call)

    async def _atake_in(self, given: Any, run: Run) -> Any:
        if run.taken_in or given is None:
            return given
        run.taken_in = True
        return await atake_in(run.broker, given, run.call)

    def _stream_guard(
        self,
        run: Run,
        config: RunnableConfig,
        stream_mode: Any,
        version: str,
        options: dict[str, Any],
    ) -> StreamGuard:
        if stream_mode is None:
            nested = CONFIG_KEY_TASK_ID in configurable_of(config)
            stream_mode = "values" if nested else self.stream_mode
        return StreamGuard(
            run,
            stream_mode=stream_mode,
            print_mode=options.pop("print_mode", ()),
            final=options.pop(_FINAL, False),
            subgraphs=options.get("subgraphs", False),
            version=version,
        )


def _validated(update: dict[str, Any]) -> dict[str, Any]:
    """What `Pregel.__init__` would make of the changes."""
    valid = dict(update)
    if "checkpointer" in valid:
        valid["checkpointer"] = ensure_valid_checkpointer(valid["checkpointer"])
    if isinstance(valid.get("retry_policy"), RetryPolicy):
        valid["retry_policy"] = (valid["retry_policy"],)
    return valid
