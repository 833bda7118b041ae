"""What cannot be stored is refused before anything of it is, and the thread goes on."""

from __future__ import annotations

from typing import Annotated

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import guard_checkpointer, guarded


class Odd:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return f"Odd({self.text})"


def graph(saver, reducer, say):
    """A graph that goes on with what `say` returns for the last message."""
    keys = {"messages": Annotated[list[AnyMessage], reducer], "more": list}
    builder = StateGraph(TypedDict("schema", keys, total=False))
    builder.add_node("work", lambda state: say(state["messages"][-1].content))
    builder.add_edge(START, "work")
    return builder.compile(checkpointer=saver)


def given(text):
    return {"messages": [HumanMessage(text)]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def saver(path):
    with SqliteSaver.from_conn_string(str(path)) as made:
        yield made


CONFIG = {"configurable": {"thread_id": "t"}}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
class TestRefused:
    """On a real file, whose bytes are read back."""

    def test_by_a_state_key(
        self, durability, saver, path, redactor, canary, leaks, sqlite_bytes
    ):
        """A value refused by a key leaves no byte, and the next run is as usual."""

        def say(text):
            return given(canary if text == "leak" else "fine")

        guard = guard_checkpointer(saver, redactor)
        agent = graph(guard, guarded(add_messages, redactor), say)

        with pytest.raises(RawSecretFound) as refused:
            agent.invoke(given("leak"), CONFIG, durability=durability)
        assert canary not in str(refused.value)
        assert [] == leaks(sqlite_bytes(path))
        after = agent.invoke(given("go on"), CONFIG, durability=durability)

        assert "fine" == after["messages"][-1].content
        assert "go on" in sqlite_bytes(path).decode("latin-1")
        assert [] == leaks(sqlite_bytes(path))

    def test_by_the_shape(self, durability, saver, path, shaped, leaks, sqlite_bytes):
        """Where shapes are refused, one leaves no byte; another thread is as usual."""
        guard = guard_checkpointer(saver, Redactor(shapes="refuse"))
        agent = graph(guard, add_messages, lambda text: given(f"re {text}"))

        with pytest.raises(RawSecretFound):
            agent.invoke(given(f"use {shaped}"), CONFIG, durability=durability)
        other = {"configurable": {"thread_id": "other"}}
        agent.invoke(given("fine"), other, durability=durability)

        assert [] == leaks(sqlite_bytes(path), shaped)
        assert b"re fine" in sqlite_bytes(path)

    def test_what_cannot_be_serialized(
        self, durability, saver, path, redactor, canary, leaks, sqlite_bytes
    ):
        """The error names the class and the mend, and nothing of it is written."""

        def say(text):
            return {"more": [Odd(canary)]} if text == "odd" else given("fine")

        agent = graph(guard_checkpointer(saver, redactor), add_messages, say)

        with pytest.raises(TypeError, match=r"Odd\. Nothing was written") as failed:
            agent.invoke(given("odd"), CONFIG, durability=durability)
        after = agent.invoke(given("go on"), CONFIG, durability=durability)

        assert canary not in str(failed.value)
        assert "fine" == after["messages"][-1].content
        assert [] == leaks(sqlite_bytes(path))


class TestFailing:
    def test_guard(self, saver, path, redactor, canary, monkeypatch, sqlite_bytes):
        """A guard that raises lets nothing through, not even what is clean."""
        guard = guard_checkpointer(saver, redactor)
        agent = graph(guard, add_messages, lambda text: given(f"re {text}"))
        agent.invoke(given("before"), CONFIG)

        def fail(obj):
            raise RuntimeError(f"cannot look at {canary}")

        monkeypatch.setattr(redactor, "redact", fail)
        with pytest.raises(RawSecretFound) as refused:
            agent.invoke(given("meanwhile"), CONFIG)

        assert canary not in str(refused.value)
        assert refused.value.__context__ is None
        assert b"re before" in sqlite_bytes(path)
        assert b"meanwhile" not in sqlite_bytes(path)

    async def test_guard_async(self, path, redactor, monkeypatch, sqlite_bytes):
        """The async saver is as strict."""
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            guard = guard_checkpointer(saver, redactor)
            agent = graph(guard, add_messages, lambda text: given(f"re {text}"))
            await agent.ainvoke(given("before"), CONFIG)
            monkeypatch.setattr(redactor, "contains", lambda data: 1 / 0)

            with pytest.raises(RawSecretFound):
                await agent.ainvoke(given("meanwhile"), CONFIG)

        assert b"re before" in sqlite_bytes(path)
        assert b"meanwhile" not in sqlite_bytes(path)
