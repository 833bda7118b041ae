from __future__ import annotations

import time

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, Send, interrupt

from langchain_tyrum.approval import (
    AnswerRefused,
    NobodyToAsk,
    aauthorize,
    approve,
    authorize,
    decisions,
    edit,
    reject,
)
from langchain_tyrum.errors import (
    ApprovalRefused,
    ApprovalRequired,
    SecretForbidden,
)
from langchain_tyrum.policy import SecretPolicy

YES = decisions(approve())


class TestOneCall:
    def test_tool_asks_by_itself(self, world, issue):
        """Without an approval node the tool asks, before it leases anything."""
        here = world([issue], gate=True)

        here.start()
        assert [] == here.ids()
        (request,) = here.pending()
        assert ("approve", "reject") == request.actions[0].allowed

        here.resume(YES)

        assert ["c1"] == here.ids()
        assert here.finished()

    async def test_async_run_does_the_same(self, world, issue, tmp_path):
        """A tool in an async run asks and goes on as in a sync one."""
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        here = world([issue], gate=True)
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = here.build(saver)
            await graph.ainvoke({"messages": ["go"]}, here.config)
            assert [] == here.ids()

            await graph.ainvoke(Command(resume=YES), here.config)

        assert ["c1"] == here.ids()

    def test_rejection_is_an_error(self, world, issue):
        """A rejected call raises in the tool, and nothing is leased."""
        here = world([issue], gate=True)
        here.start()

        with pytest.raises(ApprovalRefused, match="too late"):
            here.resume(decisions(reject("too late")))

        assert [] == here.ids()

    def test_denied_call_asks_nobody(self, world, issue):
        """What the policy denies raises without a question."""
        here = world([issue], gate=True, policy=SecretPolicy(deny=["*"]))

        with pytest.raises(SecretForbidden) as caught:
            here.start()

        assert [] == here.actions()
        assert caught.value.handle in {one.handle_id for one in here.broker.handles()}

    def test_rejection_does_not_outlive_its_task(self, world, issue):
        """A later message may make the rejected call again, and a person is asked."""
        here = world([issue], [], [issue], gate=True)
        tools = ToolNode(list(here.tools.values()), handle_tool_errors=True)
        here.graph = graph_with(here, tools)
        here.start()
        here.resume(decisions(reject("not now")))
        assert here.pending() == []

        here.start("now please")

        assert 1 == len(here.pending())
        here.resume(YES)
        assert ["c1"] == here.ids()

    def test_edit_is_not_offered(self, world, issue):
        """A tool that asks by itself cannot become another call."""
        here = world([issue], gate=True)
        here.start()

        with pytest.raises(AnswerRefused, match="not offered"):
            here.resume(decisions(edit("create_issue", {"title": "x"})))

        assert [] == here.ids()
        here.resume(YES)
        assert ["c1"] == here.ids()

    def test_without_checkpointer_approval_is_required(self, world, issue):
        """Where nobody can answer, the call fails and names the way out."""
        here = world([issue], gate=True)

        with pytest.raises(ApprovalRequired, match=r"SecretPolicy\(allow="):
            here.build(None).invoke({"messages": ["go"]})

        assert [] == here.ids()

    def test_outside_a_graph_approval_is_required(self, world, issue):
        """Outside any graph nothing is asked and nothing runs."""
        here = world(gate=True)
        bound, call = bind(here, issue)

        with pytest.raises(NobodyToAsk) as caught:
            authorize(here.broker, bound, call=call, config={})

        assert "github/token:use" == caught.value.scope
        assert "create_issue" == caught.value.tool_id
        assert bound.records[0].handle_id == caught.value.handle

    async def test_outside_a_graph_a_grant_still_counts(self, world, issue):
        """A standing grant lets a call pass where nobody could be asked."""
        here = world(gate=True)
        bound, call = bind(here, issue)
        here.broker.grant(
            mode="always", tool_id=bound.tool_id, scopes=bound.scopes, call=call
        )

        assert authorize(here.broker, bound, call=call, config={}) is None
        assert await aauthorize(here.broker, bound, call=call, config={}) is None

    def test_node_and_tool_ask_once_together(self, world, issue):
        """What the node has approved the tool does not ask about again."""
        here = world([issue])
        here.start()

        here.resume(YES)

        assert [("approval_asked", "open"), ("approval_answered", "approve")] == (
            here.actions()
        )


class TestSharedTask:
    @pytest.mark.parametrize("count", [2, 3])
    @pytest.mark.parametrize("slow", [None, "c1", "c2"])
    def test_parallel_calls_run_once_each(self, world, issue, drop, mail, count, slow):
        """Parallel calls of a plain ToolNode are one question and run once each."""
        calls = [issue, drop, mail][:count]
        here = world(calls, gate=True)
        for one in here.tools.values():
            if one.name != "weather":
                one._before = lambda call_id: call_id == slow and time.sleep(0.05)

        here.start()
        (request,) = here.pending()
        assert {name for name, *_ in calls} == {one.name for one in request.actions}
        here.resume(decisions(*[approve()] * count))

        assert [call_id for *_, call_id in calls] == here.ids()
        assert here.finished()

    async def test_async_parallel_calls_run_once_each(
        self, world, issue, drop, mail, tmp_path
    ):
        """Parallel calls in an async run are one question and run once each."""
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        here = world([issue, drop, mail], gate=True)
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = here.build(saver)
            await graph.ainvoke({"messages": ["go"]}, here.config)
            await graph.ainvoke(
                Command(resume=decisions(*[approve()] * 3)), here.config
            )

        assert ["c1", "c2", "c3"] == here.ids()

    def test_new_process_resumes(self, world, issue, drop):
        """A tool's question is answered in another process."""
        here = world([issue, drop], gate=True)
        here.start()

        here.reopen()
        here.resume(decisions(approve(), approve()))

        assert ["c1", "c2"] == here.ids()

    def test_answers_reach_the_calls_they_name(self, world, issue, drop):
        """Whatever thread comes first, the yes runs one call and the no the other."""
        for turn in range(6):
            here = world([issue, drop], gate=True)
            tools = ToolNode(list(here.tools.values()), handle_tool_errors=True)
            here.graph = graph_with(here, tools)
            here.start()
            (request,) = here.pending()
            answers = {
                "create_issue": approve() if turn % 2 else reject(),
                "drop_table": reject() if turn % 2 else approve(),
            }

            here.resume(decisions(*[answers[one.name] for one in request.actions]))

            assert ["c1" if turn % 2 else "c2"] == here.ids()

    def test_allowed_call_waits_for_its_neighbor(self, world, issue, drop):
        """An allowed call waits for its neighbor's answer, so it runs only once."""
        here = world(
            [issue, drop],
            gate=True,
            policy=SecretPolicy(allow=["github/*"], require_approval=["db/*"]),
        )

        here.start()
        assert [] == here.ids()
        here.resume(YES)

        assert ["c1", "c2"] == here.ids()

    def test_tools_that_know_no_siblings_are_never_confused(self, world, issue, drop):
        """An answer to the question about one tool never approves the other one."""
        for _ in range(4):
            here = world([issue, drop], gate=True)
            for name in ("create_issue", "drop_table"):
                here.tools[name].asks_for_siblings = False
            here.start()
            (request,) = here.pending()
            (asked,) = request.actions

            here.resume(YES)

            assert {asked.name: 1} == {
                {"c1": "create_issue", "c2": "drop_table"}[one]: here.ids().count(one)
                for one in here.ids()
            }

    @pytest.mark.parametrize("ours_first", [True, False])
    @pytest.mark.parametrize("late", ["create_issue", "confirm"])
    def test_foreign_interrupt_in_the_same_task(self, world, issue, ours_first, late):
        """A yes to another tool's own question, in the very same form, is not ours."""
        calls = [issue, ("confirm", {}, "c5")]
        here = world(calls if ours_first else calls[::-1], gate=True)
        here.tools["confirm"] = confirming(0.05 * (late == "confirm"))
        delay_binding(here.tools["create_issue"], 0.05 * (late != "confirm"))
        tools = ToolNode([here.tools["confirm"], here.tools["create_issue"]])
        here.graph = graph_with(here, tools)
        here.start()
        shown = here.pending()
        assert ours_first == bool(shown)

        here.resume(YES)

        assert here.ids() in ([], ["c1"][: len(shown)])

    def test_call_retried_in_its_task_asks_alone(self, world, issue, drop):
        """A call that is tried again within its task asks for itself, not for all."""
        here = world([issue, drop], gate=True)
        here.tools["create_issue"]._before = lambda _: time.sleep(0.1)
        here.tools["create_issue"]._fail.append(RuntimeError("timeout"))

        def retry(request, execute):
            try:
                return execute(request)
            except RuntimeError:
                return execute(request)

        tools = ToolNode(list(here.tools.values()), wrap_tool_call=retry)
        here.graph = graph_with(here, tools)
        here.start()

        here.resume(decisions(approve(), approve()))

        assert ["c1", "c2"] == here.ids()
        (request,) = here.pending()
        assert ("c1",) == request.tool_call_ids
        assert "may already have run" in request.actions[0].description


class TestOwnTasks:
    def test_each_task_asks_for_its_own_call(self, world, issue, drop):
        """Calls that run in tasks of their own are separate questions."""
        here = world([issue, drop], gate=True)
        here.graph = graph_of_sends(here)

        here.start()
        requests = here.pending()

        assert {"create_issue", "drop_table"} == {
            one.actions[0].name for one in requests
        }
        assert {1} == {len(one.actions) for one in requests}

    def test_each_answer_runs_its_own_call(self, world, issue, drop):
        """Answers by interrupt id reach exactly the call they are for."""
        here = world([issue, drop], gate=True)
        here.graph = graph_of_sends(here)
        here.start()
        by_tool = {one.actions[0].name: one for one in here.pending()}

        here.resume({by_tool["drop_table"].interrupt_id: YES})
        assert ["c2"] == here.ids()
        here.resume({by_tool["create_issue"].interrupt_id: YES})

        assert ["c1", "c2"] == here.ids()
        assert here.finished()


def confirming(delay):
    @tool
    def confirm() -> str:
        """Ask in LangChain's own form."""
        time.sleep(delay)
        return str(interrupt({"action_requests": [], "review_configs": []}))

    return confirm


def delay_binding(late, delay):
    bind_call = late.bind_call

    def slow(tool_call, call):
        time.sleep(delay)
        return bind_call(tool_call, call)

    object.__setattr__(late, "bind_call", slow)


def bind(here, script):
    name, args, call_id = script
    call = here.broker.identify(here.config)
    tool_call = {"name": name, "args": args, "id": call_id}
    return here.tools[name].bind_call(tool_call, call), call


def graph_with(here, tools):
    builder = StateGraph(MessagesState)
    builder.add_node("model", here.model)
    builder.add_node("tools", tools)
    builder.add_edge(START, "model")
    builder.add_conditional_edges(
        "model", lambda state: "tools" if calls(state) else "__end__"
    )
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=here.saver)


def graph_of_sends(here):
    builder = StateGraph(MessagesState)
    builder.add_node("model", here.model)
    builder.add_node("tools", ToolNode(list(here.tools.values())))
    builder.add_edge(START, "model")
    builder.add_conditional_edges(
        "model",
        lambda state: [Send("tools", [one]) for one in calls(state)] or "__end__",
        ["tools", "__end__"],
    )
    builder.add_edge("tools", "model")
    return builder.compile(checkpointer=here.saver)


def calls(state):
    last = state["messages"][-1]
    return last.tool_calls if isinstance(last, AIMessage) else []
