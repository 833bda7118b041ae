"""How often a run looks: each message once, and a turn late no more than one early."""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state.view import RunView

MODES = ["values", "updates", "messages", "custom"]


class Turns(BaseChatModel):
    """Calls its tool a number of times, then answers."""

    turns: int

    @property
    def _llm_type(self):
        return "turns"

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[{"name": each.name} for each in tools])

    def _generate(self, messages, *args, **kwargs):
        turn = sum(message.type == "ai" for message in messages)
        calls = [{"name": "read", "args": {"page": turn}, "id": f"call-{turn}"}]
        answer = AIMessage(f"turn {turn}", tool_calls=calls[: self.turns - turn])
        return ChatResult(generations=[ChatGeneration(message=answer)])


@tool
def read(page: int) -> str:
    """Read a page."""
    return f"the text of page {page}"


@pytest.fixture
def agent(memory_broker, canary):
    """A maker of guarded agents of so many turns."""
    broker = memory_broker({"a": canary()})

    def make(turns, *, inner=True):
        middleware = [TyrumMiddleware(broker)] if inner else []
        saver = InMemorySaver()
        model = Turns(turns=turns)
        made = create_agent(model, [read], middleware=middleware, checkpointer=saver)
        return protect(made, broker)

    return make


@pytest.fixture
def looked(monkeypatch):
    """The messages that were looked at in full, each as often as it was."""
    found, whole = [], RunView._look

    def look(self, known, items):
        found.extend(items)
        return whole(self, known, items)

    monkeypatch.setattr(RunView, "_look", look)
    return found


@pytest.fixture
def asked(monkeypatch):
    """What the views of runs did not know and had to ask the redactor about."""
    found = []

    def asking(whole):
        def ask(self, obj, **options):
            if sys._getframe(1).f_globals["__name__"] == RunView.__module__:
                found.append(obj)
            return whole(self, obj, **options)

        return ask

    for name in ("redact", "is_clean"):
        monkeypatch.setattr(Redactor, name, asking(getattr(Redactor, name)))
    return found


def config():
    return {"configurable": {"thread_id": "1"}, "recursion_limit": 200}


def given():
    return {"messages": [HumanMessage("read on", id="first")]}


def drive(graph, way):
    if way == "invoke":
        return graph.invoke(given(), config())["messages"]
    parts = list(graph.stream(given(), config(), stream_mode=MODES))
    return [part for mode, part in parts if mode == "values"][-1]["messages"]


async def adrive(graph, way):
    if way == "invoke":
        return (await graph.ainvoke(given(), config()))["messages"]
    parts = [each async for each in graph.astream(given(), config(), stream_mode=MODES)]
    return [part for mode, part in parts if mode == "values"][-1]["messages"]


def often(messages, looked):
    times = Counter(map(id, looked))
    return [times[id(message)] for message in messages]


@pytest.mark.parametrize("inner", [True, False])
class TestEachMessageOnce:
    """Nodes, streams, model calls and tools of one run share what they have seen."""

    def test_in_a_run(self, agent, looked, inner):
        """A message is looked at in full once, however many guards it passes."""
        messages = drive(agent(5, inner=inner), "invoke")

        assert [1] * 12 == often(messages, looked)

    def test_in_a_stream(self, agent, looked, inner):
        """At worst the thread of a node and that of the stream both look."""
        messages = drive(agent(5, inner=inner), "stream")

        assert {1, 2} >= set(often(messages, looked))

    @pytest.mark.parametrize("way", ["invoke", "stream"])
    async def test_in_an_async_run(self, agent, looked, way, inner):
        """The async twins look no more often, streams included."""
        messages = await adrive(agent(5, inner=inner), way)

        assert [1] * 12 == often(messages, looked)


@pytest.mark.parametrize(
    ("way", "inner", "most"),
    [
        ("invoke", False, 3),
        ("invoke", True, 5),
        ("stream", False, 5),
        ("stream", True, 6),
    ],
)
class TestEachTurnTheSame:
    async def test_a_late_turn_asks_no_more_than_an_early_one(
        self, agent, asked, way, inner, most
    ):
        """What a turn asks of the redactor does not grow with the history."""
        counts = []
        for turns in (4, 8, 16):
            asked.clear()
            messages = await adrive(agent(turns, inner=inner), way)
            assert 2 * turns + 2 == len(messages)
            counts.append(len(asked))

        first, second, third = counts
        assert (third - second) == 2 * (second - first)
        assert (second - first) <= 4 * most
