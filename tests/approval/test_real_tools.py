from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command

from langchain_tyrum.approval import (
    SecretApprovalMiddleware,
    SecretBound,
    approval_node,
    approve,
    decisions,
    edit,
    enroll,
    pending_approvals,
    reject,
)
from langchain_tyrum.broker import SecretBroker, from_configurable
from langchain_tyrum.membrane import protect
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.tools import UserSecret, secret_tool

VALUE = "s3cr3t-value-of-the-token-9917"
CONFIG: Any = {"configurable": {"thread_id": "t1"}}


class Desk:
    """Two real tools over files, and the values that they were called with."""

    def __init__(self, folder, *, node=True):
        self.folder, self.node, self.ran = folder, node, []
        self.open()

    def open(self):
        ran = self.ran
        self.broker = SecretBroker.local(
            self.folder / "tyrum.db", policy=SecretPolicy(require_approval=["*"])
        )
        self.broker.put("github/token", VALUE)
        self.broker.put("db/password", f"{VALUE}-db")

        @secret_tool(self.broker, token="github/token")
        def create_issue(title: str, labels: int = 1, *, token: str) -> str:
            """Create an issue."""
            ran.append((title, labels, token))
            return f"made {title} with {token}"

        @secret_tool(self.broker, password="db/password")
        def drop_table(table: str, *, password: str) -> str:
            """Drop a table."""
            ran.append((table, password))
            return "dropped"

        self.tools = [create_issue, drop_table]
        self.saver = SqliteSaver(
            sqlite3.connect(self.folder / "graph.db", check_same_thread=False)
        )
        self.graph = self.build(self.saver)

    def reopen(self):
        self.close()
        self.open()

    def close(self):
        self.saver.conn.close()
        self.broker.close()

    def build(self, saver):
        builder = StateGraph(MessagesState)
        builder.add_node("model", model)
        builder.add_node("tools", ToolNode(self.tools))
        builder.add_edge(START, "model")
        builder.add_edge("tools", "model")
        targets = {"tools": "tools", "__end__": "__end__"}
        if self.node:
            builder.add_node("approve", approval_node(self.broker, self.tools))
            targets["tools"] = "approve"
        builder.add_conditional_edges("model", tools_condition, targets)
        return builder.compile(checkpointer=saver)

    def resume(self, *each):
        return self.graph.invoke(Command(resume=decisions(*each)), CONFIG)

    def last(self):
        return self.graph.get_state(CONFIG).values["messages"]


def model(state):
    if any(isinstance(one, ToolMessage) for one in state["messages"]):
        return {"messages": [AIMessage("finished")]}
    calls = [
        {"name": "create_issue", "args": {"title": "bug"}, "id": "c1"},
        {"name": "drop_table", "args": {"table": "logs"}, "id": "c2"},
    ]
    return {"messages": [AIMessage("", tool_calls=calls)]}


@pytest.fixture(params=["node", "tool"])
def desk(tmp_path, request):
    desk = Desk(tmp_path, node=request.param == "node")
    yield desk
    desk.close()


class TestRealTools:
    def test_secret_tool_is_secret_bound(self, desk):
        """A real secret tool is what the approval room takes for one."""
        assert all(isinstance(one, SecretBound) for one in desk.tools)

    def test_parallel_calls_run_once_each_with_the_value(self, desk):
        """Both calls wait for one answer, then run once each with the real value."""
        desk.graph.invoke({"messages": ["go"]}, CONFIG)
        assert [] == desk.ran
        (request,) = pending_approvals(desk.graph, CONFIG)
        assert ["create_issue", "drop_table"] == [one.name for one in request.actions]
        assert {"title": "bug", "labels": 1} == request.actions[0].args

        desk.resume(approve(), approve())

        assert [("bug", 1, VALUE), ("logs", f"{VALUE}-db")] == sorted(
            desk.ran, key=len, reverse=True
        )
        assert "finished" == desk.last()[-1].content
        assert "made bug with [REDACTED:github/token]" == desk.last()[2].content

    async def test_async_run_does_the_same(self, desk, tmp_path):
        """An async run asks once and runs each call once."""
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = desk.build(saver)
            await graph.ainvoke({"messages": ["go"]}, CONFIG)
            await graph.ainvoke(Command(resume=decisions(approve(), approve())), CONFIG)

        assert 2 == len(desk.ran)

    def test_one_yes_one_no(self, desk):
        """The approved call runs, and the model is told of the rejected one."""
        desk.graph.invoke({"messages": ["go"]}, CONFIG)

        desk.resume(reject("not today"), approve())

        assert [("logs", f"{VALUE}-db")] == desk.ran
        told = {one.tool_call_id: one for one in desk.last() if one.type == "tool"}
        assert "not today" in told["c1"].content
        assert ("error", "success") == (told["c1"].status, told["c2"].status)

    def test_new_process_resumes(self, desk):
        """Another process with tools of its own takes the answer."""
        desk.graph.invoke({"messages": ["go"]}, CONFIG)

        desk.reopen()
        desk.resume(approve(), approve())

        assert 2 == len(desk.ran)

    def test_no_value_in_any_file(self, desk):
        """Question, answer, grants, ledger and checkpoint hold no value."""
        desk.graph.invoke({"messages": ["go"]}, CONFIG)
        desk.resume(approve(), approve(grant="session"))
        assert 2 == len(desk.ran)

        for path in desk.folder.glob("*"):
            if path.is_file():
                assert VALUE.encode() not in path.read_bytes(), path


class TestQuestion:
    def test_a_tool_named_login_reads_unmangled(self):
        """What the question says of names, scopes and secrets is shown as it is."""
        policy = SecretPolicy(require_approval=["*"])
        broker = SecretBroker.in_memory(
            policy=policy, identity=from_configurable("user_id")
        )
        broker.put("password", VALUE, owner="ada")

        @secret_tool(broker, password=UserSecret("password"))
        def login(site: str, *, password: str) -> str:
            """Log in."""
            return f"{site} {password}"

        call = {"name": "login", "args": {"site": "x.test"}, "id": "c1"}
        builder = StateGraph(MessagesState)
        builder.add_node(
            "ask", lambda s: {"messages": AIMessage("", tool_calls=[call])}
        )
        builder.add_node("tools", ToolNode([login]))
        builder.add_edge(START, "ask")
        builder.add_edge("ask", "tools")
        graph = protect(builder.compile(checkpointer=InMemorySaver()), broker)
        config = {"configurable": {"thread_id": "t1", "user_id": "ada"}}
        graph.invoke({"messages": ["log in"]}, config)

        (request,) = pending_approvals(graph, config)
        lines = request.actions[0].description.splitlines()
        assert "login wants to use a secret." == lines[0]
        assert "Tool id: login" == lines[1]
        assert "Scopes: password" == lines[2]
        assert "Secrets: password (version 1)" == lines[3]


class TestRealAgent:
    def test_agent_asks_once_and_resumes_elsewhere(self, tmp_path):
        """The middleware finds real tools by their broker, in each process."""
        from langchain.agents import create_agent
        from langchain_core.language_models import BaseChatModel
        from langchain_core.outputs import ChatGeneration, ChatResult

        class Model(BaseChatModel):
            @property
            def _llm_type(self):
                return "scripted"

            def bind_tools(self, tools, **kwargs):
                return self

            def _generate(self, messages, stop=None, run_manager=None, **kwargs):
                message = model({"messages": messages})["messages"][0]
                return ChatResult(generations=[ChatGeneration(message=message)])

        class Agent(Desk):
            def build(self, saver):
                for one in self.tools:
                    enroll(one)
                return create_agent(
                    Model(),
                    self.tools,
                    middleware=[SecretApprovalMiddleware(self.broker)],
                    checkpointer=saver,
                )

        desk = Agent(tmp_path)
        desk.graph.invoke({"messages": ["go"]}, CONFIG)
        (request,) = pending_approvals(desk.graph, CONFIG)
        assert 2 == len(request.actions)

        desk.reopen()
        desk.resume(edit("create_issue", {"title": "crash"}), approve())

        assert ("crash", 1, VALUE) in desk.ran
        assert 2 == len(desk.ran)
        desk.close()
