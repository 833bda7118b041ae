"""How a guarded graph streams: what goes in, what comes out, what it raises.

What a caller gives comes in a list that is emptied, and no frame here keeps it: an
error that reaches the caller brings its frames along, and whoever reports errors may
send their locals.
"""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, cast

from langchain_tyrum.intake import FLAG, atake_in, take_in
from langchain_tyrum.membrane.compat import CONFIG_KEY_TASK_ID, configurable_of
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
FINAL = "_tyrum_final"


class GuardedStreams(GuardedState):
    """The part of `Guarded` that streams."""

    def _streamed(
        self,
        given: list[Any],
        *,
        stream_mode: Any = None,
        version: Any = "v1",
        **options: Any,
    ) -> Iterator[Any]:
        run, config, around = self._entered(given)
        clean = self._cleaned(given, run)
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
                    part = _END  # an error must not find it in this frame
                    run.leaks.write()
                    part = next(parts, _END)
            except GeneratorExit:
                raise
            except BaseException as caught:
                inside = around is not None
                error = self._forget(run.raised(caught, inside=inside))
            finally:
                part = _END
                run.leaks.write()
        yield from guard.rest()
        if error is not None:
            del config, around, inner, options
            raise error

    async def _astreamed(
        self,
        given: list[Any],
        *,
        stream_mode: Any = None,
        version: Any = "v1",
        **options: Any,
    ) -> AsyncIterator[Any]:
        run, config, around = self._entered(given)
        clean = await self._acleaned(given, run)
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
                    part = _END  # an error must not find it in this frame
                    await run.leaks.awrite()
                    part = await anext(parts, _END)
            except GeneratorExit:
                raise
            except BaseException as caught:
                inside = around is not None
                error = self._forget(run.raised(caught, inside=inside))
            finally:
                part = _END
                await run.leaks.awrite()
        for shown in guard.rest():
            yield shown
        if error is not None:
            del config, around, inner, options
            raise error

    async def _told(
        self, tell: Any, clean: Any, given: list[Any], **options: Any
    ) -> AsyncIterator[Any]:
        run, config, _ = self._entered(given)
        inner = tell(await self._acleaned(given, run), config, **options)
        async with aclosing(inner):
            try:
                async for part in inner:
                    yield clean(part, run)
                    del part  # an error must not find it in this frame
                return
            except GeneratorExit:
                raise
            except BaseException as caught:
                error = self._forget(run.view.redact(caught))
        del config, inner, options
        raise error

    def _cleaned(self, given: list[Any], run: Run) -> Any:
        """Put away what a user pasted, once a run, and redact the rest."""
        try:
            if self._brings(given, run):
                given[0] = take_in(
                    run.broker, given[0], run.call, flag=FLAG in self.channels
                )
            return run.clean(given.pop(), where="the input")
        except BaseException as error:
            given.clear()
            self._forget(error)
            run.leaks.write()
            raise

    async def _acleaned(self, given: list[Any], run: Run) -> Any:
        try:
            if self._brings(given, run):
                given[0] = await atake_in(
                    run.broker, given[0], run.call, flag=FLAG in self.channels
                )
            return run.clean(given.pop(), where="the input")
        except BaseException as error:
            given.clear()
            self._forget(error)
            await run.leaks.awrite()
            raise

    def _brings(self, given: list[Any], run: Run) -> bool:
        if run.taken_in or given[0] is None:
            return False
        run.taken_in = True
        return True

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
            final=options.pop(FINAL, False),
            subgraphs=options.get("subgraphs", False),
            version=version,
        )
