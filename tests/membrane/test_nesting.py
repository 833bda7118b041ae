"""Graphs in graphs: as nodes, from closures, under unprotected parents."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.store.memory import InMemoryStore
from typing_extensions import TypedDict

from langchain_tyrum.membrane import protect


class State(TypedDict, total=False):
    text: str
    other: Any


def chain(*nodes, **options):
    builder = StateGraph(State)
    names = [f"n{i}" for i in range(len(nodes))]
    for name, node in zip(names, nodes, strict=True):
        builder.add_node(name, node)
    builder.add_edge(START, names[0])
    for here, there in pairwise(names):
        builder.add_edge(here, there)
    return builder.compile(**options)


class TestClosures:
    def test_a_graph_called_by_a_node_is_guarded_between_its_nodes(self, broker, value):
        """Its second node does not see what the first one returned raw."""
        seen = []
        inner = chain(lambda _: {"text": value}, lambda s: seen.append(s) or {})
        outer = chain(lambda s: {"other": inner.invoke({"text": "in"})})

        result = protect(outer, broker).invoke({"text": "x"})

        assert [{"text": "[REDACTED:db/password]"}] == seen
        assert value not in str(result)

    def test_its_own_thread_is_guarded_too(self, broker, value):
        """A graph with a thread and saver of its own writes markers."""
        saver = InMemorySaver()
        inner = chain(lambda _: {"text": value}, checkpointer=saver)
        config = {"configurable": {"thread_id": "inner"}}
        outer = chain(lambda s: {"other": inner.invoke({"text": "in"}, config)})

        protect(outer, broker).invoke({"text": "x"})

        assert "[REDACTED:db/password]" == inner.get_state(config).values["text"]
        assert value not in repr((dict(saver.storage), dict(saver.blobs)))

    async def test_async_closures_are_guarded(self, broker, value):
        """The async ways too."""
        seen = []
        inner = chain(lambda _: {"text": value}, lambda s: seen.append(s) or {})

        async def call(state):
            return {"other": await inner.ainvoke({"text": "in"})}

        result = await protect(chain(call), broker).ainvoke({"text": "x"})

        assert [{"text": "[REDACTED:db/password]"}] == seen
        assert value not in str(result)

    def test_the_called_graph_stays_unguarded_by_itself(self, broker, value):
        """Only calls from inside the membrane are guarded."""
        inner = chain(lambda _: {"text": value})
        outer = chain(lambda s: {"other": inner.invoke({"text": "in"})})

        protect(outer, broker).invoke({"text": "x"})

        assert {"text": value} == inner.invoke({"text": "in"})


class TestParents:
    def test_under_an_unprotected_parent_the_sub_graph_guards_itself(
        self, broker, value
    ):
        """What it writes, and what the parent streams of it, holds markers."""
        saver = InMemorySaver()
        inner = protect(chain(lambda _: {"text": value}), broker)
        outer = chain(inner, checkpointer=saver)
        config = {"configurable": {"thread_id": "t"}}

        parts = list(
            outer.stream({"text": "x"}, config, subgraphs=True, stream_mode="values")
        )

        assert value not in str(parts)
        assert "[REDACTED:db/password]" in str(parts)
        assert value not in repr((dict(saver.storage), dict(saver.blobs)))

    def test_its_tokens_reach_the_parent_s_stream_redacted(
        self, broker, value, scripted
    ):
        """The parent's stream handler is told markers."""
        model = scripted(AIMessage(f"the word is {value}."))
        builder = StateGraph(MessagesState)
        builder.add_node("m", lambda s: {"messages": [model.invoke(s["messages"])]})
        builder.add_edge(START, "m")
        parent = StateGraph(MessagesState)
        parent.add_node("sub", protect(builder.compile(), broker))
        parent.add_edge(START, "sub")

        parts = parent.compile().stream(
            {"messages": [HumanMessage("q")]}, stream_mode="messages", subgraphs=True
        )
        text = "".join(chunk.text for _, (chunk, _) in parts)

        assert value not in text
        assert "the word is [REDACTED:db/password]." in text

    def test_handlers_of_a_surrounding_chain_are_guarded(self, broker, value):
        """A handler given to the chain around is told markers of the inside."""
        told = []

        class Handler(BaseCallbackHandler):
            def on_chain_end(self, outputs, **kwargs):
                told.append(outputs)

        graph = protect(chain(lambda _: {"text": value}), broker)
        around = RunnableLambda(graph.invoke)

        around.invoke({"text": "x"}, {"callbacks": [Handler()]})

        assert len(told) >= 3
        assert value not in str(told)
        assert "[REDACTED:db/password]" in str(told)


class TestLent:
    def test_a_saver_that_comes_by_config_is_guarded(self, broker, value):
        """Servers lend the saver at run time; it gets markers."""
        saver = InMemorySaver()
        graph = protect(chain(lambda _: {"text": value}), broker)
        config = {"configurable": {"thread_id": "t", "__pregel_checkpointer": saver}}

        graph.invoke({"text": "x"}, config)

        assert saver.storage
        assert value not in repr((dict(saver.storage), dict(saver.blobs)))

    def test_a_store_in_a_copy_is_guarded(self, broker, value):
        """Servers copy the graph with a store of theirs; it gets markers."""
        from langgraph.config import get_store

        store = InMemoryStore()

        def node(state):
            get_store().put(("a",), "k", {"v": value})
            return {}

        protect(chain(node), broker).copy({"store": store}).invoke({"text": "x"})

        assert "[REDACTED:db/password]" == store.get(("a",), "k").value["v"]

    def test_the_node_cache_is_guarded(self, broker, value):
        """What a node's result cache keeps holds markers."""
        from langgraph.cache.memory import InMemoryCache
        from langgraph.types import CachePolicy

        cache, ran = InMemoryCache(), []
        builder = StateGraph(State)
        builder.add_node(
            "n",
            lambda _: ran.append(1) or {"other": value},
            cache_policy=CachePolicy(),
        )
        builder.add_edge(START, "n")
        graph = protect(builder.compile(cache=cache), broker)

        results = [graph.invoke({"text": "x"}) for _ in range(2)]

        assert [1] == ran
        assert "[REDACTED:db/password]" == results[1]["other"]
        assert value not in repr(vars(cache))


class TestAround:
    def test_what_a_node_traces_by_itself_is_redacted(self, broker, value, lab):
        """A tracer that a node brings along sends markers."""
        from langchain_core.tracers import LangChainTracer

        start = len(lab.wire.bodies)
        client = lab.wire.client()

        def node(state):
            tracer = LangChainTracer(client=client, project_name="own")
            chain = RunnableLambda(lambda given: {"answer": f"{given} {value}"})
            chain.invoke("asked", {"callbacks": [tracer]})
            return {}

        protect(chain(node), broker).invoke({"text": "x"})
        client.flush()
        client.cleanup()

        sent = b"".join(lab.wire.bodies[start:]).decode()
        assert "asked" in sent
        assert "[REDACTED:db/password]" in sent
        assert value not in sent

    def test_what_a_node_logs_is_redacted(self, broker, value, caplog):
        """A log line from inside a node holds a marker."""
        log = logging.getLogger("tests.node")

        def node(state):
            log.warning("logging in with %s", value)
            return {}

        protect(chain(node), broker).invoke({"text": "x"})

        assert "logging in with [REDACTED:db/password]" in caplog.text
        assert value not in caplog.text

    def test_metadata_tags_and_name_are_clean_for_nodes_too(self, broker, value):
        """What is stored and told of a config is redacted; `configurable` is not."""
        got = {}

        def node(state, config):
            got.update(config)
            return {}

        node.__annotations__["config"] = RunnableConfig
        config = {
            "metadata": {"m": value},
            "tags": [value],
            "configurable": {"token": value},
        }

        protect(chain(node), broker).invoke({"text": "x"}, config)

        assert "[REDACTED:db/password]" == got["metadata"]["m"]
        assert value not in str(got["tags"])
        assert value == got["configurable"]["token"]
