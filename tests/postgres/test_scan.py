"""`scan_checkpoints` on PostgreSQL: found, repaired, and the thread goes on."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.postgres import PostgresStore
from psycopg_pool import ConnectionPool

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import scan_checkpoints

CANARY = "Zq7-mango lamp/3+9"
MARK = "[REDACTED:vault/canary]"


class State(MessagesState, total=False):
    note: str


@pytest.fixture
def redactor():
    made = Redactor()
    made.register("vault/canary", CANARY)
    return made


@pytest.fixture
def database(server):
    name = server.fresh()
    yield name
    server.give_back(name)


def fill(saver, store):
    def work(state):
        return {"messages": [AIMessage(f"say {CANARY}", id="a")], "note": CANARY}

    saver.setup()
    store.setup()
    store.put(("notes",), "k", {"text": CANARY})
    builder = StateGraph(State)
    builder.add_node("work", work)
    builder.add_edge(START, "work")
    graph = builder.compile(checkpointer=saver)
    config = {"configurable": {"thread_id": "t", "api_key": CANARY}}
    graph.invoke({"messages": [HumanMessage("hi", id="h")]}, config)
    return graph, config


@pytest.mark.parametrize("given", ["url", "connection", "pool"])
def test_found_and_repaired(given, server, database, redactor):
    """Values in all tables are replaced, however the database is given."""
    address = server.address(database)
    with (
        PostgresSaver.from_conn_string(address) as saver,
        PostgresStore.from_conn_string(address) as store,
        ConnectionPool(address, min_size=1, max_size=1, open=True) as pool,
    ):
        graph, config = fill(saver, store)
        targets = {"url": address, "connection": saver, "pool": PostgresSaver(pool)}
        target = targets[given]
        raw = CANARY.encode()
        assert raw in server.dump(database)

        before = scan_checkpoints(target, redactor)
        report = scan_checkpoints(target, redactor, repair=True)
        again = scan_checkpoints(target, redactor, repair=True)

        tables = {"checkpoints", "checkpoint_blobs", "checkpoint_writes", "store"}
        assert tables == {found.table for found in before}
        assert CANARY not in repr(list(before))
        assert (True, before.found) == (report.ok, report.repaired)
        assert (True, 0, report.rows) == (again.ok, again.found, again.rows)
        assert raw not in server.dump(database)
        assert raw.hex().encode() not in server.dump(database)
        state = graph.get_state(config)
        assert (MARK, MARK) == (state.values["note"], state.metadata["api_key"])
        assert f"say {MARK}" == state.values["messages"][1].content
        assert {"text": MARK} == store.get(("notes",), "k").value
        graph.invoke({"messages": [HumanMessage("go on", id="i")]}, config)
