"""A conversation of 1,000 messages: what one more step of it costs under guard."""

from __future__ import annotations

import contextlib
import copy
import sqlite3
import tempfile
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine_cells.corpus import text
from engine_cells.exact import FIND, knowing
from engine_cells.report import OURS, Row, Target
from engine_cells.rivals import langsmith_dozen
from engine_cells.timing import Contestant, fresh, measure
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_tyrum.state import GuardedSerializer, guard_checkpointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from langchain_core.messages import BaseMessage

DUMPS = "dumps_typed of the state"
BARE = "unguarded"
_numbers = count()
_CONFIG: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


def message(number: int, size: int = 2_000) -> BaseMessage:
    """Write the nth message: of a user, a model that calls a tool, or the tool."""
    body = fresh(text(size, seed=number % 50))(number)
    ident, call = f"m{number}", f"call_{number}"
    if number % 3 == 0:
        return HumanMessage(body, id=ident)
    if number % 3 == 1:
        args = {"query": body[:200], "page": number}
        calls = [{"name": "search", "args": args, "id": call}]
        return AIMessage(body, id=ident, tool_calls=calls)
    return ToolMessage(body, id=ident, tool_call_id=call, name="search")


@lru_cache(maxsize=2)
def conversation(size: int) -> tuple[BaseMessage, ...]:
    """Return so many messages of 2 KB."""
    return tuple(message(number) for number in range(size))


def growing(size: int) -> Callable[[int], list[BaseMessage]]:
    """Return a maker of the same conversation, each time with one message more."""
    said = list(conversation(size))
    assert knowing(10, shapes=True).is_clean(said)

    def more(_: int) -> list[BaseMessage]:
        said.append(message(size + next(_numbers)))
        return list(said)

    return more


def new_message(size: int, *, budget: float) -> Row:
    """Look at one new message of 4 KB, which nobody has seen."""
    redactor, serde = knowing(10, shapes=True), JsonPlusSerializer()
    state, part = {"messages": list(conversation(size))}, size // 50
    few = {"messages": [m.model_dump() for m in conversation(size)[:part]]}
    anonymize = langsmith_dozen()
    timings = measure(
        {
            OURS: Contestant(run=redactor.redact),
            DUMPS: Contestant(run=serde.dumps_typed, make=lambda _: state),
            "LangSmith, the state": Contestant(
                run=anonymize,  # type: ignore[arg-type]
                make=lambda _: copy.deepcopy(few),
                scale=size / part,
                note=f"{part} messages, scaled",
            ),
        },
        lambda number: [HumanMessage(fresh(text(4_000, seed=number % 50))(number))],
        budget=budget,
    )
    return _share(
        timings,
        name=f"one new 4 KB message, state of {size:,}, 10 values and shapes",
        limit=0.8,
    )


def holding(values: int, size: int, *, budget: float) -> Row:
    """Ask whether 2 MB of packed state hold a value."""
    redactor, serde = knowing(values, shapes=True), JsonPlusSerializer()
    state = {"messages": list(conversation(size))}
    packed = serde.dumps_typed(state)[1]
    timings = measure(
        {
            OURS: Contestant(
                run=redactor.contains, make=lambda n: packed + str(n).encode()
            ),
            DUMPS: Contestant(run=serde.dumps_typed, make=lambda _: state),
            FIND: Contestant(
                run=lambda data: data.find(b"Zq7kk2ndWWx81kd0slqpMzx"),
                make=lambda n: packed + str(n).encode(),
            ),
        },
        str,
        budget=budget,
    )
    name = f"contains, {len(packed) / 1e6:.1f} MB of packed state, {values:,} values"
    return _share(timings, name=name, limit=None)


def _share(timings: Any, *, name: str, limit: float | None) -> Row:
    share = 100 * timings[OURS].median / timings[DUMPS].median
    least = 100 * timings[OURS].least / timings[DUMPS].least
    target = Target(
        what=f"of one {DUMPS}", figure=share, limit=limit or 0, sense="most", unit=" %"
    )
    note = f"{share:.2f} % of one dumps_typed, by the minima {least:.2f} %"
    targets = (target,) if limit else ()
    return Row(name=name, timings=timings, targets=targets, notes=(note,))


def serializer(values: int, size: int, *, budget: float) -> Row:
    """Serialize successive states, each with one message more."""
    guarded = GuardedSerializer(knowing(values, shapes=True))
    return _guarded(
        guarded.dumps_typed,
        JsonPlusSerializer().dumps_typed,
        name=f"GuardedSerializer, successive states of {size:,} messages",
        values=values,
        size=size,
        budget=budget,
    )


def checkpoint(values: int, size: int, kind: str, *, budget: float) -> Row:
    """Put successive checkpoints, each with one message more."""
    redactor = knowing(values, shapes=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        savers = [
            stack.enter_context(contextlib.closing(_Saver(kind, folder / f"{name}.db")))
            for name in ("guarded", "bare")
        ]
        guarded = guard_checkpointer(savers[0].saver, redactor)
        return _guarded(
            lambda said: _put(guarded, said),
            lambda said: _put(savers[1].saver, said),
            name=f"put, {kind}, successive checkpoints of {size:,} messages",
            values=values,
            size=size,
            budget=budget,
        )


class _Saver:
    def __init__(self, kind: str, path: Path) -> None:
        self.saver: Any = InMemorySaver()
        self._connection = None
        if kind == "SqliteSaver":
            self._connection = sqlite3.connect(path, check_same_thread=False)
            self.saver = SqliteSaver(self._connection)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()


def _put(saver: Any, said: list[BaseMessage]) -> None:
    versions = {"messages": "1"}
    made = {
        **empty_checkpoint(),
        "id": "1",
        "channel_values": {"messages": said},
        "channel_versions": versions,
    }
    saver.put(_CONFIG, made, {"source": "loop", "step": 1, "parents": {}}, versions)


def _guarded(
    guarded: Callable[[Any], object],
    bare: Callable[[Any], object],
    *,
    name: str,
    values: int,
    size: int,
    budget: float,
) -> Row:
    limit = 1.04 if values <= 10 else 1.05
    return against_bare(
        {
            OURS: Contestant(run=guarded, make=growing(size)),
            BARE: Contestant(run=bare, make=growing(size)),
        },
        name=f"{name}, {values:,} values",
        limit=limit,
        budget=budget,
    )


def against_bare(
    contestants: dict[str, Contestant], *, name: str, limit: float | None, budget: float
) -> Row:
    """Measure how many times the unguarded work ours is."""
    timings = measure(contestants, str, budget=budget)
    ours, other = timings[OURS], timings[BARE]
    assert ours is not None
    assert other is not None
    figure = ours.median / other.median
    target = Target(
        what=f"of {BARE}", figure=figure, limit=limit or 0, sense="most", unit="x"
    )
    return Row(
        name=name,
        timings=timings,
        targets=(target,) if limit else (),
        notes=(
            f"{figure:.3f}x of {BARE}, by the minima {ours.least / other.least:.3f}x",
        ),
    )


def cells(*, quick: bool) -> Iterator[Callable[[], Row]]:
    """Yield what to measure."""
    budget, size = (0.8 if quick else 2.5), 1_000
    yield lambda: new_message(size, budget=budget)
    for known in (10, 1_000):
        yield lambda k=known: holding(k, size, budget=budget / 2)  # type: ignore[misc]
    for known in (10, 1_000):
        yield lambda k=known: serializer(k, size, budget=budget)  # type: ignore[misc]
        for kind in ("InMemorySaver", "SqliteSaver"):
            yield lambda k=known, s=kind: checkpoint(k, size, s, budget=budget)  # type: ignore[misc]
