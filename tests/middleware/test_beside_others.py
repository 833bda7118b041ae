"""`TyrumMiddleware` beside LangChain's own middleware, in both orders.

Secrets are gone before a detector of the user's looks, before a model sums up the
history, and before a person is asked. With `protect` nothing raw is left anywhere;
with the middleware alone this holds for what model and tools exchange.
"""

from __future__ import annotations

import re
import warnings
from hashlib import sha256
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
)
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.testing.leaks.models import ListModel

MARKER = "[REDACTED:db/password]"
THREAD = {"configurable": {"thread_id": "t"}}
#: Where ours stands in the list; `protect` keeps its word without it, too.
ORDERS = ["first", "last", "not"]
PROTECTED = pytest.mark.parametrize("order", ORDERS)
GUARDED = pytest.mark.parametrize(
    ("order", "guard"),
    [*((order, "protect") for order in ORDERS), ("first", "alone"), ("last", "alone")],
)
WAYS = pytest.mark.parametrize("way", ["invoke", "ainvoke"])


@pytest.fixture
def model(value):
    """A model that says the value to a tool, and then to the caller; it can stream."""
    arguments = {"what": f"use {value}"}
    calls = [{"name": "look", "args": arguments, "id": "c1", "type": "tool_call"}]
    last = AIMessage(f"done {value} ada@x.test")
    return ListModel(answers=[AIMessage("", tool_calls=calls), last])


@pytest.fixture
def looked():
    """What the tool was given."""
    return []


@pytest.fixture
def saver():
    return InMemorySaver()


@pytest.fixture
def agent_of(broker, model, value, looked, saver):
    """An agent with another middleware after or before ours, with and without guard."""

    @tool
    def look(what: str) -> str:
        """Look something up."""
        looked.append(what)
        return f"found {value} of ada@x.test"

    def make(other, order, guard):
        ours = TyrumMiddleware(broker)
        both = {"first": [ours, other], "last": [other, ours], "not": [other]}[order]
        agent = create_agent(model, [look], middleware=both, checkpointer=saver)
        return protect(agent, broker) if guard == "protect" else agent

    return make


async def run(agent, way, given):
    if way == "invoke":
        return agent.invoke(given, THREAD)
    return await agent.ainvoke(given, THREAD)


def asking(value):
    return {"messages": [HumanMessage(f"my key is {value}, I am ada@x.test")]}


def held(saver):
    return repr((dict(saver.storage), dict(saver.writes), dict(saver.blobs)))


class TestDetectors:
    @pytest.fixture
    def shown(self):
        """The texts that the user's detector was shown."""
        return []

    @pytest.fixture
    def detecting(self, shown):
        """Looks for addresses, and for whatever may be a key."""

        def detect(text):
            shown.append(text)
            return [
                {"type": "id", "value": m[0], "start": m.start(), "end": m.end()}
                for m in re.finditer(r"\w+@[\w.]+|cnry\w+", text)
            ]

        def make(strategy):
            return PIIMiddleware(
                "id",
                detector=detect,
                strategy=strategy,
                apply_to_input=True,
                apply_to_output=True,
                apply_to_tool_results=True,
            )

        return make

    @GUARDED
    @WAYS
    async def test_they_are_shown_markers(
        self,
        broker,
        model,
        value,
        looked,
        shown,
        detecting,
        agent_of,
        order,
        guard,
        way,
    ):
        """Input, answer and tool result hold markers by the time they are scanned."""
        agent = agent_of(detecting("redact"), order, guard)

        result = await run(agent, way, asking(value))

        texts = [message.text for message in result["messages"]]
        assert [
            f"my key is {MARKER}, I am [REDACTED_ID]",
            "",
            f"found {MARKER} of [REDACTED_ID]",
            f"done {MARKER} [REDACTED_ID]",
        ] == texts
        assert {
            f"my key is {MARKER}, I am ada@x.test",
            f"found {MARKER} of ada@x.test",
            f"done {MARKER} ada@x.test",
        } <= {*shown}
        assert [f"use {MARKER}"] == looked
        assert value not in f"{shown}{model.got}"

    @PROTECTED
    @pytest.mark.parametrize("strategy", ["mask", "hash"])
    def test_no_part_and_no_hash_of_a_value_is_shown(
        self, value, shown, detecting, agent_of, saver, order, strategy
    ):
        """The detector finds no value of which a strategy could show anything."""
        agent = agent_of(detecting(strategy), order, "protect")

        result = agent.invoke(asking(value), THREAD)

        digest = sha256(b"ada@x.test").hexdigest()[:8]
        name = {"mask": "****test", "hash": f"<id_hash:{digest}>"}[strategy]
        assert f"my key is {MARKER}, I am {name}" == result["messages"][0].text
        assert f"done {MARKER} {name}" == result["messages"][-1].text
        assert value not in f"{result}{shown}{held(saver)}"

    def test_without_ours_they_are_shown_values(
        self, value, shown, detecting, agent_of
    ):
        """The detector does look at what holds values: the tests above can fail."""
        agent_of(detecting("redact"), "not", "alone").invoke(asking(value), THREAD)

        assert 3 == sum(value in text for text in {*shown})

    @PROTECTED
    def test_their_stream_is_clean(self, value, shown, detecting, agent_of, order):
        """v3 shows a detector the deltas, however they are cut: no value in them."""
        agent = agent_of(detecting("redact"), order, "protect")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # v3 is in beta, and says so once
            told = agent.stream_events(asking(value), THREAD, version="v3")
        events = list(told)

        assert f"done {MARKER} [REDACTED_ID]" == told.output["messages"][-1].text
        assert len(shown) > 4
        assert value not in f"{events}{shown}"


class TestSummaries:
    @pytest.fixture
    def summarizer(self, model_of, value):
        """The model that sums up; it too knows the value, and says it."""
        return model_of(AIMessage(f"they spoke of {value}"))

    @GUARDED
    @WAYS
    async def test_the_summarizing_model_is_sent_markers(
        self, broker, model, value, summarizer, agent_of, saver, order, guard, way
    ):
        """It sums up a history without values, and the run goes on from there."""
        other = SummarizationMiddleware(
            summarizer, trigger=("messages", 3), keep=("messages", 2)
        )

        result = await run(agent_of(other, order, guard), way, asking(value))

        assert 1 == len(summarizer.got)
        assert f"my key is {MARKER}" in str(summarizer.got)
        assert value not in f"{summarizer.got}{model.got}"
        first, *_, last = result["messages"]
        assert "they spoke of" in first.text
        assert f"done {MARKER} ada@x.test" == last.text
        if guard == "protect":  # else the summary is the other middleware's own
            assert f"they spoke of {MARKER}" in first.text
            assert value not in f"{result}{held(saver)}"

    def test_without_ours_it_is_sent_values(self, value, summarizer, agent_of):
        """It does get the history: the test above can fail."""
        other = SummarizationMiddleware(
            summarizer, trigger=("messages", 3), keep=("messages", 2)
        )

        agent_of(other, "not", "alone").invoke(asking(value), THREAD)

        assert f"my key is {value}" in str(summarizer.got)


class TestPeople:
    @GUARDED
    @WAYS
    @pytest.mark.parametrize("answer", ["approve", "edit", "reject"])
    async def test_they_are_asked_with_markers(
        self, broker, model, value, looked, agent_of, saver, order, guard, way, answer
    ):
        """The question shows markers; whatever is answered, the model gets markers."""
        other = HumanInTheLoopMiddleware({"look": True})
        agent = agent_of(other, order, guard)
        edited = {"name": "look", "args": {"what": f"try {value}"}}
        decision: dict[str, Any] = {
            "approve": {"type": "approve"},
            "edit": {"type": "edit", "edited_action": edited},
            "reject": {"type": "reject", "message": f"not with {value}"},
        }[answer]

        asked = await run(agent, way, asking(value))
        resume = Command(resume={"decisions": [decision]})
        result = await run(agent, way, resume)

        (question,) = asked["__interrupt__"]
        assert {"what": f"use {MARKER}"} == question.value["action_requests"][0]["args"]
        assert value not in str(asked)
        assert 2 == len(model.got)
        assert MARKER in str(model.got[1])
        assert value not in str(model.got)
        assert f"done {MARKER} ada@x.test" == result["messages"][-1].text
        if guard == "protect":  # else what a person writes is stored as it comes
            expected = {"approve": [f"use {MARKER}"], "edit": [f"try {MARKER}"]}
            assert expected.get(answer, []) == looked
            assert value not in f"{result}{held(saver)}"
