"""Handlers that nobody passed to the run: of models, of nodes, of context variables."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    get_usage_metadata_callback,
)
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langchain_core.tracers import context
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langchain_tyrum.broker.records.describing import Describing
from langchain_tyrum.membrane import protect
from langchain_tyrum.traces import RedactingCallbackHandler


class State(TypedDict, total=False):
    text: str


class Notes(BaseCallbackHandler):
    """Notes what it is told, and of what."""

    def __init__(self):
        self.told = []

    def on_chain_end(self, outputs, **_):
        self.told.append(("chain", str(outputs)))

    def on_tool_end(self, output, **_):
        self.told.append(("tool", str(output)))

    def on_llm_end(self, response, **_):
        self.told.append(("model", str(response)))

    def on_llm_new_token(self, token, **_):
        self.told.append(("token", token))


class AsyncNotes(AsyncCallbackHandler):
    def __init__(self):
        self.told = []

    async def on_llm_end(self, response, **_):
        self.told.append(("model", str(response)))

    async def on_tool_end(self, output, **_):
        self.told.append(("tool", str(output)))


@contextmanager
def hooked(handler, *, inheritable):
    """A handler that a context variable adds to each callback manager."""
    variable = ContextVar("notes", default=None)
    context.register_configure_hook(variable, inheritable)
    variable.set(handler)
    try:
        yield
    finally:
        variable.set(None)
        context._configure_hooks.pop()


@pytest.fixture
def agent(value):
    """An agent whose tool and model say the value."""

    @tool
    def look() -> str:
        """Look."""
        return f"found {value}"

    def made(**options):
        call = {"name": "look", "args": {}, "id": "c1", "type": "tool_call"}
        answers = [AIMessage("", tool_calls=[call]), AIMessage(f"it is {value}")]
        model = Answering(messages=iter(answers), **options)
        return create_agent(model, [look])

    return made


class Answering(GenericFakeChatModel):
    def bind_tools(self, tools, **_):
        return self


ASKED = {"messages": [("user", "hi")]}


class TestContextVariables:
    @pytest.mark.parametrize("inheritable", [True, False])
    def test_a_hooked_handler_is_told_no_value(self, agent, broker, value, inheritable):
        """A handler of `register_configure_hook` gets each event once, redacted."""
        plain, guarded = Notes(), Notes()
        with hooked(plain, inheritable=inheritable):
            agent().invoke(ASKED)
        with hooked(guarded, inheritable=inheritable):
            protect(agent(), broker).invoke(ASKED)

        assert value in str(plain.told)
        assert value not in str(guarded.told)
        assert "[REDACTED" in str(guarded.told)
        assert [kind for kind, _ in plain.told] == [kind for kind, _ in guarded.told]

    async def test_async_too(self, agent, broker, value):
        """An async run tells a hooked handler no value either, and nothing twice."""
        plain, guarded = AsyncNotes(), AsyncNotes()
        with hooked(plain, inheritable=True):
            await agent().ainvoke(ASKED)
        with hooked(guarded, inheritable=True):
            await protect(agent(), broker).ainvoke(ASKED)

        assert value in str(plain.told)
        assert value not in str(guarded.told)
        assert [kind for kind, _ in plain.told] == [kind for kind, _ in guarded.told]

    def test_collected_runs_hold_no_value(self, agent, broker, value):
        """`collect_runs` collects redacted runs, of the same tree."""
        with context.collect_runs() as plain:
            agent().invoke(ASKED)
        with context.collect_runs() as guarded:
            protect(agent(), broker).invoke(ASKED)

        def told(collected):
            return [
                (run.name, [child.name for child in run.child_runs])
                for run in collected.traced_runs
            ]

        def texts(run):
            return [str(run.inputs) + str(run.outputs)] + [
                text for child in run.child_runs for text in texts(child)
            ]

        assert told(plain) == told(guarded)
        found = [text for run in guarded.traced_runs for text in texts(run)]
        assert value not in str(found)
        assert "[REDACTED" in str(found)

    @pytest.mark.parametrize("how", ["invoke", "ainvoke"])
    async def test_handlers_of_the_environment_are_told_no_value(
        self, agent, broker, value, how, monkeypatch
    ):
        """A class that an environment variable switches on is told no value either."""
        told = []

        class Switched(Notes):
            def __init__(self):
                self.told = told

        context.register_configure_hook(
            ContextVar("switched", default=None), True, Switched, "TYRUM_TEST_NOTES"
        )
        monkeypatch.setenv("TYRUM_TEST_NOTES", "true")
        try:
            ran = getattr(protect(agent(), broker), how)(ASKED)
            _ = ran if how == "invoke" else await ran
        finally:
            context._configure_hooks.pop()

        assert {"chain", "tool", "model"} <= {kind for kind, _ in told}
        assert value not in str(told)
        assert "[REDACTED" in str(told)

    def test_two_brokers_tell_nothing_twice(self, agent, memory_broker, canary):
        """With two brokers, and passed in the config too, it gets each event once."""
        plain, guarded = Notes(), Notes()
        with hooked(plain, inheritable=True):
            agent().invoke(ASKED, {"callbacks": [plain]})
        protect(agent(), memory_broker({"other/key": canary()}))
        graph = protect(agent(), memory_broker({"db/password": canary()}))
        with hooked(guarded, inheritable=True):
            graph.invoke(ASKED, {"callbacks": [guarded]})

        assert [kind for kind, _ in plain.told] == [kind for kind, _ in guarded.told]

    def test_usage_is_counted(self, broker):
        """`get_usage_metadata_callback` counts tokens as without the guard."""
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
        answer = AIMessage(
            "ok", usage_metadata=usage, response_metadata={"model_name": "m"}
        )
        builder = StateGraph(State)
        model = Answering(messages=iter([answer]))
        builder.add_node("n", lambda _: {"text": model.invoke("hi").content})
        builder.add_edge(START, "n")

        with get_usage_metadata_callback() as counted:
            protect(builder.compile(), broker).invoke({"text": "x"})

        assert 7 == counted.usage_metadata["m"]["total_tokens"]


class TestOwnHandlers:
    def test_handlers_of_a_model_are_told_no_value(self, agent, broker, value):
        """What was attached to the model itself gets its events redacted."""
        plain, guarded = Notes(), Notes()
        agent(callbacks=[plain]).invoke(ASKED)
        protect(agent(callbacks=[guarded]), broker).invoke(ASKED)

        assert value in str(plain.told)
        assert value not in str(guarded.told)
        assert [kind for kind, _ in plain.told] == [kind for kind, _ in guarded.told]

    def test_tokens_of_a_model_with_handlers_of_its_own(self, broker, value):
        """Token by token, they see the marker too."""
        guarded = Notes()
        model = Answering(
            messages=iter([AIMessage(f"so {value} it is")]), callbacks=[guarded]
        )
        builder = StateGraph(State)
        builder.add_node("n", lambda _: {"text": model.invoke("hi").content})
        builder.add_edge(START, "n")

        parts = list(
            protect(builder.compile(), broker).stream(
                {"text": "x"}, stream_mode="messages"
            )
        )

        tokens = "".join(token for kind, token in guarded.told if kind == "token")
        assert "so [REDACTED:db/password] it is" == tokens
        assert value not in str(parts)

    def test_handlers_that_a_node_gives_are_told_no_value(self, broker, value):
        """What a node attaches to a chain that it calls gets redacted events."""
        notes = Notes()
        chain = RunnableLambda(lambda _: f"raw {value}")
        builder = StateGraph(State)
        builder.add_node(
            "n", lambda _: {"text": chain.invoke("x", {"callbacks": [notes]})}
        )
        builder.add_edge(START, "n")

        protect(builder.compile(), broker).invoke({"text": "x"})

        assert [("chain", "raw [REDACTED:db/password]")] == notes.told

    def test_outside_of_protected_runs_handlers_are_let_be(self, agent, broker, value):
        """What a graph beside it tells its model's handlers is not touched."""
        protect(agent(), broker).invoke(ASKED)
        notes = Notes()

        agent(callbacks=[notes]).invoke(ASKED)

        assert value in str(notes.told)

    @pytest.mark.parametrize("where", ["config", "node"])
    def test_what_another_broker_guards_is_guarded_here(
        self, broker, memory_broker, canary, value, where
    ):
        """A handler that another broker's redactor guards is told no value of ours."""
        notes = Notes()
        other = RedactingCallbackHandler(
            notes, memory_broker({"other/key": canary()}).redactor
        )
        chain = RunnableLambda(lambda _: f"raw {value}")
        inner = {"callbacks": [other]} if where == "node" else {}
        builder = StateGraph(State)
        builder.add_node("n", lambda _: {"text": chain.invoke("x", inner)})
        builder.add_edge(START, "n")

        protect(builder.compile(), broker).invoke(
            {"text": "x"}, {"callbacks": [other]} if where == "config" else {}
        )

        assert ("chain", "raw [REDACTED:db/password]") in notes.told
        assert value not in str(notes.told)

    async def test_a_node_reads_the_events_it_asks_for(self, broker, value):
        """What a node's own code streams to itself stays as it is."""
        chain = RunnableLambda(lambda _: f"raw {value}")
        seen = []

        async def node(_):
            seen.extend([event async for event in chain.astream_events("x")])
            return {}

        builder = StateGraph(State)
        builder.add_node("n", node)
        builder.add_edge(START, "n")

        result = await protect(builder.compile(), broker).ainvoke({"text": "x"})

        assert f"raw {value}" == seen[-1]["data"]["output"]
        assert value not in str(result)

    def test_no_catalog_is_asked_for_each_call(self, broker, monkeypatch):
        """A chain that a node calls looks for no secrets stored meanwhile."""
        looks = []
        look = Describing._keep_armed
        monkeypatch.setattr(
            Describing, "_keep_armed", lambda self: (looks.append(1), look(self))[1]
        )
        notes, chain = Notes(), RunnableLambda(lambda _: "x")

        def looked(calls):
            def node(_):
                for _ in range(calls):
                    chain.invoke("x", {"callbacks": [notes]})
                return {}

            builder = StateGraph(State)
            builder.add_node("n", node)
            builder.add_edge(START, "n")
            graph = protect(builder.compile(), broker)
            looks.clear()
            graph.invoke({"text": "x"})
            return len(looks)

        assert looked(1) == looked(9)
        assert 10 == len(notes.told)
