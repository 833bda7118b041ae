"""Each element of the state is looked at once, and again when it may have changed."""

from __future__ import annotations

import operator
from typing import Annotated

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langchain_tyrum.state import guard_checkpointer
from langchain_tyrum.state.guard import Guard
from langchain_tyrum.state.seen import Seen


@pytest.fixture
def looked(redactor, monkeypatch):
    """Return the list of all that the redactor was asked to clean."""
    asked = []
    redact = redactor.redact
    monkeypatch.setattr(
        redactor, "redact", lambda obj: asked.append(obj) or redact(obj)
    )
    return asked


class TestSeen:
    """`Seen.clean`."""

    def test_appended(self, redactor, looked):
        """Only what was appended is looked at."""
        seen, state = Seen(), ["a", "b"]

        assert state is seen.clean(Guard((redactor,)), "k", state)
        seen.clean(Guard((redactor,)), "k", [*state, "c"])

        assert ["a", "b", "c"] == looked

    def test_reordered(self, redactor, looked):
        """Elements are known wherever they stand."""
        seen, first, second = Seen(), ["first"], ["second"]

        seen.clean(Guard((redactor,)), "k", [first, second])
        seen.clean(Guard((redactor,)), "k", [["third"], second, first])

        assert [first, second, ["third"]] == looked

    def test_dict(self, redactor, looked):
        """New keys and new values of a dict are looked at."""
        seen, state = Seen(), {"a": "x", "b": "y"}

        assert state is seen.clean(Guard((redactor,)), "k", state)
        seen.clean(Guard((redactor,)), "k", {**state, "c": "z"})

        assert [state, {"c": "z"}] == looked

    def test_raw_element_is_replaced_each_time(self, redactor, shaped):
        """An element that holds a value never counts as seen."""
        seen, state = Seen(), ["a", f"use {shaped}", "b"]

        for _ in range(3):
            cleaned = seen.clean(Guard((redactor,)), "k", state)
            assert ["a", "use [REDACTED:github-pat]", "b"] == cleaned
        assert shaped in state[1]

    def test_raw_entry_of_a_dict(self, redactor, shaped):
        """A dict entry that holds a value is replaced each time, as key or value."""
        seen = Seen()

        for _ in range(3):
            cleaned = seen.clean(Guard((redactor,)), "k", {"a": "x", "b": shaped})
            assert {"a": "x", "b": "[REDACTED:github-pat]"} == cleaned
        cleaned = seen.clean(Guard((redactor,)), "k", {"a": "x", shaped: "x"})
        assert {"a": "x", "[REDACTED:github-pat]": "x"} == cleaned

    def test_noted(self, redactor, looked):
        """What came as a clean write is not looked at again in the checkpoint."""
        seen, message = Seen(), ["a message"]
        seen.note([message])

        seen.clean(Guard((redactor,)), "k", [["old"], message, ["new"]])

        assert [["old"], ["new"]] == looked

    @pytest.mark.parametrize(
        "element",
        [
            {"text": "clean"},
            ["clean"],
            HumanMessage("clean"),
            HumanMessage([{"type": "text", "text": "clean"}]),
            Document("clean"),
        ],
        ids=repr,
    )
    def test_edited_in_place(self, element, redactor, shaped):
        """An element that was clean and is edited in place is looked at again."""
        seen, state = Seen(), [element]
        assert state is seen.clean(Guard((redactor,)), "k", state)

        if isinstance(element, HumanMessage) and isinstance(element.content, str):
            element.content = f"use {shaped}"
        elif isinstance(element, HumanMessage):
            element.content[0]["text"] = f"use {shaped}"
        elif isinstance(element, Document):
            element.metadata["more"] = [shaped]
        elif isinstance(element, dict):
            element["text"] = shaped
        else:
            element[0] = shaped

        cleaned = seen.clean(Guard((redactor,)), "k", state)
        assert shaped not in repr(cleaned)
        assert "[REDACTED:github-pat]" in repr(cleaned)

    def test_repr(self, redactor, canary):
        """Its repr shows counts only."""
        seen = Seen()
        seen.trust("k", [canary])

        assert "Seen(1 channels)" == repr(seen)


class TestInASaver:
    """A guarded saver uses it."""

    @pytest.fixture
    def graph(self, redactor):
        keys = {"log": Annotated[list, operator.add]}
        builder = StateGraph(TypedDict("schema", keys))
        builder.add_node("work", lambda state: {"log": ["from the node"]})
        builder.add_edge(START, "work")
        saver = guard_checkpointer(InMemorySaver(), redactor)
        return builder.compile(checkpointer=saver)

    def test_history_is_not_walked_again(self, graph, looked):
        """A second run does not look at what the first one stored."""
        config = {"configurable": {"thread_id": "t"}}
        graph.invoke({"log": ["an old entry"]}, config)
        looked.clear()

        graph.invoke({"log": ["a new entry"]}, config)

        assert "a new entry" in repr(looked)
        assert "an old entry" not in repr(looked)

    def test_shapes_over_many_runs(self, graph, shaped, memory_bytes, leaks):
        """A credential known by its shape only stays out over many runs."""
        config = {"configurable": {"thread_id": "t"}}

        for _ in range(3):
            graph.invoke({"log": [f"use {shaped}", "fine"]}, config)

        assert 9 == len(graph.get_state(config).values["log"])
        assert [] == leaks(memory_bytes(graph.checkpointer), shaped)

    @pytest.mark.parametrize("durability", ["sync", "async", "exit"])
    def test_element_changed_in_place(
        self, durability, redactor, shaped, memory_bytes, leaks
    ):
        """A node that edits an element in place and returns it is looked at again."""

        def work(state):
            state["files"]["a"]["text"] = f"use {shaped}"
            return {"files": state["files"]}

        builder = StateGraph(TypedDict("schema", {"files": dict}))
        builder.add_node("work", work)
        builder.add_edge(START, "work")
        saver = guard_checkpointer(InMemorySaver(), redactor)
        graph = builder.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": "t"}}

        graph.invoke({"files": {"a": {"text": "clean"}}}, config, durability=durability)

        stored = graph.get_state(config).values["files"]
        assert {"a": {"text": "use [REDACTED:github-pat]"}} == stored
        assert [] == leaks(memory_bytes(saver), shaped)
