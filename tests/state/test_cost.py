"""What guards of state look at follows what is new, not how long the history is."""

from __future__ import annotations

from typing import Annotated

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from langchain_tyrum.state import guard_checkpointer, guarded
from langchain_tyrum.state.channels import bind_channels


@pytest.fixture
def letters(redactor, monkeypatch):
    """Count the letters of all that the redactor looks at, and the bytes it scans."""
    seen = {"looked": 0, "scanned": 0}
    redact, scan, contains = redactor.redact, redactor.scan, redactor.contains

    def looked(through):
        def look(obj):
            seen["looked"] += len(repr(obj))
            return through(obj)

        return look

    def scanned(data):
        seen["scanned"] += len(data)
        return contains(data)

    monkeypatch.setattr(redactor, "redact", looked(redact))
    monkeypatch.setattr(redactor, "scan", looked(scan))
    monkeypatch.setattr(redactor, "contains", scanned)
    return seen


def history(count):
    return [HumanMessage(f"turn {n} " + "text " * 20, id=str(n)) for n in range(count)]


class TestChannel:
    """`guarded`."""

    @pytest.mark.parametrize("mode", ["refuse", "redact"])
    def test_one_new_message(self, mode, redactor, letters):
        """One new message costs the same look after 10 messages and after 10,000."""
        costs = []
        key = Annotated[list, guarded(add_messages, mode=mode)]
        builder = StateGraph(TypedDict("schema", {"messages": key}))
        builder.add_node("work", lambda state: None)
        builder.add_edge(START, "work")
        graph = builder.compile()
        channel = bind_channels(graph.channels, redactor)["messages"]
        for count in (10, 10_000):
            filled = channel.from_checkpoint(history(count))
            letters["looked"] = 0
            filled.update([HumanMessage("one more", id="new")])
            costs.append(letters["looked"])
            assert count + 1 == len(filled.get())

        assert costs[0] == costs[1]
        assert costs[0] > 0


class TestSaver:
    """`guard_checkpointer`."""

    def test_one_new_message(self, redactor, letters):
        """One more message costs the same look after 20 messages and after 2,000."""
        costs = []
        for count in (20, 2_000):
            saver = guard_checkpointer(InMemorySaver(), redactor)
            messages = history(count)
            for step in range(2):
                letters.update(looked=0, scanned=0)
                stored = empty_checkpoint()
                stored["channel_values"] = {"messages": messages}
                config = {
                    "configurable": {"thread_id": str(count), "checkpoint_ns": ""}
                }
                versions = {"messages": f"{step:03}"}
                saver.put(config, stored, {"step": step}, versions)
                messages = [*messages, HumanMessage(f"the {count:04} more", id="new")]
            costs.append(dict(letters))

        assert costs[0] == costs[1]
        assert min(costs[0].values()) > 0
