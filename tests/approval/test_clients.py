"""Questions and answers as the clients of LangChain's form read and send them."""

from __future__ import annotations

import json

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware.human_in_the_loop import HITLRequest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command
from pydantic import TypeAdapter

from langchain_tyrum.approval import (
    AnswerRefused,
    SecretApprovalMiddleware,
    approve,
    decisions,
    leave_answer,
    pending_approvals,
)


def interrupts(here):
    return here.graph.get_state(here.config).interrupts


class TestShapes:
    def test_the_payload_is_a_hitl_request(self, world, issue, drop):
        """The question validates as LangChain's `HITLRequest`, losing nothing."""
        here = world([issue, drop])
        here.start()
        (asked,) = interrupts(here)

        read = TypeAdapter(HITLRequest).validate_python(asked.value)

        assert asked.value["action_requests"] == read["action_requests"]
        assert asked.value["review_configs"] == read["review_configs"]
        assert json.loads(json.dumps(asked.value)) == asked.value

    def test_agent_chat_ui_approves(self, world, issue, drop):
        """Agent Chat UI resumes without an id: `{decisions: [{type: approve}, …]}`."""
        here = world([issue, drop])
        here.start()

        here.resume({"decisions": [{"type": "approve"}, {"type": "approve"}]})

        assert ["c1", "c2"] == here.ids()

    def test_agent_chat_ui_edits_and_rejects(self, world, issue, drop):
        """Agent Chat UI sends edits with name and arguments, rejections with why."""
        here = world([issue, drop])
        here.start()
        edited = {"name": "create_issue", "args": {"title": "edited"}}

        here.resume(
            {
                "decisions": [
                    {"type": "edit", "edited_action": edited},
                    {"type": "reject", "message": "keep the logs"},
                ]
            }
        )

        assert [("c1", {"title": "edited"})] == here.ran
        assert "keep the logs" in here.results()["c2"].content

    def test_deepagents_cli_answers_by_interrupt_id(self, world, issue, drop):
        """The deepagents CLI validates the question, and answers by interrupt id."""
        here = world([issue, drop])
        here.start()
        answer = {}
        for asked in interrupts(here):
            read = TypeAdapter(HITLRequest).validate_python(asked.value)
            each = [{"type": "approve"} for _ in read["action_requests"]]
            answer[asked.id] = {"decisions": each}

        here.resume(answer)

        assert ["c1", "c2"] == here.ids()

    def test_studio_resumes_with_json(self, world, issue):
        """What comes as JSON over the wire, as Studio sends it, is understood."""
        here = world([issue])
        here.start()
        wire = json.dumps({"resume": {"decisions": [{"type": "approve"}]}})

        here.graph.invoke(Command(**json.loads(wire)), here.config)

        assert ["c1"] == here.ids()

    @pytest.mark.parametrize(
        "legacy",
        [[{"type": "accept", "args": None}], {"type": "accept"}, "approve", [True]],
    )
    def test_older_forms_are_refused_and_named(self, world, issue, legacy):
        """The form of agent-inbox is refused with the one to use; nothing runs."""
        here = world([issue])
        here.start()

        with pytest.raises(AnswerRefused, match=r"decisions\(approve\(\)"):
            here.resume(legacy)

        assert [] == here.ids()
        assert 1 == len(here.pending())


class TestLoops:
    def test_each_turn_of_a_loop_asks_for_its_own_calls(self, world):
        """A model that calls the same tool turn by turn is asked about each time."""
        turns = [[("create_issue", {"title": "same"}, f"c{n}")] for n in range(4)]
        here = world(*turns)
        here.start()
        seen = []
        while waiting := here.pending():
            seen += [one.request_id for one in waiting]
            here.resume(decisions(approve()))

        assert ["c0", "c1", "c2", "c3"] == here.ids()
        assert 4 == len(set(seen))
        assert here.finished()

    def test_a_call_id_that_comes_again_is_asked_about_again(self, world, issue):
        """A model that repeats a call id does not get the old approval for it."""
        here = world([issue], [issue])
        here.start()
        here.resume(decisions(approve()))
        assert ["c1"] == here.ids()

        (again,) = here.pending()
        assert "may already have run" in again.actions[0].description
        here.resume(decisions(approve()))

        assert ["c1", "c1"] == here.ids()


class TestSameName:
    @pytest.mark.parametrize("mode", ["session", "always"])
    def test_a_tool_of_another_server_inherits_nothing(self, world, issue, mode):
        """A grant is for a tool id: another server's tool of that name asks."""
        here = world([issue])
        here.tools["create_issue"].tool_id = "mcp:one/create_issue"
        here.start()
        here.resume(decisions(approve(grant=mode)))
        here.script = [[], [], [(*issue[:2], "c2")], [], [(*issue[:2], "c3")]]
        here.start()
        assert ["c1", "c2"] == here.ids()

        here.tools["create_issue"].tool_id = "mcp:two/create_issue"
        here.start()

        assert ["c1", "c2"] == here.ids()
        (asked,) = here.pending()
        assert "Tool id: mcp:two/create_issue" in asked.actions[0].description


class Model(BaseChatModel):
    """Delegates, then calls, then finishes: by what it was told last."""

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        last = messages[-1]
        calls = []
        if isinstance(last, HumanMessage) and last.text == "delegate":
            args = {"description": "create it", "subagent_type": "issuer"}
            calls = [{"name": "task", "args": args, "id": "d1"}]
        elif isinstance(last, HumanMessage):
            calls = [{"name": "create_issue", "args": {"title": "bug"}, "id": "c1"}]
        text = "finished" if isinstance(last, ToolMessage) else ""
        message = AIMessage(text, tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


class TestNoNode:
    def test_agent_without_the_middleware(self, world):
        """In a plain `create_agent` the tool asks by itself, and runs once."""
        here = world()
        agent = create_agent(
            Model(), [here.tools["create_issue"]], checkpointer=InMemorySaver()
        )
        agent.invoke({"messages": [HumanMessage("create")]}, here.config)

        (asked,) = pending_approvals(agent, here.config)
        assert ("approve", "reject") == asked.actions[0].allowed
        agent.invoke(asked.approve(), here.config)

        assert ["c1"] == here.ids()
        assert not agent.get_state(here.config).next

    @pytest.mark.parametrize("left", [False, True])
    def test_agent_inside_a_node(self, world, left):
        """An agent that a node of another graph calls asks through it, once."""
        here = world()
        inner = create_agent(Model(), [here.tools["create_issue"]])

        def agent(state):
            return inner.invoke(state)

        builder = StateGraph(MessagesState)
        builder.add_node("agent", agent)
        builder.add_edge(START, "agent")
        outer = builder.compile(checkpointer=InMemorySaver())
        outer.invoke({"messages": [HumanMessage("create")]}, here.config)

        (asked,) = pending_approvals(outer, here.config)
        if left:
            leave_answer(here.broker, asked.request_id, decisions(approve()))
            outer.invoke(None, here.config)
        else:
            outer.invoke(asked.approve(), here.config)

        assert ["c1"] == here.ids()
        assert not outer.get_state(here.config).next


class TestDeepAgents:
    @pytest.mark.parametrize("asks", ["the middleware", "the tool"])
    def test_a_sub_agent_s_call_waits(self, world, asks):
        """A call of a deepagents sub-agent waits, and runs once after the approval."""
        import deepagents

        here = world()
        middleware = [SecretApprovalMiddleware(here.broker)]
        agent = deepagents.create_deep_agent(
            model=Model(),
            tools=[],
            subagents=[
                {
                    "name": "issuer",
                    "description": "Creates issues.",
                    "system_prompt": "Create issues.",
                    "tools": [here.tools["create_issue"]],
                    "middleware": middleware if asks == "the middleware" else [],
                }
            ],
            checkpointer=InMemorySaver(),
        )
        agent.invoke({"messages": [HumanMessage("delegate")]}, here.config)

        (asked,) = pending_approvals(agent, here.config)
        assert ("c1",) == asked.tool_call_ids
        assert [] == here.ids()
        agent.invoke(asked.approve(), here.config)

        assert ["c1"] == here.ids()
        final = agent.get_state(here.config)
        assert not final.next
        assert "finished" == final.values["messages"][-1].text
