from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Interrupt

from langchain_tyrum.approval import (
    ApprovalRequest,
    apending_approvals,
    approve,
    decisions,
    pending_approvals,
)
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError


class TestPending:
    def test_question_reads_back(self, world, issue, drop):
        """What waits is told with its ids, calls, scopes and offers."""
        here = world([issue, drop])
        here.start()

        (request,) = here.pending()

        kept = here.broker.requests.find(request.request_id)
        (interrupt,) = here.graph.get_state(here.config).interrupts
        assert (kept.digest, kept.tool_call_ids, kept.expires_at) == (
            request.digest,
            request.tool_call_ids,
            request.expires_at,
        )
        assert interrupt.id == request.interrupt_id
        assert ["create_issue", "drop_table"] == [one.name for one in request.actions]
        assert ("db/password:use", "github/token:use") == request.scopes
        assert ("approve", "edit", "reject", "respond") == request.actions[0].allowed
        assert ("once", "session", "always") == request.grant_options
        assert here.policy.sha256 == request.policy_sha256
        assert request.expires_at > datetime.now(UTC)

    def test_it_reads_like_langchains_form(self, world, issue, drop):
        """The calls and what may be decided stand as clients get them."""
        here = world([issue, drop])
        here.start()

        (request,) = here.pending()

        (interrupt,) = here.graph.get_state(here.config).interrupts
        assert interrupt.value["action_requests"] == request.action_requests
        assert interrupt.value["review_configs"] == request.review_configs

    async def test_wrong_threads_name_the_mend(self, world, issue):
        """Without a thread or a checkpointer nothing can be read."""
        here = world([issue])

        for config in ({}, None, {"configurable": {}}, "t"):
            with pytest.raises(ConfigError, match="thread_id"):
                pending_approvals(here.graph, config)
            with pytest.raises(ConfigError, match="thread_id"):
                await apending_approvals(here.graph, config)
        with pytest.raises(ConfigError, match="checkpointer="):
            pending_approvals(here.build(None), here.config)

    async def test_async_twin_says_the_same(self, world, issue):
        """The async twin reads the same questions."""
        here = world([issue])
        graph = here.build(InMemorySaver())
        await graph.ainvoke({"messages": ["go"]}, here.config)

        (request,) = await apending_approvals(graph, here.config)
        await graph.ainvoke(Command(resume=decisions(approve())), here.config)

        assert ("c1",) == request.tool_call_ids
        assert [] == await apending_approvals(graph, here.config)
        assert ["c1"] == here.ids()

    def test_nothing_waits_after_the_answer(self, world, issue):
        """An answered question waits no more."""
        here = world([issue])
        assert [] == here.pending()
        here.start()

        here.resume(decisions(approve()))

        assert [] == here.pending()

    def test_foreign_interrupts_are_left_out(self):
        """Interrupts of others are no approval requests."""
        for value in ("why?", None, {"tyrum": 1}, {"tyrum": {}}, {"a": 1}):
            assert (
                ApprovalRequest.from_interrupt(Interrupt(value=value, id="x")) is None
            )


class TestInMemory:
    def test_broker_in_memory_asks_too(self, world, issue, drop):
        """A broker that lives in memory serves parallel calls like any other."""
        for gate in (False, True):
            here = world([issue, drop], gate=gate)
            here.broker.close()
            here.broker = SecretBroker.in_memory(policy=here.policy)
            for name in ("github/token", "db/password"):
                here.broker.put(name, f"value-of-{name}-0042")
            for one in here.tools.values():
                if one.name != "weather":
                    one.broker = here.broker
            here.graph = here.build(here.saver)
            here.start()

            here.resume(decisions(approve(), approve()))

            assert ["c1", "c2"] == here.ids()


class TestAsyncSaver:
    async def test_the_async_twin_is_named(self, tmp_path):
        """In the loop of an async saver the sync way names `apending_approvals`."""
        builder = StateGraph(MessagesState)
        builder.add_node("say", lambda state: state)
        builder.add_edge(START, "say")
        config = {"configurable": {"thread_id": "t1"}}
        path = str(tmp_path / "a.db")
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            graph = builder.compile(checkpointer=saver)
            with pytest.raises(ConfigError, match="await apending_approvals") as caught:
                pending_approvals(graph, config)
            assert caught.value.__context__ is None
            assert [] == await apending_approvals(graph, config)
            assert [] == await asyncio.to_thread(pending_approvals, graph, config)


async def test_a_broker_is_no_graph(world):
    """Whoever gives something else than a graph is told what comes first."""
    here = world()

    with pytest.raises(ConfigError, match=r"pending_approvals\(graph, config\)"):
        pending_approvals(here.broker, here.config)
    with pytest.raises(ConfigError, match=r"pending_approvals\(graph, config\)"):
        await apending_approvals(here.broker, here.config)
