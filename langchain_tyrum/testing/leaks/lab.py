"""Where matrices run: a trace endpoint, and a saver whose file can be read back."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.testing.leaks.reaching import unknown_channels
from langchain_tyrum.testing.leaks.report import Leak, Trial
from langchain_tyrum.testing.leaks.runs import Run
from langchain_tyrum.testing.leaks.wire import TraceWire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from langchain_tyrum.testing.leaks.canaries import Canaries
    from langchain_tyrum.testing.leaks.runs import Case, Evidence
    from langchain_tyrum.testing.leaks.ways import Way

#: Further reasons why a run proves nothing.
Seen = Callable[[], "list[str]"]


class Lab:
    """Runs cases, one at a time.

    A context manager: leaving it stops the endpoint.

    Args:
        canaries: What is planted and looked for.
    """

    def __init__(self, canaries: Canaries) -> None:
        self.canaries = canaries
        self.wire = TraceWire()
        self.client = self.wire.client()

    def __repr__(self) -> str:
        return f"Lab({self.canaries!r})"

    def __enter__(self) -> Lab:  # noqa: PYI034 - is not subclassed
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def try_(
        self, case: Case, way: Way, *, paths: Iterable[str] = (), seen: Seen = list
    ) -> Trial:
        """Run a case one way.

        Args:
            case: What to run.
            way: A sync way.
            paths: The paths that were planted; each must show up somewhere, as a
                marker or raw, else the run proves nothing about it.
            seen: Gives further reasons why the run proves nothing.

        Returns:
            What it showed.
        """
        return self._judged(
            Run(case, way, self.wire, self.client).run(), way, paths, seen, case
        )

    async def atry(
        self, case: Case, way: Way, *, paths: Iterable[str] = (), seen: Seen = list
    ) -> Trial:
        """Run a case one async way."""
        evidence = await Run(case, way, self.wire, self.client).arun()
        return self._judged(evidence, way, paths, seen, case)

    def _judged(
        self,
        evidence: Evidence,
        way: Way,
        paths: Iterable[str],
        seen: Seen,
        case: Case,
    ) -> Trial:
        leaks = [
            Leak(way.name, surface, name, encoding)
            for surface, data in evidence.sinks.items()
            for name, encoding in sorted(self.canaries.find(data))
        ]
        unseen = self._unseen(evidence, leaks, paths, case)
        self.wire.release(self.client)
        return Trial(
            way=way.name,
            surfaces={name: len(data) for name, data in evidence.sinks.items()},
            leaks=tuple(leaks),
            dead=(*evidence.dead, *unseen, *seen()),
        )

    def _unseen(
        self,
        evidence: Evidence,
        leaks: Iterable[Leak],
        paths: Iterable[str],
        case: Case,
    ) -> list[str]:
        """What was planted, and neither leaked nor left a marker where it must."""
        dropped, lost = _dropped(case)
        reasons = []
        for path in paths:
            why = next((w for k, w in dropped.items() if _within(path, k)), "")
            shown = any(leak.canary.startswith(f"{path}/") for leak in leaks)
            marked = any(s in evidence.proof for s in self.canaries.signs(path))
            if why or not (shown or marked):
                cause = f": {why}" if why else ""
                reasons.append(f"nothing of {path!r} {lost}{cause}")
        return reasons


def _within(path: str, parent: str) -> bool:
    return path == parent or path.startswith(f"{parent}/")


def _dropped(case: Case) -> tuple[dict[str, str], str]:
    """Why inputs did not get into a graph: by the path of a canary, and in general."""
    if not case.reaches:
        return {}, "was seen, not even a marker"
    unknown, known = unknown_channels(case.graph, case.steps)
    why = {
        f"input/{key}": f"the graph takes no {key!r}, it takes {known}"
        for key in unknown
    }
    return why, "was seen in state, result or streams, not even a marker"


@contextlib.contextmanager
def opened_saver() -> Iterator[Any]:
    """A saver in a file of its own; in memory where SQLite's saver is missing.

    Yields:
        The saver.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        try:
            import sqlite3  # noqa: PLC0415

            from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415
        except ModuleNotFoundError:
            yield InMemorySaver()
            return
        path = Path(folder) / "state.db"
        connection = sqlite3.connect(path, check_same_thread=False)
        stack.callback(connection.close)
        yield SqliteSaver(connection)


@contextlib.asynccontextmanager
async def aopened_saver() -> AsyncIterator[Any]:
    """A saver in a file of its own; the async twin."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            import aiosqlite  # noqa: PLC0415
            from langgraph.checkpoint.sqlite.aio import (  # noqa: PLC0415
                AsyncSqliteSaver,
            )
        except ModuleNotFoundError:
            yield InMemorySaver()
            return
        async with aiosqlite.connect(Path(folder) / "state.db") as connection:
            yield AsyncSqliteSaver(connection)
