"""Leak tests of guarded savers: every way into a checkpoint, every byte read back."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Interrupt, Overwrite, Send, interrupt
from pydantic import BaseModel, SecretStr

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.redaction import Redactor, contains_marker
from langchain_tyrum.state import compat, guard_checkpointer, is_guarded


class State(TypedDict, total=False):
    messages: Annotated[list, add_messages]
    log: Annotated[list, operator.add]
    value: Any


class Model(BaseModel):
    token: SecretStr
    note: str = ""


@dataclass(frozen=True)
class Box:
    inner: Any


def _config(**extra):
    return {
        "configurable": {"thread_id": "t1", **extra.pop("configurable", {})},
        **extra,
    }


def _returning(make):
    return lambda state: {"value": make()}


def _one_node(node, saver, **options):
    builder = StateGraph(State)
    builder.add_node("work", node)
    builder.add_node("after", lambda state: {"log": ["after ran"]})
    builder.add_edge(START, "work")
    builder.add_edge("work", "after")
    return builder.compile(checkpointer=saver, **options)


SOURCES = {
    "text": lambda v: f"say {v} now",
    "key": lambda v: {v: 1},
    "bytes": lambda v: v.encode(),
    "nested set": lambda v: [{frozenset({v})}],
    "tuple": lambda v: ("a", (v,)),
    "secret str": SecretStr,
    "secret in model": lambda v: Model(token=v, note="n"),
    "secret in plain field": lambda v: Model(token="unregistered one", note=v),
    "dataclass": lambda v: Box({"deep": [v]}),
    "send": lambda v: Send("after", {"value": v}),
    "overwrite": Overwrite,
    "overwrite dict": lambda v: {"__overwrite__": v},
    "exception": lambda v: ValueError(f"refused {v}"),
    "human": HumanMessage,
    "content block": lambda v: HumanMessage([{"type": "text", "text": v}]),
    "additional kwargs": lambda v: AIMessage("x", additional_kwargs={"k": v}),
    "response metadata": lambda v: AIMessage("x", response_metadata={"k": v}),
    "tool call": lambda v: AIMessage(
        "x", tool_calls=[{"name": "f", "args": {"a": v}, "id": "1"}]
    ),
    "artifact": lambda v: ToolMessage("ok", tool_call_id="1", artifact={"a": [v]}),
    "base64": lambda v: __import__("base64").b64encode(v.encode()).decode(),
}


@pytest.fixture
def sqlite_path(tmp_path):
    return tmp_path / "checkpoints.db"


class TestValues:
    """Whatever a node returns."""

    @pytest.mark.parametrize("source", SOURCES)
    def test_sqlite(self, source, sqlite_path, redactor, canary, leaks, sqlite_bytes):
        """A registered value in any shape of state never reaches the file."""
        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            saved = guard_checkpointer(saver, redactor)
            graph = _one_node(_returning(lambda: SOURCES[source](canary)), saved)

            graph.invoke({"messages": [HumanMessage("hello")]}, _config())

            state = graph.get_state(_config())
            assert ["after ran"] == state.values["log"]
            assert [] == leaks(sqlite_bytes(sqlite_path))
            assert b"[REDACTED" in sqlite_bytes(sqlite_path)

    @pytest.mark.parametrize("source", SOURCES)
    def test_memory(self, source, redactor, canary, leaks, memory_bytes):
        """An in-memory saver keeps no registered value either."""
        saved = guard_checkpointer(InMemorySaver(), redactor)
        graph = _one_node(_returning(lambda: SOURCES[source](canary)), saved)

        graph.invoke({"messages": [HumanMessage("hello")]}, _config())

        assert ["after ran"] == graph.get_state(_config()).values["log"]
        assert [] == leaks(memory_bytes(saved))
        assert b"[REDACTED" in memory_bytes(saved)

    @pytest.mark.parametrize("source", SOURCES)
    async def test_async_sqlite(
        self, source, sqlite_path, redactor, canary, leaks, sqlite_bytes
    ):
        """The async saver keeps no registered value either."""
        async with AsyncSqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            saved = guard_checkpointer(saver, redactor)
            graph = _one_node(_returning(lambda: SOURCES[source](canary)), saved)

            await graph.ainvoke({"messages": [HumanMessage("hello")]}, _config())

            state = await graph.aget_state(_config())
            assert ["after ran"] == state.values["log"]
            assert [] == leaks(sqlite_bytes(sqlite_path))
            assert b"[REDACTED" in sqlite_bytes(sqlite_path)

    def test_reader_sees_a_planted_leak(self, sqlite_path, canary, leaks, sqlite_bytes):
        """Without the guard the same run leaks, and the reader finds it."""
        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            graph = _one_node(_returning(lambda: canary), saver)

            graph.invoke({"messages": []}, _config())

            assert leaks(sqlite_bytes(sqlite_path))

    @pytest.mark.parametrize("durability", ["sync", "async", "exit"])
    def test_each_durability(
        self, durability, sqlite_path, redactor, canary, leaks, sqlite_bytes
    ):
        """When LangGraph saves makes no difference."""
        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            saved = guard_checkpointer(saver, redactor)
            graph = _one_node(_returning(lambda: canary), saved)

            graph.invoke({"log": [canary]}, _config(), durability=durability)

            assert contains_marker(graph.get_state(_config()).values)
            assert [] == leaks(sqlite_bytes(sqlite_path))


class TestOtherWays:
    """Input, resume, interrupts, errors, updates, metadata."""

    @pytest.fixture
    def graph(self, sqlite_path, redactor):
        def work(state):
            return {"value": interrupt(state.get("value"))}

        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            yield _one_node(work, guard_checkpointer(saver, redactor))

    def test_interrupt_and_resume(
        self, graph, sqlite_path, canary, other_canary, leaks, sqlite_bytes
    ):
        """Interrupt payloads and answers are stored as markers, and the run ends."""
        graph.invoke({"value": {"ask": canary}}, _config())
        graph.invoke(Command(resume={"answer": other_canary}), _config())

        assert ["after ran"] == graph.get_state(_config()).values["log"]
        assert [] == leaks(sqlite_bytes(sqlite_path))
        assert b"__resume__" in sqlite_bytes(sqlite_path)

    def test_stored_interrupt_can_be_read(self, graph, canary):
        """The stored interrupt keeps its id and class, with a marker for a payload."""
        live = graph.invoke({"value": {"ask": canary}}, _config())["__interrupt__"][0]

        (stored,) = graph.get_state(_config()).interrupts

        assert isinstance(stored, Interrupt)
        assert live.id == stored.id
        assert {"ask": "[REDACTED:vault/canary]"} == stored.value

    def test_update_state(self, graph, sqlite_path, canary, leaks, sqlite_bytes):
        """An edit of the state by hand is stored with markers."""
        graph.update_state(_config(), {"value": canary})

        stored = graph.get_state(_config()).values["value"]

        assert "[REDACTED:vault/canary]" == stored
        assert [] == leaks(sqlite_bytes(sqlite_path))

    def test_command_update_as_input(
        self, graph, sqlite_path, canary, leaks, sqlite_bytes
    ):
        """`Command(update=...)` as input is stored with markers."""
        graph.invoke({"value": "plain"}, _config())
        graph.invoke(Command(update={"log": [canary]}, resume="go"), _config())

        assert contains_marker(graph.get_state(_config()).values["log"])
        assert [] == leaks(sqlite_bytes(sqlite_path))

    def test_error(self, sqlite_path, redactor, canary, leaks, sqlite_bytes):
        """The text of a failing node is stored with a marker."""

        def fail(state):
            raise ValueError(f"cannot log in with {canary}")

        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            graph = _one_node(fail, guard_checkpointer(saver, redactor))
            with pytest.raises(ValueError, match="cannot log in"):
                graph.invoke({"value": 1}, _config())

            assert [] == leaks(sqlite_bytes(sqlite_path))
            assert b"cannot log in with [REDACTED" in sqlite_bytes(sqlite_path)

    def test_metadata_and_configurable(
        self, graph, sqlite_path, canary, other_canary, leaks, sqlite_bytes
    ):
        """Metadata and configurable, which pass no serializer, get markers."""
        config = _config(
            configurable={"api_key": canary, "n": 1},
            metadata={"team": other_canary, "deep": {"k": [canary]}},
        )

        graph.invoke({"value": "plain"}, config)

        metadata = graph.get_state(_config()).metadata
        assert "[REDACTED:vault/canary]" == metadata["api_key"]
        assert "[REDACTED:vault/other]" == metadata["team"]
        assert 1 == metadata["n"]
        assert [] == leaks(sqlite_bytes(sqlite_path))

    def test_checkpoint_metadata(
        self, sqlite_path, redactor, canary, leaks, sqlite_bytes
    ):
        """Metadata that is handed to the saver itself gets markers too."""
        config = _config(configurable={"checkpoint_ns": ""})
        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            saved = guard_checkpointer(saver, redactor)

            saved.put(config, empty_checkpoint(), {"source": "loop", "by": canary}, {})

            stored = saved.get_tuple(_config()).metadata
            assert {"source": "loop", "by": "[REDACTED:vault/canary]"} == stored
            assert [] == leaks(sqlite_bytes(sqlite_path))

    def test_number_in_configurable(self, graph, sqlite_path, redactor, sqlite_bytes):
        """A registered value of digits is found in a number that JSON writes."""
        redactor.register("pin", "90817263")

        graph.invoke({"value": "plain"}, _config(configurable={"pin": 90817263}))

        assert b"90817263" not in sqlite_bytes(sqlite_path)
        assert "[REDACTED]" == graph.get_state(_config()).metadata["pin"]

    def test_caller_keeps_its_config(self, graph, canary):
        """The config that the caller passed in is not edited."""
        config = _config(configurable={"api_key": canary})

        graph.invoke({"value": "plain"}, config)

        assert canary == config["configurable"]["api_key"]

    def test_unregistered_shape(self, graph, sqlite_path, shaped, leaks, sqlite_bytes):
        """A credential that nobody registered is known by its shape."""
        graph.invoke({"value": f"use {shaped}", "log": [shaped]}, _config())
        graph.invoke(Command(resume=shaped), _config())

        assert "after ran" in graph.get_state(_config()).values["log"]
        assert [] == leaks(sqlite_bytes(sqlite_path), shaped)


class TestIdentifiers:
    """What keys rows is refused."""

    @pytest.mark.parametrize("key", ["thread_id", "checkpoint_ns", "checkpoint_id"])
    def test_each_id(self, key, redactor, canary, leaks, memory_bytes):
        """No id that keys a row may hold a value, in reading and in writing."""
        saved = guard_checkpointer(InMemorySaver(), redactor)
        ids = {"checkpoint_ns": "", "checkpoint_id": "c", key: canary}
        config = _config(configurable=ids)

        with pytest.raises(RawSecretFound, match=key):
            saved.get_tuple(config)
        with pytest.raises(RawSecretFound, match=key):
            saved.put_writes(config, [("value", 1)], "task")
        with pytest.raises(RawSecretFound, match=key):
            list(saved.list(config))

        assert [] == leaks(memory_bytes(saved))

    @pytest.mark.parametrize("key", ["thread_id", "checkpoint_id"])
    def test_ids(self, key, sqlite_path, redactor, canary, leaks, sqlite_bytes):
        """A value in an id is refused before anything runs, and is not echoed."""
        ran = []
        with SqliteSaver.from_conn_string(str(sqlite_path)) as saver:
            saved = guard_checkpointer(saver, redactor)
            graph = _one_node(lambda state: ran.append(1), saved)
            with pytest.raises(RawSecretFound) as refused:
                graph.invoke({"value": 1}, _config(configurable={key: canary}))

            assert [] == ran
            assert key in str(refused.value)
            assert canary not in repr(refused.value) + str(vars(refused.value))
            assert refused.value.__context__ is None
            assert [] == leaks(sqlite_bytes(sqlite_path))

    def test_ids_of_other_types(self, redactor, memory_bytes):
        """A UUID is an id like any other; a number is looked at as its digits."""
        redactor.register("pin", "90817263")
        saved = guard_checkpointer(InMemorySaver(), redactor)
        graph = _one_node(lambda state: {"value": 1}, saved)

        graph.invoke({"value": 1}, _config(configurable={"thread_id": uuid4()}))
        with pytest.raises(RawSecretFound, match="thread_id"):
            graph.invoke({"value": 1}, _config(configurable={"thread_id": 90817263}))

    def test_id_of_a_checkpoint(self, redactor, leaks, memory_bytes):
        """A checkpoint whose id is a value is refused, UUID or not."""
        for value in ("3c1a7f79-050b-84ea-7f4f-0ab190e65c83", "late owl 91 harbour"):
            redactor.register("id", value)
            saved = guard_checkpointer(InMemorySaver(), redactor)
            stored = {**empty_checkpoint(), "id": value}
            config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

            with pytest.raises(RawSecretFound, match="id of the checkpoint"):
                saved.put(config, stored, {}, {})

            assert [] == leaks(memory_bytes(saved), value)

    def test_a_made_up_id_of_a_message(self, redactor, leaks, memory_bytes):
        """A message whose id has a made-up form is looked at for values too."""
        value = "3c1a7f79-050b-84ea-7f4f-0ab190e65c83"
        redactor.register("id", value)
        saved = guard_checkpointer(InMemorySaver(), redactor)
        stored = empty_checkpoint()
        messages = [HumanMessage("hi", id=value), HumanMessage("ho", id=f"{value}-0")]
        stored["channel_values"] = {"messages": messages}
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

        saved.put(config, stored, {}, {"messages": "1"})

        data = memory_bytes(saved)
        assert (True, []) == (b"HumanMessage" in data, leaks(data, value))

    def test_a_step_that_is_a_value(self, redactor, leaks, memory_bytes):
        """A counter is looked for as its digits, however often it changed before."""
        redactor.register("pin", "90817263")
        saved = guard_checkpointer(InMemorySaver(), redactor)
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

        for step in (1, 1000, 90817263):
            saved.put(config, empty_checkpoint(), {"step": step}, {})

        kept = [each.metadata["step"] for each in saved.list(config)]
        assert {1, 1000} < set(kept)
        assert 90817263 not in kept

    def test_thread_id_in_memory(self, redactor, canary, leaks, memory_bytes):
        """Reading by a raw thread id makes no row of that name."""
        saved = guard_checkpointer(InMemorySaver(), redactor)

        with pytest.raises(RawSecretFound):
            saved.get_tuple(_config(configurable={"thread_id": canary}))

        assert [] == leaks(memory_bytes(saved))

    def test_node_name(self, redactor, canary, leaks, memory_bytes):
        """A node named by a value is refused."""
        saved = guard_checkpointer(InMemorySaver(), redactor)
        builder = StateGraph(State)
        builder.add_node(canary, lambda state: {"value": 1})
        builder.add_edge(START, canary)

        with pytest.raises(RawSecretFound, match="name"):
            builder.compile(checkpointer=saved).invoke({"value": 0}, _config())

        assert [] == leaks(memory_bytes(saved))

    def test_channel_name(self, redactor, canary, leaks, memory_bytes):
        """A write to a channel named by a value is refused."""
        saved = guard_checkpointer(InMemorySaver(), redactor)
        config = _config(configurable={"checkpoint_ns": "", "checkpoint_id": "c"})

        with pytest.raises(RawSecretFound, match="channel name"):
            saved.put_writes(config, [(canary, 1)], "task")

        assert [] == leaks(memory_bytes(saved))

    def test_old_thread_can_be_deleted(self, redactor, canary):
        """A thread that was named by a value before the guard came can be removed."""
        raw = InMemorySaver()
        _one_node(lambda state: None, raw).invoke(
            {"value": 1}, _config(configurable={"thread_id": canary})
        )

        guard_checkpointer(raw, redactor).delete_thread(canary)

        assert canary not in raw.storage


class TestShape:
    """What the guard is to its saver."""

    def test_is_of_the_savers_class(self, redactor):
        """The guarded saver is an instance of the saver's class, of the same name."""
        raw = InMemorySaver()
        saved = guard_checkpointer(raw, redactor)

        assert isinstance(saved, InMemorySaver)
        assert "InMemorySaver" == type(saved).__name__
        assert is_guarded(saved)

    def test_given_saver_is_untouched(self, redactor):
        """The given saver keeps its class and serializer."""
        raw = InMemorySaver()
        serde = raw.serde

        guard_checkpointer(raw, redactor)

        assert type(raw) is InMemorySaver
        assert raw.serde is serde
        assert not is_guarded(raw)

    def test_twice_is_once(self, redactor):
        """Guarding again with the same redactor returns the same object."""
        saved = guard_checkpointer(InMemorySaver(), redactor)

        assert saved is guard_checkpointer(saved, redactor)

    def test_two_redactors_both_count(self, redactor, canary, leaks, memory_bytes):
        """A saver that two brokers guard hides the values of both."""
        second = Redactor()
        second.register("second", "brass owl 77 harbour")
        saved = guard_checkpointer(InMemorySaver(), redactor)
        saved = guard_checkpointer(saved, second)
        graph = _one_node(lambda s: {"value": [canary, "brass owl 77 harbour"]}, saved)

        graph.invoke({"log": []}, _config())

        assert ["after ran"] == graph.get_state(_config()).values["log"]
        assert [] == leaks(memory_bytes(saved), canary, "brass owl 77 harbour")

    def test_allowlist_copy_keeps_the_guard(self, redactor):
        """LangGraph's strict copy of a saver is guarded as well."""
        saved = guard_checkpointer(InMemorySaver(), redactor)
        copied = saved.with_allowlist([("some.module", "Type")])

        assert is_guarded(copied)
        assert is_guarded(copied.serde)

    def test_no_saver(self, redactor):
        """What is no checkpointer is refused with the mend."""
        with pytest.raises(ConfigError, match="checkpointer="):
            guard_checkpointer(object(), redactor)

    def test_no_new_capability(self, redactor):
        """A method that the saver lacks is not pretended."""

        class Small(BaseCheckpointSaver):
            def put(self, config, checkpoint, metadata, new_versions):
                return config

        saved = guard_checkpointer(Small(), redactor)

        assert type(saved).aput is BaseCheckpointSaver.aput
        assert type(saved).acopy_thread is BaseCheckpointSaver.acopy_thread

    def test_saver_without_serializer(self, redactor, canary):
        """A saver that keeps objects as they are gets them with markers."""
        kept = []

        class Objects(InMemorySaver):
            def put(self, config, checkpoint, metadata, new_versions):
                kept.append(checkpoint)
                return super().put(config, checkpoint, metadata, new_versions)

        graph = _one_node(
            _returning(lambda: canary), guard_checkpointer(Objects(), redactor)
        )
        graph.invoke({"log": [canary]}, _config())

        assert canary not in repr(kept)
        assert contains_marker(kept)

    def test_failing_redactor_lets_nothing_through(
        self, redactor, canary, leaks, memory_bytes, monkeypatch
    ):
        """A guard that fails inside refuses, without the value in its error."""

        def broken(obj):
            raise RuntimeError(f"oops {obj}")

        saved = guard_checkpointer(InMemorySaver(), redactor)
        monkeypatch.setattr(redactor, "redact", broken)
        config = _config(configurable={"checkpoint_ns": "", "checkpoint_id": "c"})

        with pytest.raises(RawSecretFound) as refused:
            saved.put_writes(config, [("value", canary)], "task")

        assert canary not in str(refused.value)
        assert refused.value.__context__ is None
        assert [] == leaks(memory_bytes(saved))


class TestPastTheSerializer:
    """What LangGraph's own savers write without their serializer."""

    @pytest.fixture
    def stored(self, redactor, monkeypatch):
        """A saver that passes for one of them, and keeps what it is given."""
        kept = []

        class Columns(BaseCheckpointSaver):
            def put(self, config, checkpoint, metadata, new_versions):
                kept.append(checkpoint["channel_values"])
                return config

            def put_writes(self, config, writes, task_id, task_path=""):
                kept.append(writes)

        monkeypatch.setattr(compat, "writes_through_serde", lambda cls: True)
        return guard_checkpointer(Columns(), redactor), kept

    def test_short_values(self, stored, canary, shaped):
        """Texts and numbers, which PostgreSQL's keeps as JSON, are clean by then."""
        saver, kept = stored
        values = {"note": f"say {canary}", "shape": shaped, "n": 7, "fine": "fine"}
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

        for _ in range(2):
            stored = {**empty_checkpoint(), "channel_values": dict(values)}
            saver.put(config, stored, {}, {})

        marked = {"note": "say [REDACTED:vault/canary]"}
        marked |= {"shape": "[REDACTED:github-pat]", "n": 7, "fine": "fine"}
        assert [marked, marked] == kept

    def test_short_values_that_equal_others(self, stored, redactor):
        """A number is looked at, though it equals one of another kind."""
        saver, kept = stored
        redactor.register("pin", "90817263.0")
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

        for number in (90817263, 90817263.0):
            values = {"channel_values": {"n": number}}
            saver.put(config, {**empty_checkpoint(), **values}, {}, {})

        assert [90817263, "[REDACTED:pin]"] == [values["n"] for values in kept]

    def test_an_id_that_is_a_value(self, stored, redactor):
        """A checkpoint id is refused when it is a value, though it is a UUID."""
        saver, kept = stored
        raw = "0f8fad5b-d9cb-469f-a165-70867728950e"
        config = {"configurable": {"thread_id": "t", "checkpoint_id": raw}}
        saver.put_writes(config, [("a", 1)], "task")
        redactor.register("uuid", raw)
        other = {"configurable": {"thread_id": "t", "checkpoint_id": str(uuid4())}}
        saver.put_writes(other, [("a", 1)], "task")

        with pytest.raises(RawSecretFound):
            saver.put_writes(config, [("a", 1)], "task")
        assert 2 == len(kept)
