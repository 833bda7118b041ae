"""The surface matrix: every source, every sink, every kind of value, zero leaks.

A row is a source; a cell is a source and a way to run it. Each run plants a registered
value, its derived forms and known shapes at once, reads every sink and proves itself
alive. `test_bare.py` runs the same rows unprotected, where each must leak. The quick
cells take each row once, sync and async in turn; the slow ones are the product with the
ways that have code of their own.

Leaks that are known stand in the rows as `Gap`s, and are asserted to be there: a mended
one fails here until its gap is deleted. What has no row, and why:

    node and channel names         refused when a graph is protected: test_protect
    deleted threads                SQLite's free pages are the database's own matter
    store embeddings, index=       need an embedding model; the guarded put is the same
    tools of an MCP server, HTTP   rooms of their own, with servers of their own
    headers of a distributed trace percent-encoded twice: tests/traces/test_fields
    failed traces on disk          written after retries that take minutes; the bodies
                                   are those of the wire
    sys.excepthook, threads        end a process or a thread: tests/traces/test_logs
    secret tools and leases        tests/tools/test_surfaces
    PostgreSQL                     a server; tests/postgres/test_agent
    foreign partitions             tests/membrane/test_oracle
    RemoteGraph, LangGraph Server  not on this machine
"""

from __future__ import annotations

import pytest

from langchain_tyrum.testing.leaks.sources import all_sources
from langchain_tyrum.testing.leaks.trying import atry_source, try_source
from langchain_tyrum.testing.leaks.ways import WAYS

SOURCES = all_sources()
SYNC = [name for name, way in WAYS.items() if not way.is_async]
ASYNC = [name for name, way in WAYS.items() if way.is_async]


#: Ways that go through the code of another one; the quick cells take them in turn.
ALIKE = {"stream v2", "batch", "ainvoke", "abatch", "astream_events v1"}


def every_cell():
    """The product: each row in each way that shows it and has code of its own."""
    return [
        (source, way)
        for source in SOURCES
        for way in WAYS
        if way not in ALIKE and (not source.ways or way in source.ways)
    ]


def quick_cells():
    """Each row once, sync and async in turn; every second one by all stream modes."""
    chosen = []
    for at, source in enumerate(SOURCES):
        names, broadest = (SYNC, "stream") if at % 2 else (ASYNC, "astream")
        ways = [name for name in names if not source.ways or name in source.ways]
        ways = ways or list(source.ways)
        in_turn = ways[at // 4 % len(ways)]
        chosen.append(
            (source, broadest if at % 4 > 1 and broadest in ways else in_turn)
        )
    return chosen


def cells(chosen, *, is_async):
    return [
        pytest.param(source, way, id=f"{source.area}-{source.name}-{way}")
        for source, way in chosen
        if WAYS[way].is_async is is_async
    ]


QUICK = quick_cells()
_DONE = {(str(source), way) for source, way in QUICK}
REST = [cell for cell in every_cell() if (str(cell[0]), cell[1]) not in _DONE]


def assert_clean(source, trial):
    """Nothing leaks but known gaps, which must still be there; the run is alive."""
    assert () == trial.dead
    assert [] == source.surprises(trial.leaks)
    for gap in source.gaps:
        assert [leak for leak in trial.leaks if gap.holds(leak)], f"mended: {gap.why}"


class TestEverySource:
    @pytest.mark.parametrize(("source", "way"), cells(QUICK, is_async=False))
    def test_leaks_nowhere(self, source, way, lab, guard):
        """Registered values, their derived forms and known shapes are in no sink."""
        trial = try_source(lab, source, WAYS[way], broker=guard)

        assert_clean(source, trial)

    @pytest.mark.parametrize(("source", "way"), cells(QUICK, is_async=True))
    async def test_leaks_nowhere_async(self, source, way, lab, guard):
        """The same holds for the async ways."""
        trial = await atry_source(lab, source, WAYS[way], broker=guard)

        assert_clean(source, trial)

    def test_names_are_unique(self):
        """A report that names a row names one row."""
        assert len(SOURCES) == len({str(source) for source in SOURCES})


@pytest.mark.slow
class TestEveryWay:
    @pytest.mark.parametrize(("source", "way"), cells(REST, is_async=False))
    def test_leaks_nowhere(self, source, way, lab, guard):
        """The rest of the product of sources and sync ways."""
        trial = try_source(lab, source, WAYS[way], broker=guard)

        assert_clean(source, trial)

    @pytest.mark.parametrize(("source", "way"), cells(REST, is_async=True))
    async def test_leaks_nowhere_async(self, source, way, lab, guard):
        """The rest of the product of sources and async ways."""
        trial = await atry_source(lab, source, WAYS[way], broker=guard)

        assert_clean(source, trial)
