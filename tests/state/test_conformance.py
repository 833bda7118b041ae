"""The checkpointer conformance suite, under the guard."""

from __future__ import annotations

import asyncio

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from langchain_tyrum.state import guard_checkpointer


class Threaded(SqliteSaver):
    """The sync saver behind the async methods that the suite calls."""

    async def aput(self, *args, **named):
        return await asyncio.to_thread(self.put, *args, **named)

    async def aput_writes(self, *args, **named):
        return await asyncio.to_thread(self.put_writes, *args, **named)

    async def aget_tuple(self, *args, **named):
        return await asyncio.to_thread(self.get_tuple, *args, **named)

    async def alist(self, *args, **named):
        for item in await asyncio.to_thread(lambda: list(self.list(*args, **named))):
            yield item

    async def adelete_thread(self, *args, **named):
        return await asyncio.to_thread(self.delete_thread, *args, **named)


async def _memory(tmp_path):
    yield InMemorySaver()


async def _sqlite(tmp_path):
    with SqliteSaver.from_conn_string(":memory:") as saver:
        yield Threaded(saver.conn)


async def _async_sqlite(tmp_path):
    async with AsyncSqliteSaver.from_conn_string(":memory:") as saver:
        yield saver


@pytest.mark.parametrize("make", [_memory, _sqlite, _async_sqlite])
async def test_conformance(make, tmp_path, redactor):
    """A guarded saver passes every capability that the saver itself has."""

    async def plain():
        async for saver in make(tmp_path):
            yield saver

    async def with_guard():
        async for saver in make(tmp_path):
            yield guard_checkpointer(saver, redactor)

    bare = await validate(checkpointer_test(name=f"bare {make.__name__}")(plain))
    report = await validate(checkpointer_test(name=make.__name__)(with_guard))

    assert report.passed_all_base(), report.to_dict()
    assert {k: (r.detected, r.passed) for k, r in bare.results.items()} == {
        k: (r.detected, r.passed) for k, r in report.results.items()
    }
    assert {k: r.tests_passed for k, r in bare.results.items()} == {
        k: r.tests_passed for k, r in report.results.items()
    }
