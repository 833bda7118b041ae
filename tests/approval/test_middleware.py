from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.types import Command

from langchain_tyrum.approval import (
    SecretApprovalMiddleware,
    approve,
    decisions,
    edit,
    reject,
    respond,
)

YES = decisions(approve())


class ScriptedModel(BaseChatModel):
    """Says what the world's script says, by the number of its turn."""

    world: Any

    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        message = self.world.model({"messages": messages})["messages"][0]
        return ChatResult(generations=[ChatGeneration(message=message)])


@pytest.fixture
def agent(world):
    """A world whose graph is an agent of LangChain's."""

    def make(*script, explicit=False, **options):
        here = world(**options)
        here.script = list(script)
        build = lambda saver: build_agent(here, saver, explicit=explicit)  # noqa: E731
        here.build = build
        here.graph = build(here.saver)
        return here

    return make


def build_agent(here, saver, *, explicit):
    tools = list(here.tools.values())
    middleware = SecretApprovalMiddleware(
        here.broker, tools=tools if explicit else None
    )
    return create_agent(
        ScriptedModel(world=here), tools, middleware=[middleware], checkpointer=saver
    )


class TestAgent:
    @pytest.mark.parametrize("explicit", [True, False])
    def test_parallel_calls_are_one_question(self, agent, issue, drop, sky, explicit):
        """All calls of a message come in one question and run once each."""
        here = agent([issue, drop, sky], explicit=explicit)
        here.start()
        assert [] == here.ran
        (request,) = here.pending()
        assert 2 == len(request.actions)

        here.resume(decisions(approve(), approve()))

        assert ["c1", "c2", "weather"] == here.ids()
        assert here.finished()

    async def test_async_agent_does_the_same(self, agent, issue, drop, tmp_path):
        """The middleware asks in an async run as in a sync one."""
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        here = agent([issue, drop])
        async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "a.db")) as saver:
            graph = here.build(saver)
            await graph.ainvoke({"messages": ["go"]}, here.config)
            assert [] == here.ids()
            await graph.ainvoke(
                Command(resume=decisions(approve(), reject())), here.config
            )

        assert ["c1"] == here.ids()

    def test_new_process_resumes(self, agent, issue, drop):
        """An answer given to another process finds its question and its tools."""
        here = agent([issue, drop])
        here.start()

        here.reopen()
        here.resume(decisions(approve(), approve()))

        assert ["c1", "c2"] == here.ids()
        assert here.finished()

    def test_rejected_calls_are_never_dispatched(self, agent, issue, drop):
        """A rejected call gets its error, and only the other one runs."""
        here = agent([issue, drop])
        here.start()

        here.resume(decisions(reject("no"), approve()))

        assert ["c2"] == here.ids()
        assert "error" == here.results()["c1"].status
        assert here.finished()

    def test_all_rejected_goes_back_to_the_model(self, agent, issue):
        """When nothing is left to run, the model gets the word."""
        here = agent([issue])
        here.start()

        here.resume(decisions(respond("done by hand")))

        assert "done by hand" == here.results()["c1"].content
        assert [] == here.ids()
        assert here.finished()

    def test_edited_call_runs(self, agent, issue):
        """An edited call runs in place of the model's, once."""
        here = agent([issue])
        here.start()

        here.resume(decisions(edit("create_issue", {"title": "crash"})))

        assert [("c1", {"title": "crash"})] == here.ran
        assert here.finished()

    def test_session_is_asked_once(self, agent, issue):
        """A session approval covers the next message's call of the same use."""
        here = agent([issue], [("create_issue", {"title": "two"}, "c8")])
        here.start()

        here.resume(decisions(approve(grant="session")))

        assert ["c1", "c8"] == here.ids()

    def test_two_tools_of_one_name_ask_for_themselves(self, agent, issue):
        """Where a name means two tools of the broker, the one that runs asks."""
        here = agent([issue])
        mine = here.tools["create_issue"]
        here.tool("create_issue", {"password": "db/password"}, title=(str, ...))
        other = here.tools["create_issue"]

        here.start()
        (request,) = here.pending()
        assert ("github/token:use",) == request.scopes
        assert ("approve", "reject") == request.actions[0].allowed
        here.resume(YES)

        assert ["c1"] == here.ids()
        assert mine is not other
