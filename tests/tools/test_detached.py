"""Copies of state that a tool may write to."""

import threading
from typing import Annotated

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, ToolNode, ToolRuntime
from pydantic import BaseModel

from langchain_tyrum.tools import secret_tool
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


class TestInAGraph:
    """Code that holds a value cannot write it into what the graph holds."""

    def run(self, tool):
        call = {"name": tool.name, "args": {}, "id": "c1", "type": "tool_call"}
        said = HumanMessage([{"type": "text", "text": "go"}])
        builder = StateGraph(MessagesState)
        builder.add_node("tools", ToolNode([tool]))
        builder.add_edge(START, "tools")
        graph = builder.compile()
        return graph.invoke({"messages": [said, AIMessage("", tool_calls=[call])]})

    def test_injected_state_is_a_copy(self, memory_broker):
        """A value written into injected state reaches no message of the graph."""
        raw, held = "kq7-real-value-9x", []

        @secret_tool(memory_broker({"k/1": raw}), token="k/1")
        def scribble(state: Annotated[dict, InjectedState], *, token: str) -> str:
            """Write where one should not."""
            held.append(token)
            state["messages"][0].content.append({"type": "text", "text": token})
            return "ok"

        final = self.run(scribble)

        assert ([raw], "ok") == (held, final["messages"][-1].content)
        assert raw not in repr(final)

    def test_the_state_of_a_runtime_is_a_copy(self, memory_broker):
        """A value written into `runtime.state` reaches no message of the graph."""
        raw, held = "kq7-real-value-9x", []

        @secret_tool(memory_broker({"k/1": raw}), token="k/1")
        def scribble(runtime: ToolRuntime, *, token: str) -> str:
            """Write where one should not."""
            held.append(token)
            runtime.state["messages"][0].additional_kwargs["note"] = token
            return "ok"

        final = self.run(scribble)

        assert ([raw], "ok") == (held, final["messages"][-1].content)
        assert raw not in repr(final)
