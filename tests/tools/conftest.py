"""What the tests of the tools share: canaries, a scripted model, recorders."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic import PrivateAttr

from langchain_tyrum.broker import SecretBroker, from_configurable
from langchain_tyrum.policy import SecretPolicy

SHAPELESS = "quiet-otter-7713-lamp-rail"
SHAPED = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.fixture(params=[SHAPELESS, SHAPED], ids=["shapeless", "shaped"])
def canary(request):
    return request.param


@pytest.fixture
def make_broker():
    def make(secrets=None, **policy):
        return SecretBroker.in_memory(
            secrets,
            policy=SecretPolicy(**(policy or {"allow": ["*"]})),
            identity=from_configurable("user_id", tenant_key="tenant_id"),
        )

    return make


@pytest.fixture
def broker(make_broker, canary):
    return make_broker({"github/token": canary})


class Heard:
    """What tool code got to hold: digests, so that the evidence stays clean."""

    def __init__(self):
        self.digests = []

    def hear(self, value):
        raw = value if isinstance(value, bytes) else value.encode()
        self.digests.append(hashlib.sha256(raw).hexdigest())

    def __eq__(self, values):
        return self.digests == [hashlib.sha256(v.encode()).hexdigest() for v in values]

    __hash__ = None

    def __repr__(self):
        return f"Heard({len(self.digests)} values)"


@pytest.fixture
def heard():
    return Heard()


class ScriptedModel(BaseChatModel):
    """Says what it is told to, and keeps what it was shown."""

    replies: list[AIMessage]
    _shown: list[Any] = PrivateAttr(default_factory=list)
    _said: list[int] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self):
        return "scripted"

    @property
    def shown(self):
        return self._shown

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any):
        self._shown.append([convert_to_openai_tool(tool) for tool in tools])
        return self

    def _generate(
        self, messages: list[BaseMessage], stop=None, run_manager=None, **kwargs: Any
    ):
        self._shown.append([message.model_dump() for message in messages])
        reply = self.replies[len(self._said) % len(self.replies)]
        self._said.append(1)
        return ChatResult(generations=[ChatGeneration(message=reply.model_copy())])


class Recorder(BaseCallbackHandler):
    """Keeps everything that any event tells."""

    def __init__(self):
        self.events = []

    def __getattribute__(self, name):
        if name.startswith("on_"):
            return lambda *args, **kwargs: self.events.append((name, args, kwargs))
        return super().__getattribute__(name)


def call(tool: str, call_id: str = "c1", /, **args: Any) -> dict[str, Any]:
    return {"name": tool, "args": args, "id": call_id, "type": "tool_call"}


@pytest.fixture
def tool_call():
    return call


@dataclass
class Run:
    """One run with everything that could be observed from outside."""

    folder: Any
    kind: str
    tools: list[Any]
    calls: list[Any]
    options: dict[str, Any] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=Recorder)
    chunks: list[Any] = field(default_factory=list)
    modes: tuple[str, ...] = (
        "values", "updates", "messages", "tasks", "debug", "checkpoints", "custom",
        "tools",
    )  # fmt: skip

    def __post_init__(self):
        self.model = ScriptedModel(
            replies=[AIMessage("", tool_calls=self.calls), AIMessage("finished")]
        )
        self.file = self.folder / f"{self.kind}.sqlite"

    def graph(self, saver):
        if self.kind == "agent":
            return create_agent(
                self.model, self.tools, checkpointer=saver, **self.options
            )
        return plain_graph(self.model, self.tools, saver, **self.options)

    def config(self):
        return {
            "configurable": {"thread_id": "t1", "user_id": "ada"},
            "callbacks": [self.recorder],
        }

    def start(self, given=None):
        given = given or {"messages": [("user", "go")]}
        with SqliteSaver.from_conn_string(str(self.file)) as saver:
            graph = self.graph(saver)
            for chunk in graph.stream(
                given, self.config(), stream_mode=list(self.modes), subgraphs=True
            ):
                self.chunks.append(chunk)
            self.state = graph.get_state(self.config())
        return self

    async def astart(self, given=None):
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        given = given or {"messages": [("user", "go")]}
        async with AsyncSqliteSaver.from_conn_string(str(self.file)) as saver:
            graph = self.graph(saver)
            async for chunk in graph.astream(
                given, self.config(), stream_mode=list(self.modes), subgraphs=True
            ):
                self.chunks.append(chunk)
            self.state = await graph.aget_state(self.config())
        return self

    async def go(self, how):
        return self.start() if how == "sync" else await self.astart()

    @property
    def tool_messages(self):
        return [m for m in self.state.values["messages"] if m.type == "tool"]

    @property
    def finished(self):
        return self.state.values["messages"][-1].content == "finished"

    def surfaces(self):
        disk = b"".join(p.read_bytes() for p in self.folder.glob("*.sqlite*"))
        return {
            "disk": disk,
            "callbacks": repr(self.recorder.events).encode(),
            "streams": repr(self.chunks).encode(),
            "model": repr(self.model.shown).encode(),
            "state": repr(self.state).encode(),
        }

    def leaks(self, value):
        return [n for n, raw in self.surfaces().items() if value.encode() in raw]


def plain_graph(model, tools, saver, *, store=None, retry=None, **node):
    def think(state):
        return {"messages": [model.invoke(state["messages"])]}

    def route(state):
        return "tools" if state["messages"][-1].tool_calls else END

    builder = StateGraph(MessagesState)
    builder.add_node("model", think)
    builder.add_node("tools", ToolNode(tools, **node), retry_policy=retry)
    builder.add_edge(START, "model")
    builder.add_conditional_edges("model", route, ["tools", END])
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=saver, store=store)


@pytest.fixture
def make_run(tmp_path):
    def make(kind, tools, calls, **options):
        return Run(tmp_path, kind, tools, calls, options)

    return make


@pytest.fixture
def compile_tools():
    """Compile a graph that runs one message's calls in a plain ToolNode."""

    def build(tools, saver=None, *, store=None, retry=None, **node):
        builder = StateGraph(MessagesState)
        builder.add_node("tools", ToolNode(tools, **node), retry_policy=retry)
        builder.add_edge(START, "tools")
        return builder.compile(checkpointer=saver, store=store)

    return build


@pytest.fixture
def asking():
    """Make the graph input that holds a message with tool calls."""
    return lambda *calls: {"messages": [AIMessage("", tool_calls=list(calls))]}
