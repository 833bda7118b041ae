"""One run: a graph, an input, a way to run it, and what each sink shows of it."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.tracers import LangChainTracer
from langsmith import tracing_context

from langchain_tyrum.testing.leaks.reaching import reached
from langchain_tyrum.testing.leaks.recorders import (
    Heard,
    async_recording_handler,
    listening,
    recording_handler,
)
from langchain_tyrum.testing.leaks.storage import CannotRead, astored, stored
from langchain_tyrum.testing.leaks.telling import joined, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_tyrum.testing.leaks.recorders import Output
    from langchain_tyrum.testing.leaks.ways import Way
    from langchain_tyrum.testing.leaks.wire import TraceWire


@dataclass
class Case:
    """A graph and how to run it.

    Attributes:
        graph: The compiled graph.
        steps: Its inputs, one after the other on one thread; a function is called
            with the config and gives the next input, or does something by itself
            and returns `SKIP`.
        config: What the caller's config holds beside thread and handlers.
        options: Keyword arguments of the call, such as `context` or `durability`.
        raises: The error that must reach the caller, if any.
        alive: Whether what had to happen did, beside ending as expected.
        refused: Whether the call is refused at the door, so that nothing runs.
        tracer: Whether an explicit tracer is among the handlers; without one the
            context that is set around the run traces it.
        context: What stands around the run, e.g. another tracing context.
        frames: Whether the locals of frames that errors carry are a surface too.
        sinks: Further places to read, by the surface's name.
        reaches: Whether what is planted must get into the graph: a marker in a trace
            of the mere call is no proof.
    """

    graph: Any
    steps: Sequence[Any] = ()
    config: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    raises: type[BaseException] | tuple[type[BaseException], ...] | None = None
    alive: Callable[[], object] | None = None
    refused: bool = False
    tracer: bool = True
    context: Callable[[], Any] | None = None
    frames: bool = True
    sinks: dict[str, Callable[[], Any]] = field(default_factory=dict)
    reaches: bool = False


#: What a step returns that ran the graph by itself.
SKIP = object()


@dataclass(frozen=True)
class Evidence:
    """What a run left behind.

    Attributes:
        sinks: The bytes of each surface.
        dead: Why the run proves nothing; empty for a run that is alive.
        proof: Where markers must show up.
    """

    sinks: Mapping[str, bytes]
    dead: tuple[str, ...] = ()
    proof: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:
        size = sum(map(len, self.sinks.values()))
        return f"Evidence(sinks={len(self.sinks)}, bytes={size}, dead={self.dead!r})"


class Run:
    """Runs a case one way and reads every sink.

    Args:
        case: What to run.
        way: How.
        wire: Where its traces go; the run is alone on it.
    """

    def __init__(self, case: Case, way: Way, wire: TraceWire, client: Any) -> None:
        self._case, self._way, self._wire, self._client = case, way, wire, client
        self._thread = f"leak-matrix-{uuid.uuid4().hex[:8]}"
        self._heard, self._aheard = Heard(), Heard()
        self._parts: dict[str, list[Any]] = {}
        self._error: BaseException | None = None
        self._unread: list[str] = []
        self._start = len(wire.bodies)

    def config(self) -> dict[str, Any]:
        """The config of the run, with a handler of each kind and a tracer."""
        given = dict(self._case.config)
        configurable = {"thread_id": self._thread, **given.pop("configurable", {})}
        handlers = [
            *given.pop("callbacks", ()),
            recording_handler(self._heard),
            async_recording_handler(self._aheard),
        ]
        if self._case.tracer:
            handlers.append(LangChainTracer(client=self._client, project_name="matrix"))
        return {**given, "configurable": configurable, "callbacks": handlers}

    def run(self) -> Evidence:
        """Run a sync way."""
        with listening() as output, self._around():
            try:
                for step in self._case.steps:
                    given = step(self.config()) if callable(step) else step
                    if given is not SKIP:
                        for surface, part in self._way.run(
                            self._case.graph, given, self.config(), **self._options
                        ):
                            self._parts.setdefault(surface, []).append(part)
            except BaseException as error:
                self._keep(error)
            sinks = self._states()
            sinks |= self._stored()
        return self._evidence(sinks, output)

    async def arun(self) -> Evidence:
        """Run an async way."""
        with listening() as output, self._around():
            try:
                for step in self._case.steps:
                    given = step(self.config()) if callable(step) else step
                    if hasattr(given, "__await__"):
                        given = await given
                    if given is not SKIP:
                        async for surface, part in self._way.run(
                            self._case.graph, given, self.config(), **self._options
                        ):
                            self._parts.setdefault(surface, []).append(part)
            except BaseException as error:
                self._keep(error)
            sinks = await self._astates()
            for name, thing in self._things():
                with self._reading(name):
                    sinks[name] = await astored(thing)
        return self._evidence(sinks, output)

    @property
    def _options(self) -> dict[str, Any]:
        return dict(self._case.options)

    @contextlib.contextmanager
    def _around(self) -> Any:
        """What `@traceable` finds around it, and what the case wants there."""
        with contextlib.ExitStack() as stack:
            if self._case.context is None:
                traced = tracing_context(
                    enabled=True, client=self._client, project_name="matrix"
                )
                stack.enter_context(traced)
            else:
                stack.enter_context(self._case.context())
            yield

    def _keep(self, error: BaseException) -> None:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise error
        self._error = error

    def _states(self) -> dict[str, bytes]:
        graph, config = self._case.graph, self._place()
        if not _is_saver(graph.checkpointer):
            return {}
        with self._reading("state"):
            return {
                "state": told(graph.get_state(config)),
                "history": told(list(graph.get_state_history(config))),
            }
        return {}

    async def _astates(self) -> dict[str, bytes]:
        graph, config = self._case.graph, self._place()
        if not _is_saver(graph.checkpointer):
            return {}
        with self._reading("state"):
            history = [each async for each in graph.aget_state_history(config)]
            state = await graph.aget_state(config)
            return {"state": told(state), "history": told(history)}
        return {}

    def _place(self) -> Any:
        return {"configurable": self.config()["configurable"]}

    def _stored(self) -> dict[str, bytes]:
        sinks: dict[str, bytes] = {}
        for name, thing in self._things():
            with self._reading(name):
                sinks[name] = stored(thing)
        return sinks

    def _things(self) -> list[tuple[str, Any]]:
        graph = self._case.graph
        things = {
            "checkpointer": graph.checkpointer if _is_saver(graph.checkpointer) else 0,
            "store": graph.store,
            "cache": graph.cache,
        }
        return [
            (name, thing)
            for name, thing in things.items()
            if thing and name not in self._case.sinks
        ]

    @contextlib.contextmanager
    def _reading(self, name: str) -> Any:
        """A surface that cannot be read is not clean: the report says so."""
        try:
            yield
        except CannotRead as error:
            self._unread.append(
                f"{name}: {error} cannot be read back; pass sinks={{{name!r}: ...}}"
            )
        except Exception as error:
            if self._case.raises is None:
                self._unread.append(f"{name}: reading failed, {type(error).__name__}")

    def _evidence(self, sinks: dict[str, bytes], output: Output) -> Evidence:
        self._wire.flush()
        sinks |= output.sinks()
        frames = [*self._heard.frames, *self._aheard.frames]
        for surface, parts in self._parts.items():
            sinks[surface] = told(parts, frames=frames) + b"\n" + joined(parts)
        sinks["LangSmith wire"] = b"\n".join(self._wire.bodies[self._start :])
        sinks["callback handler"] = self._heard.data
        sinks["async callback handler"] = self._aheard.data
        graph = self._case.graph
        sinks["repr"] = f"{graph!r}\n{graph.nodes!r}\n{graph.checkpointer!r}".encode()
        if self._error is not None:
            sinks["exception"] = told(self._error, frames=frames)
        if self._case.frames:
            sinks["exception frames"] = b"\n".join(frames)
        for name, read in self._case.sinks.items():
            sinks[name] = told(read())
        return Evidence(sinks, tuple(self._dead(sinks)), self._proof(sinks))

    def _proof(self, sinks: Mapping[str, bytes]) -> bytes:
        case = self._case
        if not case.reaches:
            return b"\n".join(sinks.values())
        inner = [*self._heard.inner, *self._aheard.inner]
        return reached(sinks, inner, steps=case.steps, own=case.sinks)

    def _dead(self, sinks: Mapping[str, bytes]) -> list[str]:
        """Why the run proves nothing."""
        reasons = [*self._unread]
        wanted = self._case.raises
        if wanted is None and self._error is not None:
            reasons.append(f"it raised {type(self._error).__name__}")
        if wanted is not None and not isinstance(self._error, wanted):
            reasons.append(
                f"it did not raise what it should, but {type(self._error).__name__}"
            )
        if self._wire.unread:
            reasons.append("a trace could not be read")
        if self._case.alive is not None and not self._case.alive():
            reasons.append("what had to happen did not")
        if not self._case.refused:
            if self._thread.encode() not in sinks["LangSmith wire"]:
                reasons.append("no trace arrived")
            if not all(_TOLD & {*h.events} for h in (self._heard, self._aheard)):
                reasons.append("a callback handler was told nothing")
        return reasons


_TOLD = {"on_chain_start", "on_chain_end", "on_chain_error"}


def _is_saver(thing: object) -> bool:
    return thing is not None and not isinstance(thing, bool)
