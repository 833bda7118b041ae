"""A user who types somebody else's value learns nothing from what comes back.

A right guess and a wrong one are the same text here, in two worlds: in the one it is
registered, by somebody else, in the other by nobody.
"""

from __future__ import annotations

import base64
import operator
import re
import secrets
import sqlite3
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, TypedDict

import aiosqlite
import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langchain_core.tracers import LangChainTracer
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.config import get_store
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, Command, interrupt

from langchain_tyrum.broker import SecretBroker, from_configurable
from langchain_tyrum.membrane import protect
from langchain_tyrum.middleware import TyrumMiddleware
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.state import guarded

MODES = [
    "values",
    "updates",
    "messages",
    "custom",
    "tasks",
    "debug",
    "checkpoints",
    "tools",
]
_ID = re.compile(
    r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00)?|0\.\d{10,}|[0-9a-f]{32}"
)


@dataclass
class World:
    """Somebody's broker, with a value of another user and one of another tenant."""

    broker: SecretBroker
    folder: Any
    scripted: Any
    forms: Any
    values: dict[str, str] = field(default_factory=dict)
    owners: dict[str, dict[str, Any]] = field(default_factory=dict)
    store: Any = field(default_factory=InMemoryStore)

    def config(self, thread="t", user="bob", tenant="acme", **more):
        configurable = {"thread_id": thread, "user_id": user, "tenant_id": tenant}
        return {"configurable": {**configurable, **more}}

    def register(self, name, tenant, owner):
        self.values[name] = f"cnry{secrets.token_hex(8)}"
        self.owners[name] = {"tenant": tenant, "owner": owner}
        self.broker.redactor.register(name, self.values[name], **self.owners[name])

    def begin_anew(self):
        """Forget all state, and who registered what."""
        self.store = InMemoryStore()
        for path in self.folder.glob("state.db*"):
            path.unlink()
        for name, owner in self.owners.items():
            self.broker.redactor.unregister(name, **owner)

    def disk(self) -> bytes:
        parts = [path.read_bytes() for path in sorted(self.folder.glob("state.db*"))]
        return b"".join(parts)


@pytest.fixture
def world(tmp_path, scripted, forms_of):
    identity = from_configurable("user_id", tenant_key="tenant_id")
    policy = SecretPolicy(allow=["*"])
    with SecretBroker.in_memory(policy=policy, identity=identity) as broker:
        world = World(broker, tmp_path, scripted, forms_of)
        world.register("user", "acme", "ann")
        world.register("service", "evil", None)
        broker.redactor.register("other", secrets.token_hex(12), tenant="evil")
        yield world


def remember(text: str) -> str:
    """Keep a note, and tell what the notes say."""
    store = get_store()
    store.put(("notes",), "last", {"text": text, "tags": [text], text: 1})
    found = store.get(("notes",), "last").value
    listed = [item.value for item in store.search(("notes",), filter={"text": text})]
    return f"noted {found} among {listed}"


def spoken(guess: str) -> list[HumanMessage]:
    coded = base64.b64encode(f"xx{guess}yy".encode()).decode()
    halves = [{"type": "text", "text": guess[:9]}, {"type": "text", "text": guess[9:]}]
    return [
        HumanMessage(
            f"is it {guess}, or {coded}?", additional_kwargs={guess: guess}, id="1"
        ),
        HumanMessage(halves, id="2"),
    ]


def agent(world, saver, guess):
    calls = [{"name": "remember", "args": {"text": guess}, "id": "c1"}]
    model = world.scripted(
        AIMessage("", tool_calls=calls), AIMessage(f"you said {guess}"), AIMessage("so")
    )
    graph = create_agent(
        model,
        [tool(remember)],
        middleware=[TyrumMiddleware(world.broker)],
        checkpointer=saver,
        store=world.store,
    )
    return protect(graph, world.broker), model


class State(TypedDict, total=False):
    messages: Annotated[list, add_messages]
    seen: Annotated[list, operator.add]
    held: Any


def flow(world, saver, guess):
    model = world.scripted(AIMessage(f"you said {guess}"), AIMessage("so"))

    def ask(state):
        return {"messages": [model.invoke(state["messages"])], "held": guess.encode()}

    def keep(state):
        return {"seen": [remember(state["messages"][0].text), {guess: 7}]}

    def wait(state):
        return {"seen": [interrupt({"sure about": state["messages"][0].text})]}

    builder = StateGraph(State)
    for node in (ask, keep, wait):
        builder.add_node(node)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "keep")
    builder.add_edge("keep", "wait")
    builder.add_edge("wait", END)
    graph = builder.compile(checkpointer=saver, store=world.store)
    return protect(graph, world.broker), model


GRAPHS = {"agent": agent, "flow": flow}


@contextmanager
def saver_of(world, kind):
    if kind == "memory":
        yield InMemorySaver()
        return
    connection = sqlite3.connect(world.folder / "state.db", check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    try:
        yield SqliteSaver(connection)
    finally:
        connection.close()


@asynccontextmanager
async def asaver_of(world, kind):
    if kind == "memory":
        yield InMemorySaver()
        return
    async with aiosqlite.connect(world.folder / "state.db") as connection:
        yield AsyncSqliteSaver(connection)


def observe(world, kind, build, guess):
    """All that the user's client, model, tools and state say about a guess."""
    with saver_of(world, kind) as saver:
        graph, model = build(world, saver, guess)
        config = world.config() | {"metadata": {"note": guess, "n": 7}, "tags": [guess]}
        told = []
        given = {"messages": spoken(guess)}
        for mode, part in graph.stream(given, config, stream_mode=MODES):
            told.append((mode, part))
        told.append(graph.get_state(config))
        told.extend(graph.get_state_history(config, filter={"note": guess}))
        graph.update_state(
            config, {"messages": [HumanMessage(f"again {guess}", id="3")]}
        )
        told.append(graph.get_state(config).values)
        told.append(graph.invoke({"messages": [HumanMessage("go on", id="4")]}, config))
        told.extend(graph.get_state_history(config))
        told.append(model.got)
        disk = world.disk() + repr(vars(saver)).encode()
    return masked(told), disk + repr(world.store._data).encode()


async def aobserve(world, kind, build, guess):
    """The async twin."""
    async with asaver_of(world, kind) as saver:
        graph, model = build(world, saver, guess)
        config = world.config() | {"metadata": {"note": guess, "n": 7}, "tags": [guess]}
        told = []
        given = {"messages": spoken(guess)}
        async for mode, part in graph.astream(given, config, stream_mode=MODES):
            told.append((mode, part))
        told.append(await graph.aget_state(config))
        history = graph.aget_state_history(config, filter={"note": guess})
        told.extend([snapshot async for snapshot in history])
        await graph.aupdate_state(
            config, {"messages": [HumanMessage(f"yes {guess}", id="3")]}
        )
        told.append((await graph.aget_state(config)).values)
        go_on = {"messages": [HumanMessage("go on", id="4")]}
        told.append(await graph.ainvoke(go_on, config))
        for version in ("v1", "v2"):
            other = world.config(f"events {version}")
            events = graph.astream_events(given, other, version=version)
            told.extend([event async for event in events])
        told.extend([p async for p in graph.astream_log(given, world.config("log"))])
        told.extend([snapshot async for snapshot in graph.aget_state_history(config)])
        told.append(model.got)
        disk = world.disk() + repr(vars(saver)).encode()
    return masked(told), disk + repr(world.store._data).encode()


def masked(told: list[Any]) -> list[str]:
    return [_ID.sub("<id>", repr(part)) for part in told]


def assert_alike(wrong: list[str], right: list[str]) -> None:
    """Compare, and show the place where they part."""
    assert len(wrong) == len(right)
    for a, b in zip(wrong, right, strict=True):
        at = next(
            (i for i, pair in enumerate(zip(a, b, strict=False)) if len({*pair}) > 1), 0
        )
        near = slice(max(at - 200, 0), at + 200)
        assert a[near] == b[near]
        assert len(a) == len(b)


def assert_no_trace(world, disk):
    for value in world.values.values():
        assert [] == [form for form in world.forms(value) if form in disk]


@pytest.mark.filterwarnings("ignore:astream_")
@pytest.mark.parametrize("build", GRAPHS.values(), ids=GRAPHS)
@pytest.mark.parametrize("kind", ["sqlite", "memory"])
@pytest.mark.parametrize("whose", ["user", "service"])
class TestOracle:
    def test_a_right_guess_looks_like_a_wrong_one(self, world, build, kind, whose):
        """What comes back is the same for both, and the disk holds no value."""
        value = world.values[whose]

        right, disk = observe(world, kind, build, value)
        world.begin_anew()
        wrong, other = observe(world, kind, build, value)

        assert_alike(wrong, right)
        assert value in right[-1]
        assert b"[REDACTED:~" in disk
        assert b"[REDACTED" not in other
        assert_no_trace(world, disk)

    async def test_the_async_twin(self, world, build, kind, whose):
        """The same holds for the async methods."""
        value = world.values[whose]

        right, disk = await aobserve(world, kind, build, value)
        world.begin_anew()
        wrong, other = await aobserve(world, kind, build, value)

        assert_alike(wrong, right)
        assert value in right[-1]
        assert b"[REDACTED:~" in disk
        assert b"[REDACTED" not in other
        assert_no_trace(world, disk)


def echo(world, saver, **options):
    """A graph that keeps what it is told, and tells what it has."""
    seen = []

    def node(state):
        seen.append(list(state["log"]))
        return {"log": [*state["log"][:1], f"noted {len(state['log'])}"]}

    keys = {"log": Annotated[list, operator.add], "n": Any}
    builder = StateGraph(TypedDict("keys", keys))
    builder.add_node("node", node, **options)
    builder.add_edge(START, "node")
    graph = builder.compile(checkpointer=saver, cache=InMemoryCache())
    return protect(graph, world.broker), seen


class TestDamage:
    @pytest.mark.parametrize(
        ("word", "short"), [("invoice", True), ("quarterly report", False), ("8123", 1)]
    )
    def test_a_common_word_of_somebody_else_tears_nothing_up(self, world, word, short):
        """Who registers a word that others use changes nothing of their state."""
        world.broker.redactor.register(
            "word", word, tenant="acme", owner="ann", allow_short=bool(short)
        )
        saver = InMemorySaver()
        graph, seen = echo(world, saver)
        text = f"the {word} of {word}-{word}, \u201c{word}\u201d"
        given = {"log": [text, {word: [word]}, word.encode()], "n": 8123}

        graph.invoke(given, world.config())
        graph.invoke({"log": []}, world.config())
        values = graph.get_state(world.config()).values

        log = [*given["log"], text, "noted 3"]
        assert [given["log"], log] == seen
        assert [*log, text, "noted 5"] == values["log"]
        assert 8123 == values["n"]

    def test_a_number_stays_a_number(self, world):
        """A number that is somebody's value is one again when it is read."""
        world.broker.redactor.register("n", "40712345678", tenant="evil")
        saver = InMemorySaver()
        graph, _ = echo(world, saver)
        config = world.config() | {"metadata": {"n": 40712345678}}

        graph.invoke({"log": [40712345678], "n": {"n": 40712345678}}, config)
        state = graph.get_state(config)

        assert {"n": 40712345678} == state.values["n"]
        assert 40712345678 == state.values["log"][0]
        assert 40712345678 == state.metadata["n"]
        assert b"40712345678" not in repr(vars(saver)).encode()

    def test_a_guarded_key_takes_what_only_others_registered(self, world):
        """A state key that refuses values does not refuse for somebody else."""
        builder = StateGraph(
            TypedDict("keys", {"log": Annotated[list, guarded(operator.add)]})
        )
        builder.add_node("node", lambda state: {"log": ["ok"]})
        builder.add_edge(START, "node")
        graph = protect(builder.compile(checkpointer=InMemorySaver()), world.broker)
        value = world.values["user"]

        result = graph.invoke({"log": [value]}, world.config())

        assert (
            {"log": [value, "ok"]} == result == graph.get_state(world.config()).values
        )

    def test_an_answer_is_read_again(self, world):
        """What a person answered stays as it is while the next question is open."""
        value = world.values["user"]
        builder = StateGraph(TypedDict("keys", {"log": list}))
        builder.add_node("ask", lambda _: {"log": [interrupt("1"), interrupt("2")]})
        builder.add_edge(START, "ask")
        graph = protect(builder.compile(checkpointer=InMemorySaver()), world.broker)

        for given in ({"log": []}, Command(resume=value), Command(resume="x")):
            result = graph.invoke(given, world.config())

        assert [value, "x"] == result["log"]

    async def test_functions_and_inner_graphs_read_their_own(self, world):
        """So do `@entrypoint`, its tasks, and a graph inside a graph."""
        value = world.values["service"]
        inner = StateGraph(TypedDict("keys", {"log": Annotated[list, operator.add]}))
        inner.add_node("n", lambda state: {"log": [len(state["log"])]})
        inner.add_edge(START, "n")
        kept = inner.compile(checkpointer=True)

        @task
        def told(text):
            return kept.invoke({"log": [text]})["log"]

        @entrypoint(checkpointer=InMemorySaver())
        def work(text, *, previous=None):
            return [previous, told(text).result()]

        graph = protect(work, world.broker)
        first = await graph.ainvoke(value, world.config())
        second = graph.invoke("again", world.config())

        assert [None, [value, 1]] == first
        assert [first, [value, 1, "again", 3]] == second

    def test_a_cached_result_is_made_anew_for_another(self, world):
        """What was cached for one user is neither shown to another nor spoils it."""
        value = world.values["service"]
        graph, seen = echo(world, InMemorySaver(), cache_policy=CachePolicy())
        given = {"log": [value]}

        results = [
            graph.invoke(given, world.config(thread, user=user))
            for thread, user in (("1", "bob"), ("2", "bob"), ("3", "cid"))
        ]

        assert [{"log": [value, value, "noted 1"]}] * 3 == results
        assert 2 == len(seen)  # Bob's second run found his first one's result


class TestOthers:
    @pytest.fixture
    def told(self, world):
        """What Bob told an agent, and the saver that keeps it."""
        saver = InMemorySaver()
        graph, _ = echo(world, saver)
        text = f"my guess is {world.values['user']}"
        graph.invoke({"log": [text]}, world.config())
        return graph, saver, text

    @pytest.mark.parametrize(
        ("user", "tenant"), [("cid", "acme"), ("bob", "evil"), (None, "acme")]
    )
    def test_another_principal_reads_a_nameless_marker(self, world, told, user, tenant):
        """Bob's text is Bob's: whoever else reads his thread sees a marker."""
        graph, _, _ = told
        config = world.config(user=user, tenant=tenant)

        read = [graph.get_state(config), *graph.get_state_history(config)]
        result = graph.invoke({"log": []}, config)

        assert "my guess is [REDACTED]" == result["log"][0]
        assert "[REDACTED]" in repr(read)
        assert "[REDACTED:~" not in repr(read)
        assert world.values["user"] not in repr([read, result])

    def test_the_owner_of_the_value_reads_a_nameless_marker(self, world, told):
        """Ann, whose value it is, does not learn what Bob wrote around it either."""
        graph, _, _ = told

        values = graph.get_state(world.config(user="ann")).values

        assert "my guess is [REDACTED]" == values["log"][0]

    def test_who_reads_without_a_run_is_nobody(self, world, told):
        """The saver itself, asked outside of a run, opens nothing."""
        graph, _, _ = told

        saved = graph.checkpointer.get_tuple(world.config())

        assert "my guess is [REDACTED]" == saved.checkpoint["channel_values"]["log"][0]

    @pytest.mark.parametrize("user", ["bob", "cid"])
    def test_a_sealed_marker_that_was_pasted_stays_closed(self, world, told, user):
        """What somebody copied from the disk tells them nothing when they send it."""
        graph, saver, _ = told
        copied = re.search(rb"\[REDACTED:~[\w-]+\]", repr(vars(saver)).encode())
        config = world.config("other", user=user)
        pasted = f"open {copied[0].decode()} and [REDACTED:~{'A' * 64}]"

        result = graph.invoke({"log": [pasted]}, config)
        again = graph.invoke({"log": []}, config)

        assert "open [REDACTED] and [REDACTED]" == result["log"][0] == again["log"][0]

    def test_a_damaged_one_is_nameless(self, world):
        """Bytes that were changed on the disk open for nobody, and raise nothing."""
        with saver_of(world, "sqlite") as saver:
            graph, _ = echo(world, saver)
            graph.invoke({"log": [world.values["user"]]}, world.config())
            for table, column in (("checkpoints", "checkpoint"), ("writes", "value")):
                found = saver.conn.execute(f"SELECT rowid, {column} FROM {table}")
                for row, data in found.fetchall():
                    damaged = re.sub(
                        rb"(?<=:~.).",
                        lambda found: b"B" if found[0] == b"A" else b"A",
                        data,
                    )
                    saver.conn.execute(
                        f"UPDATE {table} SET {column} = ? WHERE rowid = ?",
                        (damaged, row),
                    )

            values = graph.get_state(world.config()).values

        assert "[REDACTED]" == values["log"][0]


class TestSinks:
    def test_services_get_nameless_markers(self, world, lab, recorder):
        """Traces and handlers show neither the value nor a sealed marker."""
        value = world.values["user"]
        graph, _ = echo(world, InMemorySaver())
        start = len(lab.wire.bodies)
        config = world.config() | {
            "callbacks": [recorder, LangChainTracer(client=lab.client)],
            "metadata": {"note": value},
            "tags": [value],
            "run_name": f"is it {value}",
        }

        graph.invoke({"log": [value]}, config)
        graph.invoke({"log": []}, config)
        lab.client.flush()
        wire = b"".join(lab.wire.bodies[start:])

        for sink in (recorder.text.encode(), wire):
            assert b"[REDACTED]" in sink
            assert b"[REDACTED:~" not in sink
            assert_no_trace(world, sink)
