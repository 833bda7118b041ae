from __future__ import annotations

from typing import Literal, get_args, get_type_hints

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from langchain_tyrum.approval import (
    NobodyToAsk,
    approval_node,
    approve,
    decisions,
    edit,
    reject,
    respond,
)
from langchain_tyrum.errors import ApprovalRequired, ConfigError
from langchain_tyrum.policy import SecretPolicy


class TestAsking:
    def test_call_waits_until_a_person_approves(self, world, issue):
        """A call that needs agreement runs once, after the approval and not before."""
        here = world([issue])

        here.start()

        assert [] == here.ids()
        (request,) = here.pending()
        assert ("github/token:use",) == request.scopes

        here.resume(decisions(approve()))

        assert ["c1"] == here.ids()
        assert here.finished()

    async def test_async_run_does_the_same(self, world, issue, tmp_path):
        """The node asks and goes on in an async run as in a sync one."""
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
        from langgraph.types import Command

        here = world([issue])
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = here.build(saver)
            await graph.ainvoke({"messages": ["go"]}, here.config)
            assert [] == here.ids()

            await graph.ainvoke(Command(resume=decisions(approve())), here.config)

        assert ["c1"] == here.ids()

    @pytest.mark.parametrize("count", [2, 3])
    def test_parallel_calls_run_once_each(self, world, issue, drop, mail, count):
        """Two and three parallel calls come in one question and run once each."""
        calls = [issue, drop, mail][:count]
        here = world(calls)

        here.start()
        (request,) = here.pending()
        assert count == len(request.actions)
        here.resume(decisions(*[approve()] * count))

        assert [call_id for *_, call_id in calls] == here.ids()
        assert here.finished()

    def test_two_calls_of_one_tool_need_a_grant_each(self, world):
        """A `once` approval of one call does not cover its twin."""
        twins = [("create_issue", {"title": "bug"}, one) for one in ("a", "b")]
        here = world(twins)

        here.start()
        here.resume(decisions(approve(), reject()))

        assert ["a"] == here.ids()

    def test_new_process_resumes(self, world, issue, drop):
        """A question asked by one process is answered in another one."""
        here = world([issue, drop])
        here.start()

        here.reopen()
        here.resume(decisions(approve(), approve()))

        assert ["c1", "c2"] == here.ids()

    def test_unanswered_question_defers(self, world, issue):
        """Running again without an answer asks the same question, once in the books."""
        here = world([issue])
        here.start()
        (first,) = here.pending()

        here.graph.invoke(None, here.config)
        (second,) = here.pending()

        assert first == second
        assert [("approval_asked", "open")] == here.actions()
        assert [] == here.ids()

    def test_next_message_asks_anew(self, world, issue, drop):
        """A `once` approval says nothing about the next message's calls."""
        here = world([issue], [("create_issue", {"title": "bug"}, "c9")])
        here.start()
        here.resume(decisions(approve()))
        assert ["c1"] == here.ids()

        here.resume(decisions(approve()))

        assert ["c1", "c9"] == here.ids()

    def test_no_checkpointer_is_refused(self, world, issue):
        """Without a checkpointer nobody could answer: the graph stops and says so."""
        here = world([issue])
        graph = here.build(None)

        with pytest.raises(ApprovalRequired, match="checkpointer") as caught:
            graph.invoke({"messages": ["go"]})

        assert isinstance(caught.value, NobodyToAsk)
        assert [] == here.ids()


class TestPassing:
    def test_calls_without_secrets_pass(self, world, sky):
        """A tool that leases nothing runs without a question."""
        here = world([sky])

        here.start()

        assert here.finished()
        assert [("weather", {"city": "Oslo"})] == here.ran

    def test_allowed_calls_pass(self, world, issue):
        """What the policy allows runs without a question."""
        here = world([issue], policy=SecretPolicy(allow=["*"]))

        here.start()

        assert ["c1"] == here.ids()
        assert [] == here.actions()

    def test_mixed_calls_wait_together(self, world, issue, sky):
        """A call without secrets waits for its neighbor's answer, and runs once."""
        here = world([sky, issue])

        here.start()
        assert [] == here.ran
        here.resume(decisions(approve()))

        assert ["c1", "weather"] == here.ids()

    def test_unknown_tool_is_left_to_the_tool_node(self, world):
        """A tool that does not exist is answered by the ToolNode, as ever."""
        here = world([("nothing", {}, "x")])

        here.start()

        assert "not a valid tool" in here.results()["x"].content

    def test_arguments_that_do_not_fit_are_left_to_the_tool(self, world):
        """Nobody is asked about a call whose arguments the tool refuses."""
        here = world([("create_issue", {"titel": "bug"}, "x")])

        here.start()

        assert "error" == here.results()["x"].status
        assert [] == here.actions()
        assert [] == here.ids()

    def test_answered_calls_are_left_alone(self, world, issue, drop):
        """A call that has its result already is neither asked about nor run."""
        here = world([issue, drop], policy=SecretPolicy(allow=["*"]))
        node = here.node()
        from langchain_core.messages import ToolMessage

        ai = here.model({"messages": []})["messages"][0]
        state = {"messages": [ai, ToolMessage("done", tool_call_id="c1")]}

        command = node(state, {})

        assert ["c2"] == [send.arg[0]["id"] for send in command.goto]

    def test_message_without_calls_ends(self, world):
        """A message that calls nothing leads to the end, not back to the model."""
        here = world()

        command = here.node()({"messages": [AIMessage("done")]}, {})

        assert "__end__" == command.goto


class TestRefusing:
    def test_rejected_call_is_told_to_the_model(self, world, issue):
        """A rejected call does not run; the model learns why and goes on."""
        here = world([issue])
        here.start()

        here.resume(decisions(reject("not on a Friday")))

        message = here.results()["c1"]
        assert "error" == message.status
        assert "not on a Friday" in message.content
        assert "did not run" in message.content
        assert [] == here.ids()
        assert here.finished()

    def test_one_of_two_is_rejected(self, world, issue, drop):
        """Only the approved one of two parallel calls runs."""
        here = world([issue, drop])
        here.start()

        here.resume(decisions(approve(), reject()))

        assert ["c1"] == here.ids()
        assert "error" == here.results()["c2"].status

    def test_denied_call_asks_nobody(self, world, drop):
        """What the policy denies becomes an error for the model, without a question."""
        here = world(
            [drop], policy=SecretPolicy(deny=["db/*"], default="require_approval")
        )

        here.start()

        assert "denies" in here.results()["c2"].content
        assert [] == here.actions()
        assert here.finished()

    def test_revoked_secret_asks_nobody(self, world, issue):
        """A revoked secret is told to the model; nobody is asked to approve it."""
        here = world([issue])
        here.broker.revoke("github/token")

        here.start()

        assert "revoked" in here.results()["c1"].content
        assert [] == here.actions()

    def test_person_responds_in_place_of_the_tool(self, world, issue):
        """A person's response stands for the result; the tool does not run."""
        here = world([issue])
        here.start()

        here.resume(decisions(respond("there is such an issue: #7")))

        message = here.results()["c1"]
        assert ("success", "there is such an issue: #7") == (
            message.status,
            message.content,
        )
        assert [] == here.ids()


class TestEditing:
    def test_other_arguments_of_the_same_use_run(self, world, issue):
        """Edited arguments run in place of the model's, and the transcript says so."""
        here = world([issue])
        here.start()

        here.resume(decisions(edit("create_issue", {"title": "crash"})))

        assert [("c1", {"title": "crash"})] == here.ran
        calls = here.graph.get_state(here.config).values["messages"][1].tool_calls
        assert {"title": "crash"} == calls[0]["args"]
        assert here.finished()

    def test_another_tool_is_asked_about_again(self, world, issue):
        """An edit to another tool needs an approval of its own."""
        here = world([issue])
        here.start()

        here.resume(decisions(edit("drop_table", {"table": "logs"})))

        assert [] == here.ids()
        (request,) = here.pending()
        assert ("db/password:use",) == request.scopes

        here.resume(decisions(approve()))

        assert [("c1", {"table": "logs"})] == here.ran
        assert here.finished()

    def test_edit_to_a_denied_tool_is_refused(self, world, issue):
        """An edit cannot reach what the policy denies."""
        here = world(
            [issue], policy=SecretPolicy(deny=["db/*"], default="require_approval")
        )
        here.start()

        here.resume(decisions(edit("drop_table", {"table": "logs"})))

        assert [] == here.ids()
        assert "denies" in here.results()["c1"].content

    def test_edit_to_a_tool_without_secrets_runs(self, world, issue):
        """A person may put a harmless call in place of the model's."""
        here = world([issue])
        here.start()

        here.resume(decisions(edit("weather", {"city": "Rome"})))

        assert [("weather", {"city": "Rome"})] == here.ran

    def test_edit_beside_an_approval_keeps_it(self, world, issue, mail):
        """What was approved beside an edit stays approved while the edit is asked."""
        here = world([issue, mail])
        here.start()
        here.resume(decisions(approve(), edit("drop_table", {"table": "logs"})))
        (request,) = here.pending()
        assert 1 == len(request.actions)

        here.resume(decisions(approve()))

        assert ["c1", "c3"] == here.ids()
        assert {"title": "bug"} == dict(here.ran)["c1"]


class TestDrawing:
    def test_graph_draws_its_targets(self, world):
        """`add_node` alone is enough for the drawn graph to show both ways."""
        here = world()

        drawn = here.graph.get_graph().draw_mermaid()

        assert "approve -.-> tools" in drawn
        assert "approve -.-> model" in drawn

    def test_targets_can_be_named(self, world, issue):
        """Other node names, a ToolNode and another state key work too."""
        here = world([issue])

        class State(MessagesState):
            talk: list

        node = approval_node(
            here.broker,
            ToolNode(list(here.tools.values())),
            approved="run",
            rejected="think",
            messages_key="talk",
        )
        returned = get_type_hints(node)["return"]
        builder = StateGraph(State)
        builder.add_node("approve", node)
        builder.add_node("run", lambda _: None)
        builder.add_node("think", lambda _: None)
        builder.add_edge(START, "approve")

        drawn = builder.compile().get_graph().draw_mermaid()

        assert (Literal["run", "think"],) == get_args(returned)
        assert "approve -.-> run" in drawn
        assert "approve -.-> think" in drawn

    def test_wrong_state_key_is_named(self, world):
        """A state without the conversation is an error that says what to set."""
        here = world()

        with pytest.raises(ConfigError, match="messages_key"):
            here.node()({"talk": []}, {})


class TestMisuse:
    @pytest.mark.parametrize(
        ("tools", "mend"),
        [
            (["create_issue"], r"tools\[0\] is no tool but a str"),
            ([print, 3], r"tools\[1\] is no tool but a int"),
            ("create_issue", r"list of tools or a ToolNode"),
            (None, r"list of tools or a ToolNode"),
            ({"create_issue": print}, r"list of tools or a ToolNode"),
        ],
    )
    def test_what_is_no_tool(self, world, tools, mend):
        """Something else than tools is refused when the node is made."""
        with pytest.raises(ConfigError, match=mend):
            approval_node(world().broker, tools)

    def test_swapped_arguments(self, world):
        """Tools and broker in the wrong order are refused with the right one."""
        here = world()
        with pytest.raises(ConfigError, match=r"approval_node\(broker, tools\)"):
            approval_node(list(here.tools.values()), here.broker)
