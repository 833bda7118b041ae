"""The leak matrix of a user's own graph: every way to run it, every sink read back."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import Pregel
from langgraph.store.memory import InMemoryStore

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.testing.leaks.canaries import Canaries
from langchain_tyrum.testing.leaks.lab import Lab, aopened_saver, opened_saver
from langchain_tyrum.testing.leaks.options import (
    refuse_running_loop,
    refuse_single,
    refuse_unknown,
)
from langchain_tyrum.testing.leaks.planting import (
    PATHS,
    planted_config,
    planted_input,
)
from langchain_tyrum.testing.leaks.report import LeakReport, Trial
from langchain_tyrum.testing.leaks.runs import SKIP, Case
from langchain_tyrum.testing.leaks.ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from langchain_tyrum.broker import SecretBroker
    from langchain_tyrum.testing.leaks.ways import Way

_SYNC_ONLY = "an event loop runs: use run() where none does"
_ASYNC_ONLY = "the saver serves one kind of call: use arun(), or give a factory"


class LeakMatrix:
    """Runs a graph in every way, with canaries planted, and reads every sink back.

    Give it the graph as you ship it:

        report = LeakMatrix(
            agent, broker, inputs=[{"messages": [("user", "hello")]}]
        ).run()
        print(report)
        report.raise_for_leaks()

    Canaries are values without a shape, which the broker's redactor is told of, their
    derived forms, and known shapes. They go to the end of each text of the inputs and
    into metadata, tags, run name and `configurable`. What is read back: checkpoints
    with their write-ahead log, store, cache, state and history, every stream mode,
    events, log patches, results, a sync and an async callback handler, the LangSmith
    wire on a loopback endpoint, logs at DEBUG, standard output, `repr`, and what is
    raised, with its notes and causes. Models and tools run for real: use fakes.

    Not read: what is written past Python's streams (`os.write` to file descriptor 1,
    subprocesses), loggers with `propagate=False`, encrypted stores, and values cut
    into pieces, except streamed pieces and adjacent text blocks of one message.

    Args:
        graph: A compiled graph, or a function that makes one. A function is called
            for each way, with a fresh `checkpointer` and `store` if it takes
            parameters of these names.
        broker: Whose redactor is told of the canaries: the graph's own.
        inputs: What to run, in order, on one thread. A function is called with
            `plant`, and puts `plant("some name")` where a value may come from, e.g.
            `lambda plant: Command(resume=plant("resume"))`.
        config: Config of the runs, beside thread, handlers and canaries.
        context: The run's `context`, if the graph takes one.
        updates: State updates to apply afterwards, through `update_state`.
        secrets: Raw values by name that the graph brings along by itself, e.g. what
            its tools lease; they are looked for too, in more forms than canaries:
            escapes of single letters, base64 of base64, with unseen characters.
        plant: Where canaries go; any of `input`, `metadata`, `tags`, `run_name`,
            `configurable`.
        kinds: The kinds of canaries; all by default.
        ways: The ways to run, by name; all by default.
        sinks: Further surfaces: a name, and a function that returns what stands
            there. Names like `checkpointer` replace the built-in reader.
        raises: The error that the runs must end in.
        frames: Also read the locals of the frames that errors carry, as reporters
            that send locals do. What nodes get raw on purpose, such as the
            `configurable`, may stand there.
        tenant: In whose partition the canaries are registered: the tenant that the
            broker identifies for these runs.

    Raises:
        ConfigError: A way, kind or path is unknown, one thing stands where a list
            belongs, there are no inputs, or the graph is protected by another broker.
    """

    def __init__(
        self,
        graph: Pregel[Any, Any, Any, Any] | Callable[..., Any],
        broker: SecretBroker,
        *,
        inputs: Sequence[Any],
        config: Mapping[str, Any] | None = None,
        context: Any = None,
        updates: Sequence[Any] = (),
        secrets: Mapping[str, str] | None = None,
        plant: Iterable[str] = PATHS,
        kinds: Iterable[str] | None = None,
        ways: Iterable[str] | None = None,
        sinks: Mapping[str, Callable[[], Any]] | None = None,
        raises: type[BaseException] | None = None,
        frames: bool = False,
        tenant: str = "default",
    ) -> None:
        refuse_single(
            inputs=inputs, updates=updates, plant=plant, kinds=kinds, ways=ways
        )
        wanted = list(WAYS) if ways is None else list(ways)
        paths = tuple(plant)
        refuse_unknown("ways", wanted, WAYS)
        refuse_unknown("plant", paths, PATHS)
        if not inputs:
            raise ConfigError("inputs is empty: give at least one input to run")
        membrane = getattr(graph, "membrane", None)
        if membrane is not None and membrane.broker is not broker:
            raise ConfigError("the graph is protected by another broker: give that one")
        self._graph, self._inputs, self._updates = graph, list(inputs), list(updates)
        self._config, self._context = dict(config or {}), context
        self._paths, self._raises, self._frames = paths, raises, frames
        self._ways = [WAYS[name] for name in wanted]
        self._sinks = dict(sinks or {})
        self._protected = True
        self._canaries = Canaries(broker.redactor, kinds=kinds, tenant=tenant)
        for name, value in (secrets or {}).items():
            self._canaries.watch(name, value)

    def __repr__(self) -> str:
        return f"LeakMatrix(ways={len(self._ways)}, inputs={len(self._inputs)})"

    def run(self) -> LeakReport:
        """Run every way, the async ones in an event loop of their own.

        Returns:
            The report. Ways that the graph's saver does not serve are listed in it
            as skipped: run the async ones with `arun`.

        Raises:
            ConfigError: An event loop runs here, and async ways are wanted.
        """
        later = self._of(is_async=True)
        if not self._serves_both:
            skipped = dict.fromkeys((way.name for way in later), _ASYNC_ONLY)
            return LeakReport((*self._sync_trials(),), skipped, self._protected)
        if later:
            refuse_running_loop()
        trials = [*self._sync_trials()]
        if later:
            trials += asyncio.run(self._async_trials())
        return LeakReport(tuple(trials), {}, self._protected)

    async def arun(self) -> LeakReport:
        """Run the async ways, in the event loop that is running.

        Returns:
            The report. It lists the sync ways as skipped.
        """
        trials = await self._async_trials()
        sync = (way.name for way in self._of(is_async=False))
        skipped = dict.fromkeys(sync, _SYNC_ONLY)
        return LeakReport(tuple(trials), skipped, self._protected)

    async def _async_trials(self) -> list[Trial]:
        trials: list[Trial] = []
        with Lab(self._canaries) as lab, self._planted() as (steps, config):
            for way in self._of(is_async=True):
                async with aopened_saver() as saver:
                    case = self._case(steps, config, saver, is_async=True)
                    trials.append(await lab.atry(case, way, paths=self._seen))
        return trials

    def _sync_trials(self) -> Iterator[Trial]:
        with Lab(self._canaries) as lab, self._planted() as (steps, config):
            for way in self._of(is_async=False):
                with opened_saver() as saver:
                    case = self._case(steps, config, saver)
                    yield lab.try_(case, way, paths=self._seen)

    @contextlib.contextmanager
    def _planted(self) -> Iterator[tuple[list[Any], dict[str, Any]]]:
        """Inputs and config with canaries in them, which the redactor knows."""
        plant = self._canaries.plant
        steps = [
            given(plant)
            if callable(given)
            else planted_input(given, plant)
            if "input" in self._paths
            else given
            for given in self._inputs
        ]
        try:
            yield steps, planted_config(self._config, plant, self._paths)
        finally:
            self._canaries.forget()

    def _case(
        self,
        steps: list[Any],
        config: dict[str, Any],
        saver: Any,
        *,
        is_async: bool = False,
    ) -> Case:
        graph = self._made(saver)
        self._protected = getattr(graph, "membrane", None) is not None
        case = Case(
            graph, list(steps), config, raises=self._raises, frames=self._frames
        )
        case.reaches = True
        case.sinks = dict(self._sinks)
        if self._context is not None:
            case.options["context"] = self._context
        for update in self._updates:
            values = update(self._canaries.plant) if callable(update) else update
            case.steps = [*case.steps, _updating(graph, values, is_async=is_async)]
        return case

    def _made(self, saver: Any) -> Any:
        if isinstance(self._graph, Pregel):
            return self._graph
        offered = {"checkpointer": saver, "store": InMemoryStore()}
        known = inspect.signature(self._graph).parameters
        made = self._graph(**{k: v for k, v in offered.items() if k in known})
        if not isinstance(made, Pregel):
            raise ConfigError(
                f"the factory returned a {type(made).__name__}: it must return a "
                "compiled graph"
            )
        return made

    @property
    def _seen(self) -> list[str]:
        """The paths that must show up: those of the inputs."""
        return [path for path in self._canaries.paths if path.startswith("input")]

    @property
    def _serves_both(self) -> bool:
        if not isinstance(self._graph, Pregel):
            return True
        saver = self._graph.checkpointer
        return saver in (None, True, False) or isinstance(saver, InMemorySaver)

    def _of(self, *, is_async: bool) -> list[Way]:
        return [way for way in self._ways if way.is_async is is_async]


def _updating(graph: Any, values: Any, *, is_async: bool) -> Callable[[Any], Any]:
    async def aupdate(config: Any) -> Any:
        await graph.aupdate_state(config, values)
        return SKIP

    def update(config: Any) -> Any:
        graph.update_state(config, values)
        return SKIP

    return aupdate if is_async else update
