"""A small secret tool, a scripted model, and graphs over real files."""

from __future__ import annotations

import sqlite3
import threading
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig  # noqa: TC002 - read by LangChain
from langchain_core.tools import BaseTool, InjectedToolArg
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from pydantic import BaseModel, Field, PrivateAttr, create_model

from langchain_tyrum.approval import (
    BoundCall,
    approval_node,
    authorize,
    enroll,
    pending_approvals,
)
from langchain_tyrum.broker import SecretBroker, from_configurable
from langchain_tyrum.policy import SecretPolicy

VALUE = "s3cr3t-value-of-the-token-9917"
ASK = SecretPolicy(require_approval=["*"])


class SecretTool(BaseTool):
    """Leases its secrets itself, as the real ones do; asks first."""

    name: str = "create_issue"
    description: str = "Create an issue."
    tool_id: str = "create_issue"
    secrets: dict[str, str] = Field(default_factory=dict)
    broker: Any = None
    peers: dict[str, Any] = Field(default_factory=dict)
    asks_for_siblings: bool = True
    _ran: list[tuple[str, dict[str, Any]]] = PrivateAttr(default_factory=list)
    _before: Any = PrivateAttr(default=None)
    _fail: list[Exception] = PrivateAttr(default_factory=list)

    def bind_call(self, tool_call, call):
        schema = self.get_input_schema()
        fields = {**tool_call["args"]}
        model = schema.model_validate(fields)
        arguments = {
            name: getattr(model, name)
            for name in schema.model_fields
            if name != "runtime"
        }
        records = tuple(
            self.broker.describe(one, tenant=call.tenant, owner=call.user)
            for one in self.secrets.values()
        )
        return BoundCall(
            name=self.name,
            tool_id=self.tool_id,
            tool_call_id=tool_call["id"],
            arguments=arguments,
            records=records,
        )

    def _run(self, config: RunnableConfig, runtime: Any = None, **arguments: Any):
        from dataclasses import replace

        call_id = runtime.tool_call_id
        call = replace(self.broker.identify(config), tool_call_id=call_id)
        tool_call = {"name": self.name, "args": arguments, "id": call_id}
        digest = authorize(
            self.broker,
            self.bind_call(tool_call, call),
            call=call,
            config=config,
            siblings=self._siblings(runtime, call) if self.asks_for_siblings else (),
        )
        if self._before:
            self._before(call_id)
        with self.broker.lease_all(
            self.secrets, tool_id=self.tool_id, call=call, digest=digest
        ) as values:
            assert all(value.reveal() for value in values.values())
            self._ran.append((call_id, arguments))
        if self._fail:
            raise self._fail.pop()
        return f"{self.name} done"

    def _siblings(self, runtime, call):
        messages = runtime.state["messages"]
        done = {one.tool_call_id for one in messages if isinstance(one, ToolMessage)}
        last = next(one for one in reversed(messages) if isinstance(one, AIMessage))
        return [
            self.peers[one["name"]].bind_call(one, call)
            for one in last.tool_calls
            if one["id"] != runtime.tool_call_id
            and one["id"] not in done
            and isinstance(self.peers.get(one["name"]), SecretTool)
        ]


def schema(**fields: Any) -> type[BaseModel]:
    return create_model(
        "Args", runtime=(Annotated[Any, InjectedToolArg()], None), **fields
    )


class World:
    """A broker, tools and a graph over files; `reopen` is a new process."""

    def __init__(self, folder, *, policy=ASK, script=(), gate=False, middleware=False):
        self.folder, self.policy, self.script = folder, policy, list(script)
        self.gate, self.middleware = gate, middleware
        self.config = {"configurable": {"thread_id": "t1", "user_id": "ann"}}
        self.ran: list[tuple[str, dict[str, Any]]] = []
        self.lock = threading.Lock()
        self.messages_key = "messages"
        self.tools: dict[str, BaseTool] = {}
        self.open()

    def open(self):
        self.broker = SecretBroker.local(
            self.folder / "tyrum.db",
            policy=self.policy,
            identity=from_configurable("user_id"),
        )
        for name in ("github/token", "db/password", "mail/key"):
            self.broker.put(name, f"{VALUE}-{name}", scope=f"{name}:use")
        self.tools = {}
        self.tool("create_issue", {"token": "github/token"}, title=(str, ...))
        self.tool("drop_table", {"password": "db/password"}, table=(str, "users"))
        self.tool("send_mail", {"key": "mail/key"}, to=(str, ...), text=(str, ""))
        self.tools["weather"] = plain_tool(self.ran)
        self.saver = SqliteSaver(
            sqlite3.connect(self.folder / "graph.db", check_same_thread=False)
        )
        self.graph = self.build(self.saver)

    def tool(self, name, secrets, **fields):
        tool = SecretTool(
            name=name,
            tool_id=name,
            description=name,
            secrets=secrets,
            broker=self.broker,
            args_schema=schema(**fields),
        )
        tool.peers = self.tools
        tool._ran = self.ran
        enroll(tool)
        self.tools[name] = tool

    def reopen(self):
        self.saver.conn.close()
        self.broker.close()
        self.open()

    def close(self):
        self.saver.conn.close()
        self.broker.close()

    def model(self, state):
        turn = sum(isinstance(one, AIMessage) for one in state["messages"])
        if turn < len(self.script):
            calls = [
                {"name": name, "args": args, "id": call_id, "type": "tool_call"}
                for name, args, call_id in self.script[turn]
            ]
            return {"messages": [AIMessage("", tool_calls=calls, id=f"ai-{turn}")]}
        return {"messages": [AIMessage("finished", id=f"ai-{turn}")]}

    def build(self, saver):
        builder = StateGraph(MessagesState)
        builder.add_node("model", self.model)
        builder.add_node("tools", ToolNode(list(self.tools.values())))
        builder.add_edge(START, "model")
        builder.add_edge("tools", "model")
        if self.gate:
            builder.add_conditional_edges("model", tools_condition)
        else:
            builder.add_node("approve", self.node())
            builder.add_conditional_edges(
                "model", tools_condition, {"tools": "approve", "__end__": "__end__"}
            )
        return builder.compile(checkpointer=saver)

    def node(self):
        return approval_node(self.broker, list(self.tools.values()))

    def start(self, text="go", config=None):
        return self.graph.invoke(
            {"messages": [HumanMessage(text)]}, config or self.config
        )

    def resume(self, answer, config=None):
        from langgraph.types import Command

        return self.graph.invoke(Command(resume=answer), config or self.config)

    def pending(self, config=None):
        return pending_approvals(self.graph, config or self.config)

    def ids(self):
        return sorted(call_id for call_id, _ in self.ran)

    def before(self, node):
        """The config of the checkpoint at which `node` came next."""
        found = next(
            state.config["configurable"]
            for state in self.graph.get_state_history(self.config)
            if state.next == (node,)
        )
        return {"configurable": {**self.config["configurable"], **found}}

    def results(self):
        state = self.graph.get_state(self.config).values["messages"]
        return {one.tool_call_id: one for one in state if isinstance(one, ToolMessage)}

    def finished(self):
        state = self.graph.get_state(self.config)
        return not state.next and state.values["messages"][-1].content == "finished"

    def actions(self, prefix="approval_"):
        return [
            (row["action"], row["outcome"])
            for row in self.broker.audit.tail(1000)
            if row["action"].startswith(prefix)
        ]

    def bytes_at_rest(self):
        return b"".join(
            path.read_bytes()
            for path in sorted(self.folder.glob("*"))
            if path.is_file()
        )


def plain_tool(ran):
    from langchain_core.tools import tool

    @tool
    def weather(city: str) -> str:
        """Tell the weather."""
        ran.append(("weather", {"city": city}))
        return "sunny"

    return weather


@pytest.fixture
def world(tmp_path):
    """Makes worlds; closes them."""
    made = []

    def make(*script, **options):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(World(folder, script=script, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


ISSUE = ("create_issue", {"title": "bug"}, "c1")
DROP = ("drop_table", {"table": "logs"}, "c2")
MAIL = ("send_mail", {"to": "bob"}, "c3")
WEATHER = ("weather", {"city": "Oslo"}, "c4")


@pytest.fixture
def issue():
    return ISSUE


@pytest.fixture
def drop():
    return DROP


@pytest.fixture
def mail():
    return MAIL


@pytest.fixture
def sky():
    return WEATHER
