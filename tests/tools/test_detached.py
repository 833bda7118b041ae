"""Copies of state that a tool may write to."""

from __future__ import annotations

import threading

from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel

from langchain_tyrum.tools.detached import detached


class Data(BaseModel):
    items: list[str]


class TestDetached:
    def test_writing_to_the_copy_leaves_the_state(self):
        """Messages, models, dicts and lists of the copy are its own."""
        message = HumanMessage([{"type": "text", "text": "go"}])
        state = {"messages": [message], "data": {"a": [1]}, "model": Data(items=["x"])}

        copy = detached(state)
        assert state == copy
        copy["messages"][0].content.append({"type": "text", "text": "raw"})
        copy["messages"][0].additional_kwargs["k"] = "raw"
        copy["messages"].append(AIMessage("raw"))
        copy["data"]["a"].append("raw")
        copy["model"].items.append("raw")

        assert "raw" not in repr(state)

    def test_cycles_and_shared_objects(self):
        """A cycle is copied as one, and what cannot be copied is shared."""
        lock = threading.Lock()
        state = {"lock": lock, "tuple": (1, [2])}
        state["self"] = state

        copy = detached(state)

        assert copy["self"] is copy
        assert (True, True) == (copy["lock"] is lock, copy["tuple"] == (1, [2]))
        assert copy["tuple"][1] is not state["tuple"][1]
