"""What a row of the matrix is, and what it builds its graph from."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.messages import AnyMessage  # noqa: TC002 - langgraph reads it
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from langchain_tyrum.testing.leaks.models import ListModel
from langchain_tyrum.testing.leaks.runs import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langchain_tyrum.testing.leaks.report import Leak
    from langchain_tyrum.testing.leaks.wire import TraceWire


class State(TypedDict, total=False):
    """The state of most rows."""

    messages: Annotated[list[AnyMessage], add_messages]
    data: Any
    log: Annotated[list[Any], add]
    done: bool


@dataclass(frozen=True)
class Gap:
    """A leak that is known: documented, or waiting for its mend.

    Attributes:
        why: Why it is so.
        surfaces: Where it shows; anywhere when empty.
        kinds: For which kinds of values; all when empty.
    """

    why: str
    surfaces: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()

    def holds(self, leak: Leak) -> bool:
        """Whether a leak is this one."""
        kind = leak.canary.rpartition("/")[2]
        return (not self.surfaces or leak.surface in self.surfaces) and (
            not self.kinds or kind in self.kinds
        )


@dataclass(frozen=True)
class Source:
    """One way in which a raw value gets into a graph: a row of the matrix.

    Attributes:
        name: What reports call it.
        area: The part of the frameworks that it stands for.
        build: Plants the value and says how to run it.
        marked: Whether a marker must stand somewhere, as proof that the value came
            by. Not where only a handle takes its place, or nobody is shown it.
        gaps: What a protected graph still leaks of it; empty for nearly all.
        ways: The ways that show it; all when empty.
    """

    name: str
    area: str
    build: Callable[[Kit], Case]
    marked: bool = True
    gaps: tuple[Gap, ...] = ()
    ways: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.area}: {self.name}"

    def surprises(self, leaks: Iterable[Leak]) -> list[Leak]:
        """The leaks that are not known gaps."""
        return [leak for leak in leaks if not any(g.holds(leak) for g in self.gaps)]


@dataclass
class Kit:
    """What a row builds from.

    Attributes:
        text: The text with the canaries.
        saver: The checkpointer to compile with.
        store: The store to compile with.
        cache: The cache to compile with.
        wire: The trace endpoint, for rows with clients of their own.
        client: A client that sends there.
        middleware: What a `create_agent` is to be built with, to be protected.
        seen: What later nodes, tasks and tools were given; must be clean.
        models: The models that were made; what they were sent must be clean.
    """

    text: str
    saver: Any
    store: Any
    cache: Any
    wire: TraceWire
    client: Any
    middleware: list[Any] = field(default_factory=list)
    seen: list[Any] = field(default_factory=list)
    models: list[ListModel] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Kit(seen={len(self.seen)}, models={len(self.models)})"

    def see(self, obj: Any) -> None:
        """Keep what code downstream of the source was given."""
        self.seen.append(obj)

    def model(self, *answers: Any, **fields: Any) -> ListModel:
        """A model that gives these answers."""
        made = ListModel(answers=list(answers), **fields)
        self.models.append(made)
        return made

    def flow(
        self, first: Any, *more: Any, state: Any = State, compiled: Any = None,
        **options: Any,
    ) -> Any:  # fmt: skip
        """A graph of `first`, then more nodes, then one that keeps its input.

        Args:
            first: The node that matters; `options` are options of `add_node`.
            *more: Further nodes.
            state: The state's schema.
            compiled: Options of `compile`.
            **options: Options of the first node.

        Returns:
            The compiled graph.
        """

        def last(state: Any) -> Any:
            self.see(state)
            return {"done": True}

        builder: Any = StateGraph(state)
        nodes = [("first", first), *((f"more{i}", n) for i, n in enumerate(more))]
        nodes.append(("last", last))
        for name, node in nodes:
            builder.add_node(name, node, **(options if name == "first" else {}))
        builder.add_edge(START, "first")
        for (here, _), (there, _) in pairwise(nodes):
            builder.add_edge(here, there)
        parts = {"checkpointer": self.saver, "store": self.store, "cache": self.cache}
        return builder.compile(**{**parts, **(compiled or {})})


#: Tracebacks keep the locals of frames: error reporters send them.
FRAMES = frozenset({"exception frames"})


def returning(kit: Kit, value: Any, **changes: Any) -> Case:
    """A case whose first node returns a value into an ordinary key."""
    return Case(kit.flow(lambda _: {"data": value}), [{"data": 1}], **changes)
