"""An answer answers the question it was given to, and no later one."""

from __future__ import annotations

import asyncio

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command

from langchain_tyrum import SecretBroker, SecretPolicy, protect, secret_tool
from langchain_tyrum.approval import approval_node, approve, decisions, reject

CONFIG = {"configurable": {"thread_id": "1"}}
YES = Command(resume=decisions(approve()))
NO = Command(resume=decisions(reject()))


@pytest.fixture
def broker():
    with SecretBroker.in_memory(
        {"db/password": "first-value-kq7"},
        policy=SecretPolicy(require_approval=["*"]),
    ) as broker:
        yield broker


@pytest.fixture
def ran():
    return []


@pytest.fixture(params=["node", "tool", "node in a graph in a node"])
def compiled(request, broker, ran):
    """Compile a graph whose model calls one tool that wants the secret."""

    @secret_tool(broker, password="db/password")
    def query(text: str, *, password: str) -> str:
        """Ask the database."""
        ran.append(len(password))
        return "rows"

    def model(state: MessagesState):
        if state["messages"][-1].type == "tool":
            return Command(goto="__end__")
        call = {"name": "query", "args": {"text": "x"}, "id": "c1"}
        goto = "tools" if request.param == "tool" else "approve"
        return Command(
            goto=goto, update={"messages": [AIMessage("", tool_calls=[call])]}
        )

    def build(saver, *, guarded=False):
        builder = StateGraph(MessagesState)
        builder.add_node("model", model, destinations=("approve", "tools", "__end__"))
        builder.add_node("approve", approval_node(broker, [query]))
        builder.add_node("tools", ToolNode([query]))
        builder.add_edge(START, "model")
        builder.add_edge("tools", "model")
        if request.param == "node in a graph in a node":
            outer = StateGraph(MessagesState)
            outer.add_node("inner", builder.compile())
            outer.add_edge(START, "inner")
            builder = outer
        graph = builder.compile(checkpointer=saver)
        return protect(graph, broker) if guarded else graph

    return build


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "protected"])
@pytest.mark.parametrize("saver", ["memory", "sqlite"])
class TestPlain:
    def test_is_not_handed_out_again(
        self, saver, guarded, compiled, broker, ran, tmp_path
    ):
        """What came for a question that was superseded never answers the next one."""
        if saver == "memory":
            self._walk(compiled(InMemorySaver(), guarded=guarded), broker, ran)
            return
        with SqliteSaver.from_conn_string(str(tmp_path / "graph.db")) as opened:
            self._walk(compiled(opened, guarded=guarded), broker, ran)

    def _walk(self, graph, broker, ran):
        graph.invoke({"messages": [("user", "go")]}, CONFIG)
        broker.rotate("db/password", "second-value-kq7")

        graph.invoke(YES, CONFIG)  # the question that was shown is no more
        graph.invoke(None, CONFIG)
        graph.invoke(None, CONFIG)
        assert [] == ran

        graph.invoke(YES, CONFIG)  # this one was seen
        assert [16] == ran


class TestAsync:
    @pytest.mark.parametrize("guarded", [False, True], ids=["plain", "protected"])
    async def test_is_not_handed_out_again(
        self, guarded, compiled, broker, ran, tmp_path
    ):
        """The same holds for async savers and runs."""
        path = str(tmp_path / "graph.db")
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            graph = compiled(saver, guarded=guarded)
            await graph.ainvoke({"messages": [("user", "go")]}, CONFIG)
            broker.rotate("db/password", "second-value-kq7")

            await graph.ainvoke(YES, CONFIG)
            await graph.ainvoke(None, CONFIG)
            assert [] == ran

            await graph.ainvoke(YES, CONFIG)
            assert [16] == ran


def older(graph):
    """The config of the newest checkpoint from which the question was asked."""
    *_, (found, *_) = (
        [one.config for one in graph.get_state_history(CONFIG) if node in one.next]
        for node in ("tools", "approve", "inner")
        if any(node in one.next for one in graph.get_state_history(CONFIG))
    )
    return found


def ids(result):
    return [one.id for one in result["__interrupt__"]]


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "protected"])
@pytest.mark.parametrize("saver", ["memory", "sqlite"])
class TestReplayed:
    @pytest.fixture
    def graph(self, saver, guarded, compiled, tmp_path):
        if saver == "memory":
            yield compiled(InMemorySaver(), guarded=guarded)
            return
        with SqliteSaver.from_conn_string(str(tmp_path / "graph.db")) as opened:
            yield compiled(opened, guarded=guarded)

    def test_old_answer_stays_old(self, graph, broker, ran):
        """After a replay, what an earlier question was told answers nothing."""
        graph.invoke({"messages": [("user", "go")]}, CONFIG)
        graph.invoke(None, older(graph))  # a fork, which the next replay is none of
        broker.rotate("db/password", "second-value-kq7")
        graph.invoke(YES, CONFIG)  # passed over, and kept by LangGraph
        graph.invoke(None, older(graph))
        graph.invoke(None, CONFIG)
        graph.invoke(None, CONFIG)
        assert [] == ran

        graph.invoke(NO, CONFIG)
        assert [] == ran

    def test_first_id_is_not_the_second(self, graph, broker, ran):
        """An answer by the id of an earlier question of the task is asked again."""
        first = ids(graph.invoke({"messages": [("user", "go")]}, CONFIG))
        broker.rotate("db/password", "second-value-kq7")
        by_id = Command(resume=dict.fromkeys(first, decisions(approve())))

        second = ids(graph.invoke(by_id, CONFIG))
        third = ids(graph.invoke(by_id, CONFIG))
        assert [] == ran
        assert 3 == len({*first, *second, *third})

        graph.invoke(Command(resume=dict.fromkeys(third, decisions(approve()))), CONFIG)
        assert [16] == ran


class TestReplayedAsync:
    @pytest.mark.parametrize("guarded", [False, True], ids=["plain", "protected"])
    async def test_old_answer_stays_old(self, guarded, compiled, broker, ran, tmp_path):
        """The same holds for async savers and runs."""
        path = str(tmp_path / "graph.db")
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            graph = compiled(saver, guarded=guarded)
            await graph.ainvoke({"messages": [("user", "go")]}, CONFIG)
            await graph.ainvoke(None, await asyncio.to_thread(older, graph))
            broker.rotate("db/password", "second-value-kq7")
            await graph.ainvoke(YES, CONFIG)
            await graph.ainvoke(None, await asyncio.to_thread(older, graph))
            await graph.ainvoke(None, CONFIG)
            await graph.ainvoke(NO, CONFIG)

        assert [] == ran
