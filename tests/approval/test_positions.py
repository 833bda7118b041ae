"""Which answer reaches which question, when a task has more than one of them."""

from __future__ import annotations

import threading

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, interrupt

from langchain_tyrum import SecretBroker, SecretPolicy, secret_tool
from langchain_tyrum.approval import (
    AnswerRefused,
    approval_node,
    approve,
    decisions,
    leave_answer,
    pending_approvals,
    reject,
)
from langchain_tyrum.approval import turn as turns

CONFIG = {"configurable": {"thread_id": "1"}}
START_WITH = {"messages": [("user", "go")]}
CALL = {"name": "query", "args": {"text": "x"}, "id": "c1", "type": "tool_call"}
YES, NO = decisions(approve()), decisions(reject())


class AsyncOnly(InMemorySaver):
    """A saver that can be read and written in its own event loop only."""

    def get_tuple(self, config):
        raise NotImplementedError

    def put_writes(self, *args, **kwargs):
        raise NotImplementedError

    async def aget_tuple(self, config):
        return InMemorySaver.get_tuple(self, config)

    async def aput_writes(self, *args, **kwargs):
        InMemorySaver.put_writes(self, *args, **kwargs)


class Slow(InMemorySaver):
    """Writes what came with the input late: after it was looked for a few times."""

    def __init__(self):
        super().__init__()
        self.looks, self.enough = 0, threading.Event()
        self.enough.set()

    def slow_down(self):
        self.looks = 0
        self.enough.clear()

    def get_tuple(self, config):
        self.looks += 1
        if self.looks > 15:
            self.enough.set()
        return super().get_tuple(config)

    def put_writes(self, config, writes, task_id, task_path=""):
        if set(task_id) <= {"0", "-"}:
            self.enough.wait(timeout=30)
        super().put_writes(config, writes, task_id, task_path)


@pytest.fixture
def broker():
    with SecretBroker.in_memory(
        {"db/password": "first-value-kq7"},
        policy=SecretPolicy(require_approval=["*"]),
    ) as broker:
        yield broker


@pytest.fixture
def ran():
    return []


@pytest.fixture
def query(broker, ran):
    @secret_tool(broker, password="db/password")
    def query(text: str, *, password: str) -> str:
        """Ask the database."""
        ran.append(len(password))
        return "rows"

    return query


@pytest.fixture(params=["node", "tool"])
def graph_on(request, broker, query):
    """Compile a graph whose model calls the tool, over a saver."""

    def model(state):
        if state["messages"][-1].type == "tool":
            return Command(goto="__end__")
        messages = [AIMessage("", tool_calls=[CALL])]
        goto = "approve" if request.param == "node" else "tools"
        return Command(goto=goto, update={"messages": messages})

    builder = StateGraph(MessagesState)
    builder.add_node("model", model, destinations=("approve", "tools", "__end__"))
    builder.add_node("approve", approval_node(broker, [query]))
    builder.add_node("tools", ToolNode([query]))
    builder.add_edge(START, "model")
    builder.add_edge("tools", "model")
    return lambda saver: builder.compile(checkpointer=saver)


def ids(graph):
    return [one.id for one in graph.get_state(CONFIG).interrupts]


def by_id(graph, answer):
    return Command(resume=dict.fromkeys(ids(graph), answer))


class Mixed:
    """One node that uses the secret tool and asks a question of its own."""

    def __init__(self, query, *, ours_first):
        self.query, self.heard, self.ours_first = query, [], ours_first
        builder = StateGraph(MessagesState)
        builder.add_node("node", self.node)
        builder.add_edge(START, "node")
        self.graph = builder.compile(checkpointer=InMemorySaver())
        self.graph.invoke({"messages": []}, CONFIG)

    def node(self, state):
        steps = [self.ours, self.theirs]
        for step in steps if self.ours_first else reversed(steps):
            step()

    def ours(self):
        self.query.invoke(CALL)

    def theirs(self):
        self.heard.append(interrupt("really?"))

    def resume(self, answer):
        self.graph.invoke(Command(resume=answer), CONFIG)


class TestForeignQuestions:
    def test_an_answer_to_one_is_not_ours(self, query, ran):
        """A yes to a foreign question approves nothing, in whatever order they come."""
        here = Mixed(query, ours_first=False)
        here.resume(YES)  # theirs
        assert 1 == len(pending_approvals(here.graph, CONFIG))

        here.ours_first = True
        here.resume(NO)

        assert [] == ran
        assert [YES, YES] == here.heard

    def test_an_old_one_is_not_ours_after_a_replay(self, query, ran):
        """What a foreign question was told before a replay approves nothing in it."""
        here = Mixed(query, ours_first=False)
        for _ in range(2):  # the second one starts at the fork that the first one made
            fork = next(
                one.config
                for one in here.graph.get_state_history(CONFIG)
                if one.next == ("node",)
            )
            here.graph.invoke(None, fork)
            here.resume(YES)  # theirs
        here.ours_first = True
        here.graph.invoke(None, here.graph.get_state(CONFIG).config)
        assert 1 == len(pending_approvals(here.graph, CONFIG))

        here.graph.invoke(None, CONFIG)
        assert [] == ran
        here.resume(NO)
        assert [] == ran

    @pytest.mark.parametrize("grant", ["session", "always"])
    def test_an_answer_of_ours_is_not_theirs(self, query, ran, grant):
        """Where no question is left to ask, its answer is not handed to the next."""
        here = Mixed(query, ours_first=True)
        here.resume(decisions(approve(grant=grant)))
        here.resume("yes, really")

        assert ["yes, really"] == here.heard
        assert [15, 15] == ran
        assert not here.graph.get_state(CONFIG).next

    def test_one_before_ours_is_answered_first(self, query, ran):
        """A node that asks in LangGraph's way first, then uses a secret, ends."""
        here = Mixed(query, ours_first=False)
        here.resume("yes, really")
        here.resume(YES)

        assert ["yes, really"] * 2 == here.heard
        assert [15] == ran
        assert not here.graph.get_state(CONFIG).next


class TestIds:
    def test_a_question_that_took_another_s_place(self, graph_on, broker, ran):
        """An answer by the id of a superseded question is not the new one's."""
        graph = graph_on(InMemorySaver())
        graph.invoke(START_WITH, CONFIG)
        first = by_id(graph, YES)
        broker.rotate("db/password", "second-value-kq7")
        graph.invoke(None, CONFIG)  # nobody has answered; a new question stands there

        graph.invoke(first, CONFIG)
        assert [] == ran

        graph.invoke(by_id(graph, YES), CONFIG)
        assert [16] == ran

    def test_a_name_is_enough(self, graph_on, broker, ran):
        """An answer that names its request reaches it, by whatever id it comes."""
        graph = graph_on(InMemorySaver())
        graph.invoke(START_WITH, CONFIG)
        first = ids(graph)
        broker.rotate("db/password", "second-value-kq7")
        graph.invoke(None, CONFIG)
        (asked,) = pending_approvals(graph, CONFIG)
        named = decisions(approve(), request_id=asked.request_id)

        graph.invoke(Command(resume=dict.fromkeys(first, named)), CONFIG)

        assert [16] == ran

    @pytest.mark.parametrize("name", ["r_unknown", "r_" + "x" * 99, "r_\0", ""])
    def test_a_wrong_name_is_refused(self, graph_on, ran, name):
        """An answer that names no open request is refused, and the question stays."""
        graph = graph_on(InMemorySaver())
        graph.invoke(START_WITH, CONFIG)
        wrong = {**YES, "request_id": name}

        for command in (by_id(graph, wrong), Command(resume=wrong)):
            with pytest.raises(AnswerRefused, match="another request"):
                graph.invoke(command, CONFIG)

        assert [] == ran
        graph.invoke(by_id(graph, YES), CONFIG)
        assert [15] == ran

    def test_a_late_answer_stays_late(self, graph_on, broker, ran):
        """One that was passed over is not taken up when a later one is refused."""
        graph = graph_on(InMemorySaver())
        graph.invoke(START_WITH, CONFIG)
        first = ids(graph)
        broker.rotate("db/password", "second-value-kq7")
        graph.invoke(Command(resume=YES), CONFIG)
        late = dict.fromkeys(first, YES)
        graph.invoke(Command(resume=late), CONFIG)
        wrong = decisions(approve(), request_id="r_unknown")
        with pytest.raises(AnswerRefused, match="another request"):
            graph.invoke(Command(resume=dict.fromkeys(first, wrong)), CONFIG)

        graph.invoke(None, CONFIG)
        assert [] == ran

        graph.invoke(by_id(graph, YES), CONFIG)
        assert [16] == ran


class TestRefused:
    def test_it_is_not_brought_again(self, graph_on, broker, ran):
        """A refused answer is gone: the graph can run on, and take one left for it."""
        graph = graph_on(InMemorySaver())
        graph.invoke(START_WITH, CONFIG)
        with pytest.raises(AnswerRefused):
            graph.invoke(Command(resume={"decisions": "yes"}), CONFIG)

        graph.invoke(None, CONFIG)
        (asked,) = pending_approvals(graph, CONFIG)
        leave_answer(broker, asked.request_id, YES)
        graph.invoke(None, CONFIG)

        assert [15] == ran


class TestNeverSeen:
    def test_a_process_that_died_before_it_stopped(self, graph_on, ran, monkeypatch):
        """A question that was written down and never shown takes no plain answer."""
        graph = graph_on(InMemorySaver())

        def die(*args):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(turns, "GraphInterrupt", die)
            graph.invoke(START_WITH, CONFIG)

        graph.invoke(Command(resume=YES), CONFIG)
        assert [] == ran

        graph.invoke(Command(resume=YES), CONFIG)
        assert [15] == ran


class TestSavers:
    def test_slow_writes(self, graph_on, broker, ran):
        """A plain answer that is stored late is not handed to a later question."""
        saver = Slow()
        graph = graph_on(saver)
        graph.invoke(START_WITH, CONFIG)
        broker.rotate("db/password", "second-value-kq7")
        saver.slow_down()

        graph.invoke(Command(resume=YES), CONFIG)
        graph.invoke(None, CONFIG)

        assert [] == ran

    async def test_async_only_in_the_ordinary_flow(self, graph_on, ran):
        """With a saver that has no sync side the first answer counts."""
        graph = graph_on(AsyncOnly())
        await graph.ainvoke(START_WITH, CONFIG)
        assert [] == ran

        await graph.ainvoke(Command(resume=YES), CONFIG)

        assert [15] == ran

    async def test_async_only_with_old_answers(self, graph_on, broker, ran):
        """There, too, no old answer counts; one by its id does."""
        graph = graph_on(AsyncOnly())
        await graph.ainvoke(START_WITH, CONFIG)
        broker.rotate("db/password", "second-value-kq7")
        for given in (Command(resume=YES), None, None):
            result = await graph.ainvoke(given, CONFIG)
        assert [] == ran

        (waiting,) = result["__interrupt__"]
        await graph.ainvoke(Command(resume={waiting.id: YES}), CONFIG)
        assert [16] == ran

    async def test_async_only_replayed(self, graph_on, broker, ran):
        """There, too, a replay forgets what was answered before it."""
        graph = graph_on(AsyncOnly())
        await graph.ainvoke(START_WITH, CONFIG)
        await graph.ainvoke(Command(resume=YES), CONFIG)
        assert [15] == ran

        history = [one.config async for one in graph.aget_state_history(CONFIG)]
        for config in history:
            await graph.ainvoke(None, config)
            await graph.ainvoke(None, CONFIG)

        assert [15] == ran


class TestFunctions:
    def test_calls_under_task(self, query, ran):
        """In the functional API each call asks in its own task, and runs once."""

        @task
        def call(number):
            return query.invoke({**CALL, "id": f"c{number}"}).content

        @entrypoint(checkpointer=InMemorySaver())
        def flow(count):
            return [call(number).result() for number in range(count)]

        flow.invoke(2, CONFIG)
        for _ in range(2):
            (asked,) = pending_approvals(flow, CONFIG)
            flow.invoke(asked.approve(), CONFIG)

        assert [15, 15] == ran
        assert not flow.get_state(CONFIG).next

    def test_two_in_a_row_in_one_node(self, query, ran):
        """One after the other, the first is asked about again, and it ends."""

        def node(state):
            for call_id in ("c1", "c2"):
                query.invoke({**CALL, "id": call_id})

        builder = StateGraph(MessagesState)
        builder.add_node("node", node)
        builder.add_edge(START, "node")
        graph = builder.compile(checkpointer=InMemorySaver())

        graph.invoke(START_WITH, CONFIG)
        asked = []
        while waiting := pending_approvals(graph, CONFIG):
            asked += waiting[0].tool_call_ids
            assert len(asked) <= 3
            graph.invoke(waiting[0].approve(), CONFIG)

        assert ["c1", "c2", "c1"] == asked
        assert [15, 15, 15] == ran
