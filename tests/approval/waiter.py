"""A process whose graph waits for an answer; other tests load it, too.

Run as `waiter.py TOML CHECKPOINTS MARKS`. Each line on stdin is an order, each line on
stdout tells what waits then: `start`, `run on`, or `die` (in the tool) for a run that
ends with the process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from langchain_tyrum.approval import approval_node, pending_approvals
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.tools import secret_tool

CONFIG = {"configurable": {"thread_id": "t1"}}
CALL = {"name": "create_issue", "args": {"title": "bug"}, "id": "c1"}


@contextmanager
def saver_of(url):
    if url.startswith("postgresql"):
        from langgraph.checkpoint.postgres import PostgresSaver

        opened = PostgresSaver.from_conn_string(url)
    else:
        from langgraph.checkpoint.sqlite import SqliteSaver

        opened = SqliteSaver.from_conn_string(url)
    with opened as saver:
        saver.setup()
        yield saver


@contextmanager
def waiting(toml, checkpoints, marks, in_tool=lambda: None):
    """The graph; its tool leaves one mark per execution."""
    with SecretBroker.from_config(toml) as broker, saver_of(checkpoints) as saver:

        @secret_tool(broker, token="github/token")
        def create_issue(title: str, *, token: str) -> str:
            """Create an issue."""
            with Path(marks).open("a") as file:
                file.write(f"{title} {len(token)}\n")
            in_tool()
            return "created"

        def model(state):
            if isinstance(state["messages"][-1], HumanMessage):
                return {"messages": [AIMessage("", tool_calls=[CALL])]}
            return {"messages": [AIMessage("finished")]}

        builder = StateGraph(MessagesState)
        builder.add_node("model", model)
        builder.add_node("approve", approval_node(broker, [create_issue]))
        builder.add_node("tools", ToolNode([create_issue]))
        builder.add_edge(START, "model")
        builder.add_conditional_edges(
            "model", tools_condition, {"tools": "approve", "__end__": "__end__"}
        )
        builder.add_edge("tools", "model")
        yield builder.compile(checkpointer=saver)


def told(graph):
    return {
        "pending": [one.request_id for one in pending_approvals(graph, CONFIG)],
        "finished": not graph.get_state(CONFIG).next,
    }


def main(toml, checkpoints, marks):
    dies = []

    def in_tool():
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)

    with waiting(toml, checkpoints, marks, in_tool) as graph:
        for order in sys.stdin:
            dies += ["now"] if order.strip() == "die" else []
            start = order.strip() == "start"
            graph.invoke({"messages": [HumanMessage("go")]} if start else None, CONFIG)
            print(json.dumps(told(graph)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
