from __future__ import annotations

import gc

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt

from langchain_tyrum.approval import approve, decisions
from langchain_tyrum.approval import turn as turns
from langchain_tyrum.approval.surfaced import FOREIGN, surfaced
from langchain_tyrum.broker import CallIdentity

CONFIG = {"configurable": {"thread_id": "t"}}


def graph_of(node, saver=None, **options):
    builder = StateGraph(MessagesState)
    builder.add_node("node", node, **options)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=saver)


def turn_in(config):
    return turns.turn_of(config, CallIdentity.from_config(config))


class TestWhatLangGraphDoes:
    """Pins the facts of LangGraph that the approval room rests on."""

    def test_answers_come_by_count(self):
        """The n-th interrupt of a task gets the n-th answer, in every run."""
        seen = []

        def node(state):
            seen.append([interrupt("one"), interrupt("two")])

        graph = graph_of(node, InMemorySaver())
        graph.invoke({"messages": []}, CONFIG)
        graph.invoke(Command(resume="a"), CONFIG)
        graph.invoke(Command(resume="b"), CONFIG)

        assert [["a", "b"]] == seen

    def test_task_tells_its_checkpointer_and_thread(self):
        """A task can be asked in only if the graph has a checkpointer."""
        places = []

        def node(state, config):
            places.append(turn_in(config).place)

        graph_of(node).invoke({"messages": []})
        graph_of(node, InMemorySaver()).invoke({"messages": []}, CONFIG)

        assert places[0] is None
        assert ("t", "node") == (places[1].thread_id, places[1].node)

    def test_retry_is_another_turn(self):
        """Each attempt of a retried node counts its interrupts from the first again."""
        seen = []

        def node(state, config):
            seen.append(turn_in(config))
            if len(seen) < 3:
                raise RuntimeError

        policy = RetryPolicy(
            max_attempts=3, initial_interval=0.01, retry_on=RuntimeError
        )
        graph = graph_of(node, InMemorySaver(), retry_policy=policy)
        graph.invoke({"messages": []}, CONFIG)

        assert 3 == len(set(map(id, seen)))

    def test_sent_calls_are_told_from_shared_ones(self):
        """A task that `Send` made is told from the one task of a plain ToolNode."""
        seen = {}

        def one(state, config):
            seen["pulled"] = turns.has_own_task(config)
            return Command(goto=Send("two", {}))

        def two(state, config):
            seen["pushed"] = turns.has_own_task(config)

        builder = StateGraph(MessagesState)
        builder.add_node("one", one)
        builder.add_node("two", two)
        builder.add_edge(START, "one")
        builder.compile().invoke({"messages": []})

        assert {"pulled": False, "pushed": True} == seen

    def test_checkpoint_tells_what_was_shown(self):
        """The question that a task has shown is found in its checkpoint."""
        seen = []

        def node(state, config):
            configurable = config["configurable"]
            seen.append(surfaced(configurable, configurable["__pregel_task_id"]))
            interrupt({"tyrum": {"request_id": "r_1"}})
            interrupt("mine")

        graph = graph_of(node, InMemorySaver())
        graph.invoke({"messages": []}, CONFIG)
        graph.invoke(Command(resume="a"), CONFIG)
        graph.invoke(Command(resume="b"), CONFIG)

        assert [FOREIGN, "r_1", FOREIGN] == seen


class TestSharing:
    def test_calls_of_one_task_share_a_turn(self, world, issue, drop):
        """All calls of a plain ToolNode task wait for the same lock."""
        here = world([issue, drop], gate=True)
        seen = []
        for name in ("create_issue", "drop_table"):
            here.tools[name]._before = lambda _: seen.append(
                {id(turn) for _, turn in turns._turns.values()}
            )
        here.start()

        here.resume(decisions(approve(), approve()))

        assert 2 == len(seen)
        assert seen[0] == seen[1]

    def test_turns_are_forgotten(self, world, issue, drop):
        """A finished run leaves nothing behind in the process."""
        here = world([issue, drop])
        here.start()
        here.resume(decisions(approve(), approve()))
        here.graph = None

        gc.collect()

        assert {} == turns._turns
