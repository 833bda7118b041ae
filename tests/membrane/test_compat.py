"""What the membrane stands on inside LangGraph: a version that moves it fails here."""

from __future__ import annotations

import inspect

import pytest
from langgraph._internal import _constants as constants
from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel
from langgraph.pregel._algo import prepare_push_task_send
from langgraph.pregel._call import _call_with_options
from langgraph.pregel._read import PregelNode
from langgraph.pregel._retry import run_with_retry
from langgraph.pregel.debug import rm_pregel_keys
from typing_extensions import TypedDict

from langchain_tyrum.membrane import compat, protect
from langchain_tyrum.middleware.looking import RUN_KEY, RUNTIME_KEY
from langchain_tyrum.state.acting import RUN_KEY as STATE_RUN_KEY
from langchain_tyrum.traces.compat import RUN_KEY as TRACES_RUN_KEY


class State(TypedDict, total=False):
    text: str


def graph():
    builder = StateGraph(State)
    builder.add_node("n", lambda _: {})
    builder.add_edge(START, "n")
    return builder.compile()


class TestConfigKeys:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("CONFIG_KEY_SEND", "__pregel_send"),
            ("CONFIG_KEY_CALL", "__pregel_call"),
            ("CONFIG_KEY_CHECKPOINTER", "__pregel_checkpointer"),
            ("CONFIG_KEY_CACHE", "__pregel_cache"),
            ("CONFIG_KEY_RUNTIME", "__pregel_runtime"),
            ("CONFIG_KEY_TASK_ID", "__pregel_task_id"),
        ],
    )
    def test_the_keys_are_langgraph_s(self, name, value):
        """The keys of a task's config are what the guard replaces."""
        assert value == getattr(constants, name) == getattr(compat, name)

    def test_the_run_s_guard_is_never_shown_nor_stored(self):
        """Its key has the prefix that LangGraph drops from what it shows."""
        shown = rm_pregel_keys({"configurable": {compat.RUN_KEY: 1, "a": 2}})

        assert {"configurable": {"a": 2}} == shown
        assert compat.RUN_KEY.startswith("__")

    def test_middleware_and_savers_look_under_the_same_key(self):
        """Rooms of one line do not import each other; the key holds them together."""
        assert compat.RUN_KEY == RUN_KEY == STATE_RUN_KEY == TRACES_RUN_KEY
        assert compat.CONFIG_KEY_RUNTIME == RUNTIME_KEY

    def test_each_run_has_a_stream_writer_of_its_own(self):
        """By it `TyrumMiddleware` knows a run that no membrane is around."""
        found = []
        builder = StateGraph(State)
        builder.add_node("n", lambda _, runtime: found.append(runtime.stream_writer))
        builder.add_node("m", lambda _, runtime: found.append(runtime.stream_writer))
        builder.add_edge(START, "n")
        builder.add_edge("n", "m")
        run = builder.compile()

        run.invoke({"text": "a"})
        list(run.stream({"text": "a"}, stream_mode="custom"))

        assert [True, True] == [found[0] is found[1], found[2] is found[3]]
        assert found[0] is not found[2]
        assert all("<locals>" in each.__qualname__ for each in found)


class TestNodes:
    def test_what_a_node_runs_can_be_replaced(self):
        """`PregelNode.node` is a cached property, and `copy` drops the cache."""
        node = graph().nodes["n"]

        twin = compat.with_node(node, lambda inner: ("guarded", inner))

        assert "node" in vars(twin)
        assert "guarded" == twin.node[0]
        assert "guarded" != node.node
        assert twin.bound is node.bound

    def test_tasks_run_that_and_send_through_their_config(self):
        """A task is the node's runnable, called with a config that holds `send`."""
        assert "proc.node" in inspect.getsource(prepare_push_task_send)
        assert "task.proc.invoke(task.input, config)" in inspect.getsource(
            run_with_retry
        )
        assert "CONFIG_KEY_CALL" in inspect.getsource(_call_with_options)
        assert {"bound", "subgraphs", "metadata", "tags"} <= set(
            inspect.signature(PregelNode.__init__).parameters
        )


class TestGraphs:
    @pytest.mark.parametrize("name", ["stream", "astream"])
    def test_runs_take_what_the_guard_passes(self, name):
        """`invoke` and `ainvoke` hand unknown options on to `stream` and `astream`."""
        wanted = {"stream_mode", "print_mode", "subgraphs", "version", "debug"}

        assert wanted <= set(inspect.signature(getattr(Pregel, name)).parameters)
        way = {"stream": "invoke", "astream": "ainvoke"}[name]
        source = inspect.getsource(getattr(Pregel, way))
        assert f"self.{name}(" in source
        assert "**kwargs" in source

    def test_the_loaded_state_passes_one_method(self):
        """What a saver gives back goes through `_migrate_checkpoint`."""
        assert "migrate_checkpoint=self._migrate_checkpoint" in inspect.getsource(
            Pregel.stream
        )

    @pytest.mark.parametrize("name", ["stream", "astream"])
    def test_the_entries_are_replaced_once(self, name, memory_broker):
        """However often a graph is protected, each entry has one guard around it."""
        for _ in range(3):
            protect(graph(), memory_broker())

        entry = getattr(Pregel, name)
        assert not hasattr(entry.__wrapped__, "__wrapped__")
        assert {"text": "x"} == graph().invoke({"text": "x"})
