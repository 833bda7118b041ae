"""LangGraph's own PostgreSQL savers pass their conformance suite under the guard."""

from __future__ import annotations

import asyncio

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import guard_checkpointer


class Threaded(PostgresSaver):
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


async def _sync(address):
    with PostgresSaver.from_conn_string(address) as saver:
        saver.setup()
        yield Threaded(saver.conn)


async def _async(address):
    async with AsyncPostgresSaver.from_conn_string(address) as saver:
        await saver.setup()
        yield saver


@pytest.mark.parametrize("make", [_sync, _async])
async def test_conformance(make, server):
    """A guarded saver passes every capability that the saver itself has."""
    redactor = Redactor()
    redactor.register("vault/canary", "Zq7-mango lamp/3+9")

    async def plain():
        database = server.fresh()
        async for saver in make(server.address(database)):
            yield saver
        server.give_back(database)

    async def with_guard():
        database = server.fresh()
        async for saver in make(server.address(database)):
            yield guard_checkpointer(saver, redactor)
        server.give_back(database)

    bare = await validate(checkpointer_test(name=f"bare {make.__name__}")(plain))
    report = await validate(checkpointer_test(name=make.__name__)(with_guard))

    assert report.passed_all_base(), report.to_dict()
    assert {
        k: (r.detected, r.passed, r.tests_passed) for k, r in bare.results.items()
    } == {k: (r.detected, r.passed, r.tests_passed) for k, r in report.results.items()}
