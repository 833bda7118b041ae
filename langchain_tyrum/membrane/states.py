"""The state of a guarded graph: what is read from it and written into it."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from langgraph.pregel import Pregel

from langchain_tyrum.membrane.compat import without_run
from langchain_tyrum.membrane.config import guard_ambient, guard_config
from langchain_tyrum.membrane.runs import starting, starting_run
from langchain_tyrum.membrane.steps import asteps, steps
from langchain_tyrum.redaction.frames import without_locals
from langchain_tyrum.state import acting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.types import StateSnapshot, StateUpdate

    from langchain_tyrum.membrane.membrane import Membrane
    from langchain_tyrum.membrane.runs import Run


class GuardedState(Pregel[Any, Any, Any, Any]):
    """The half of `Guarded` that reads and edits state."""

    _tyrum_membrane: Membrane
    _tyrum_suspect = False

    @property
    def membrane(self) -> Membrane:
        """Who guards this graph."""
        return self._tyrum_membrane

    def bulk_update_state(
        self,
        config: RunnableConfig,
        supersteps: Sequence[Sequence[StateUpdate]],
    ) -> RunnableConfig:
        """Write into the state; `update_state` comes through here."""
        given: list[Any] = [supersteps, config]
        del supersteps, config
        run, config, around = self._entered(given)
        try:
            steps = _clean_steps(given.pop(), run)
            with starting(run, around), acting(run.stored):
                return without_run(super().bulk_update_state(config, steps))
        except BaseException as caught:
            error = self._forget(run.view.redact(caught))
        finally:
            run.leaks.write()
        del config
        raise error

    async def abulk_update_state(
        self,
        config: RunnableConfig,
        supersteps: Sequence[Sequence[StateUpdate]],
    ) -> RunnableConfig:
        """Write into the state; the async twin."""
        given: list[Any] = [supersteps, config]
        del supersteps, config
        run, config, around = self._entered(given)
        try:
            steps = _clean_steps(given.pop(), run)
            with starting(run, around), acting(run.stored):
                return without_run(await super().abulk_update_state(config, steps))
        except BaseException as caught:
            error = self._forget(run.view.redact(caught))
        finally:
            await run.leaks.awrite()
        del config
        raise error

    def get_state(
        self, config: RunnableConfig, *, subgraphs: bool = False
    ) -> StateSnapshot:
        """Read the state; rows from before the guard are redacted too."""
        run = self._tyrum_membrane.enter(config, bound=self.config)
        with acting(run.stored):
            return _shown(super().get_state(config, subgraphs=subgraphs), run)

    async def aget_state(
        self, config: RunnableConfig, *, subgraphs: bool = False
    ) -> StateSnapshot:
        """Read the state; the async twin."""
        run = self._tyrum_membrane.enter(config, bound=self.config)
        with acting(run.stored):
            return _shown(await super().aget_state(config, subgraphs=subgraphs), run)

    def get_state_history(
        self, config: RunnableConfig, **options: Any
    ) -> Iterator[StateSnapshot]:
        """Read past states; rows from before the guard are redacted too."""
        run = self._tyrum_membrane.enter(config, bound=self.config)
        history: Any = super().get_state_history(config, **options)
        with closing(steps(history, run)) as snapshots:
            for snapshot in snapshots:
                yield _shown(snapshot, run)

    async def aget_state_history(
        self, config: RunnableConfig, **options: Any
    ) -> AsyncIterator[StateSnapshot]:
        """Read past states; the async twin."""
        run = self._tyrum_membrane.enter(config, bound=self.config)
        history: Any = super().aget_state_history(config, **options)
        async with aclosing(asteps(history, run)) as snapshots:
            async for snapshot in snapshots:
                yield _shown(snapshot, run)

    def _migrate_checkpoint(self, checkpoint: Any) -> None:
        """Redact what a saver gives back: rows from before the guard may be raw."""
        super()._migrate_checkpoint(checkpoint)
        if (run := starting_run()) is None:
            return
        values = checkpoint["channel_values"]
        clean = run.view.redact(values)
        if clean is not values:
            checkpoint["channel_values"] = clean
            run.suspect = True

    def _forget(self, error: Any) -> Any:
        """An error without the locals that hold a value, on its way to the caller."""
        return without_locals(error, self._tyrum_membrane.broker.redactor)

    def _entered(
        self, given: list[Any]
    ) -> tuple[Run, RunnableConfig, RunnableConfig | None]:
        """Enter with the config that stands last in a list; a refusal empties it."""
        try:
            return self._enter(given.pop())
        except BaseException as error:
            given.clear()
            self._forget(error)
            raise

    def _enter(
        self, config: RunnableConfig | None
    ) -> tuple[Run, RunnableConfig, RunnableConfig | None]:
        """The run's guard, the guarded config, and what stands around it."""
        run = self._tyrum_membrane.enter(config, bound=self.config)
        entered = run, guard_config(config, run), guard_ambient(run)
        run.running = True
        run.suspect = run.suspect or self._tyrum_suspect
        return entered


def _clean_steps(
    supersteps: Sequence[Sequence[StateUpdate]], run: Run
) -> list[list[StateUpdate]]:
    return [
        [
            update._replace(values=run.clean(update.values, where="the update"))
            for update in step
        ]
        for step in supersteps
    ]


def _shown(snapshot: StateSnapshot, run: Run) -> StateSnapshot:
    clean: StateSnapshot = run.view.redact(snapshot)
    return clean
