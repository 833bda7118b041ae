"""What reached a protected graph raw stands in the ledger, without its value."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from langchain_tyrum import secret_tool
from langchain_tyrum.errors import LedgerError, RawSecretFound
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.policy import SecretPolicy

CONFIG = {"configurable": {"thread_id": "t-1"}}
NAME = "db/password"


@pytest.fixture
def broker(memory_broker, value):
    return memory_broker({NAME: value})


@pytest.fixture
def github_pat():
    return "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


class Lines(TypedDict, total=False):
    lines: Annotated[list[Any], lambda old, new: (old or []) + new]


def graph_of(broker, node, *, mode="redact", saver=None):
    builder = StateGraph(Lines).add_node("work", node).add_edge(START, "work")
    return protect(builder.compile(checkpointer=saver), broker, mode=mode)


def leaks(broker):
    rows = broker.audit.tail(200)
    return [row for row in rows if row["action"] == "leak_found"]


def run(graph, given, way):
    if way == "sync":
        return graph.invoke(given, CONFIG)
    return asyncio.run(graph.ainvoke(given, CONFIG))


@pytest.mark.parametrize("way", ["sync", "async"])
class TestRows:
    def test_a_node_result_is_one_row(self, broker, value, way):
        """A raw node result is one row: secret, place, rule, thread; no value."""
        graph = graph_of(broker, lambda state: {"lines": [value, f"again {value}"]})
        result = run(graph, {"lines": []}, way)
        (row,) = leaks(broker)
        assert [f"[REDACTED:{NAME}]", f"again [REDACTED:{NAME}]"] == result["lines"]
        assert ("redacted", NAME, "t-1") == (
            row["outcome"],
            row["name"],
            row["thread_id"],
        )
        assert "in the result of 'work' at " in row["error"]
        assert row["error"].endswith("rule registered")
        assert value not in repr(broker.audit.tail(200))
        assert broker.audit.verify().ok

    def test_an_input_is_one_row(self, broker, value, way):
        """A raw input is one row, and not one for each node that would read it."""
        graph = graph_of(broker, lambda state: {"lines": ["ok"]})
        run(graph, {"lines": [f"it is {value}"]}, way)
        assert ["in the input at lines[0], rule registered"] == [
            row["error"] for row in leaks(broker)
        ]

    def test_a_shape_is_named_by_its_kind(self, broker, github_pat, way):
        """A credential that nobody registered is told too, by its rule."""
        graph = graph_of(broker, lambda state: {"lines": [github_pat]})
        run(graph, {"lines": []}, way)
        (row,) = leaks(broker)
        assert "rule github-pat" in row["error"]
        assert github_pat not in repr(row)

    def test_a_place_shows_no_value(self, broker, value, github_pat, way):
        """Keys on the way to what was found are in the row without their values."""
        held = {github_pat: value, f"for {value}": {github_pat: 1}}
        graph = graph_of(broker, lambda state: {"lines": [held]})
        run(graph, {"lines": []}, way)
        rows = leaks(broker)
        assert any("[REDACTED:github-pat], rule" in row["error"] for row in rows)
        assert not any(raw in repr(rows) for raw in (value, github_pat))

    def test_an_interrupt_and_the_custom_stream_are_told(self, broker, value, way):
        """What a node asks a person, or writes to the stream, is looked at as well."""

        def ask(state):
            get_stream_writer()({"progress": value})
            interrupt({"question": value})

        graph = graph_of(broker, ask, saver=InMemorySaver())
        if way == "sync":
            parts = list(graph.stream({"lines": []}, CONFIG, stream_mode="custom"))
        else:

            async def drain():
                stream = graph.astream({"lines": []}, CONFIG, stream_mode="custom")
                return [part async for part in stream]

            parts = asyncio.run(drain())
        assert [{"progress": f"[REDACTED:{NAME}]"}] == parts
        places = {row["error"].split(" at ")[0] for row in leaks(broker)}
        assert {"in the custom stream", "in what 'work' raises"} == places

    def test_a_refused_input_and_update_are_told(self, broker, value, way):
        """In mode `refuse` the row says so, although the run never starts."""
        graph = graph_of(broker, lambda state: {}, mode="refuse", saver=InMemorySaver())
        with pytest.raises(RawSecretFound):
            run(graph, {"lines": [value]}, way)
        with pytest.raises(RawSecretFound):
            if way == "sync":
                graph.update_state(CONFIG, {"lines": [value]}, as_node="work")
            else:
                asyncio.run(
                    graph.aupdate_state(CONFIG, {"lines": [value]}, as_node="work")
                )
        assert [
            ("refused", "in the input at lines[0], rule registered"),
            ("refused", "in the update at lines[0], rule registered"),
        ] == [(row["outcome"], row["error"]) for row in leaks(broker)]

    def test_a_run_writes_a_hundred_rows_at_most(self, broker, value, way):
        """A graph that leaks in a thousand places does not fill the ledger."""

        @entrypoint()
        def flow(count):
            return [
                _named(n)(value).result()  # each is a place of its own
                for n in range(count)
            ][-1]

        run(protect(flow, broker), 104, way)
        assert 100 == len(leaks(broker))

    def test_clean_runs_write_nothing(self, memory_broker, value, scripted, way):
        """What a secret tool returns of its own secret never reached the guard raw."""
        broker = memory_broker({NAME: value}, policy=SecretPolicy(allow=["*"]))

        @secret_tool(broker, password=NAME)
        def look(what: str, *, password: str) -> str:
            """Look something up."""
            return f"{what} {password}"

        model = scripted(_call("look", what="door"), AIMessage("done"))
        agent = create_agent(model, [look], middleware=[TyrumMiddleware(broker)])
        result = run(protect(agent, broker), {"messages": [("user", "x")]}, way)
        assert f"door [REDACTED:{NAME}]" == result["messages"][2].content
        assert [] == leaks(broker)

    def test_what_the_middleware_caught_is_told(self, broker, value, scripted, way):
        """Prompt, tool result and answer pass the middleware first; rows tell so."""

        @tool
        def look(what: str) -> str:
            """Look something up."""
            return f"{what} {value}"

        model = scripted(_call("look", what="door"), AIMessage(f"it is {value}"))
        agent = create_agent(
            model,
            [look],
            system_prompt=f"key {value}",
            middleware=[TyrumMiddleware(broker)],
        )
        run(protect(agent, broker), {"messages": [("user", "x")]}, way)
        places = [row["error"].split(" at ")[0] for row in leaks(broker)]
        assert [
            "in a model call",
            "in the result of tool 'look'",
            "in the answer of a model",
        ] == places

    def test_a_ledger_that_takes_no_row_fails_the_run(self, broker, value, way):
        """A leak that cannot be told of is an error, as with every other row."""
        graph = graph_of(broker, lambda state: {"lines": [value]})
        broker.arm()
        broker.close()
        with pytest.raises(LedgerError) as caught:
            run(graph, {"lines": []}, way)
        assert value not in repr(caught.value)


class TestLoop:
    def test_rows_are_written_beside_the_loop(self, broker, value, monkeypatch):
        """An async run writes its rows in a worker thread, like every other row."""
        written = []
        record = type(broker).record

        def noted(self, *args, **fields):
            written.append(threading.current_thread() is threading.main_thread())
            return record(self, *args, **fields)

        monkeypatch.setattr(type(broker), "record", noted)
        monkeypatch.setattr(
            type(broker),
            "arecord",
            lambda self, *args, **fields: asyncio.to_thread(
                self.record, *args, **fields
            ),
        )

        async def work(state):
            return {"lines": [value]}

        asyncio.run(graph_of(broker, work).ainvoke({"lines": []}))
        assert [False] == written


class TestObserve:
    def test_shapes_pass_and_are_told_values_do_not(self, broker, value, github_pat):
        """Mode `observe` leaves shapes, reports them, and hides registered values."""
        saver = InMemorySaver()
        graph = graph_of(
            broker,
            lambda state: {"lines": [f"{value} {github_pat}"]},
            mode="observe",
            saver=saver,
        )
        shown = list(graph.stream({"lines": []}, CONFIG, stream_mode="updates"))
        expected = [f"[REDACTED:{NAME}] {github_pat}"]
        assert [{"work": {"lines": expected}}] == shown
        assert expected == graph.get_state(CONFIG).values["lines"]
        assert {("redacted", NAME), ("observed", "github-pat")} == {
            (row["outcome"], row["name"]) for row in leaks(broker)
        }
        assert value not in repr(saver.storage) + repr(saver.blobs)

    def test_streamed_tokens_are_observed_alike(self, broker, value, github_pat):
        """Tokens, too, keep a shape and lose a registered value."""

        def say(state: MessagesState) -> Any:
            return {"messages": [AIMessage(f"{value} {github_pat}", id="1")]}

        builder = StateGraph(MessagesState).add_node("say", say)
        graph = protect(
            builder.add_edge(START, "say").compile(), broker, mode="observe"
        )
        parts = graph.stream({"messages": []}, stream_mode="messages")
        text = "".join(message.content for message, _ in parts)
        assert f"[REDACTED:{NAME}] {github_pat}" == text

    def test_thread_ids_may_be_shapes_but_no_values(self, broker, value, github_pat):
        """A shape in a thread id passes; a registered value there is refused."""
        graph = graph_of(
            broker, lambda state: {}, mode="observe", saver=InMemorySaver()
        )
        observed = {"configurable": {"thread_id": github_pat}}
        graph.invoke({"lines": ["ok"]}, observed)
        assert ["ok"] == graph.get_state(observed).values["lines"]
        with pytest.raises(RawSecretFound):
            graph.invoke({"lines": []}, {"configurable": {"thread_id": value}})

    def test_live_objects_stay_beside_a_shape(self, broker, github_pat):
        """What nobody can look into is not replaced because a shape stands by it."""
        live = (number for number in range(3))
        graph = graph_of(
            broker, lambda state: {"lines": [live, github_pat]}, mode="observe"
        )
        assert [live, github_pat] == graph.invoke({"lines": []})["lines"]


def _call(name, **args):
    calls = [{"name": name, "args": args, "id": "c1", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


def _named(number):
    def named(line):
        return line

    named.__name__ = f"shout{number}"
    return task(named)
