from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Command, RetryPolicy

from langchain_tyrum.approval import AnswerRefused, approve, decisions, reject
from langchain_tyrum.errors import TyrumError
from langchain_tyrum.policy import SecretPolicy

YES = decisions(approve())


class TestSuperseded:
    def test_rotation_between_question_and_answer(self, world, issue):
        """An answer about the old version is dropped; the new one is asked about."""
        here = world([issue])
        here.start()
        (old,) = here.pending()
        here.broker.rotate("github/token", "another-value-0042")

        here.resume(YES)

        assert [] == here.ids()
        (new,) = here.pending()
        assert old.request_id != new.request_id
        assert old.digest != new.digest
        assert "superseded" == here.broker.requests.find(old.request_id).status
        assert ("approval_superseded", "superseded") in here.actions()

        here.resume(YES)

        assert ["c1"] == here.ids()
        assert here.finished()

    def test_changed_call_between_question_and_answer(self, world, issue):
        """An answer about the old arguments does not run the new ones."""
        here = world([issue])
        here.start()
        (old,) = here.pending()
        call = {"name": "create_issue", "args": {"title": "evil"}, "id": "c1"}
        here.graph.update_state(
            here.config,
            {"messages": [AIMessage("", tool_calls=[call], id="ai-0")]},
            as_node="model",
        )

        here.resume(YES)

        assert [] == here.ids()
        (new,) = here.pending()
        assert {"title": "evil"} == new.actions[0].args
        assert "superseded" == here.broker.requests.find(old.request_id).status

        here.resume(YES)

        assert [("c1", {"title": "evil"})] == here.ran

    def test_stricter_policy_between_question_and_answer(self, world, issue):
        """What the policy has come to deny does not run, whatever the answer says."""
        here = world([issue])
        here.start()
        here.policy = SecretPolicy(deny=["*"])
        here.reopen()

        here.resume(YES)

        assert [] == here.ids()
        assert "denies" in here.results()["c1"].content

    def test_expired_question_is_asked_again(self, world, issue):
        """An answer that comes after the expiry counts for nothing."""
        here = world([issue])
        here.start()
        (old,) = here.pending()
        later = datetime.now(UTC) + timedelta(days=8)
        here.broker.catalog.clock = lambda: later

        here.resume(YES)

        assert [] == here.ids()
        (new,) = here.pending()
        assert old.request_id != new.request_id
        assert "expired" == here.broker.requests.find(old.request_id).status

        here.resume(YES)

        assert ["c1"] == here.ids()

    def test_answer_that_names_the_superseded_request(self, world, issue):
        """An answer that names its request is never taken for another one."""
        here = world([issue])
        here.start()
        (old,) = here.pending()
        here.broker.rotate("github/token", "another-value-0042")
        named = decisions(approve(), request_id=old.request_id)
        here.resume(named)

        with pytest.raises(AnswerRefused, match="another request"):
            here.resume(named)

        assert [] == here.ids()


class TestStrangers:
    def test_answer_before_any_question(self, world, issue):
        """A resume value that was there before the question answers nothing."""
        here = world([issue])
        builder = StateGraph(MessagesState)
        builder.add_node("model", here.model)
        builder.add_node("approve", here.node())
        builder.add_node("tools", ToolNode(list(here.tools.values())))
        builder.add_edge(START, "model")
        builder.add_edge("model", "approve")
        builder.add_edge("tools", "model")
        here.graph = builder.compile(
            checkpointer=here.saver, interrupt_before=["approve"]
        )
        here.start()
        assert ("approve",) == here.graph.get_state(here.config).next
        assert [] == here.pending()

        here.resume(YES)

        assert [] == here.ids()
        assert 1 == len(here.pending())

        here.resume(YES)

        assert ["c1"] == here.ids()

    def test_answer_of_another_user(self, world, issue):
        """Somebody else's answer in the same thread is no answer."""
        here = world([issue])
        here.start()
        other = {"configurable": {**here.config["configurable"], "user_id": "bob"}}

        here.resume(YES, other)

        assert [] == here.ids()

    def test_answer_to_another_node_of_the_thread(self, world, issue):
        """An answer that a foreign interrupt of the thread got approves nothing."""
        from langgraph.types import interrupt

        here = world([issue])
        builder = StateGraph(MessagesState)
        builder.add_node("model", here.model)
        builder.add_node("other", lambda _: {"messages": [str(interrupt("really?"))]})
        builder.add_node("approve", here.node())
        builder.add_node("tools", ToolNode(list(here.tools.values())))
        builder.add_edge(START, "model")
        builder.add_edge(START, "other")
        builder.add_edge("model", "approve")
        builder.add_edge("tools", "model")
        here.graph = builder.compile(checkpointer=here.saver)
        here.start()

        here.resume(YES)  # answers `other`, the only interrupt so far

        assert [] == here.ids()
        assert 1 == len(here.pending())


class TestRunningAgain:
    def test_replay_asks_again_and_says_so(self, world, issue):
        """A replayed call with a spent approval asks, and says it may have run."""
        here = world([issue])
        here.start()
        here.resume(YES)
        assert ["c1"] == here.ids()
        before = here.before("approve")

        here.graph.invoke(None, before)

        assert ["c1"] == here.ids()
        (request,) = here.pending()
        assert "may already have run" in request.actions[0].description

        here.resume(YES)

        assert ["c1", "c1"] == here.ids()

    def test_replay_of_the_tools_asks_again(self, world, issue):
        """A replay from after the approval asks in the tool, before any lease."""
        here = world([issue])
        here.start()
        here.resume(YES)
        before = here.before("tools")

        here.graph.invoke(None, before)

        assert ["c1"] == here.ids()
        (request,) = here.pending()
        assert "may already have run" in request.actions[0].description

        here.resume(YES)

        assert ["c1", "c1"] == here.ids()

    def test_retry_of_a_failed_tool_asks_again(self, world, issue):
        """A tool that fails after its lease needs a new approval to run again."""
        here = world([issue])
        builder = StateGraph(MessagesState)
        builder.add_node("model", here.model)
        builder.add_node("approve", here.node())
        builder.add_node(
            "tools",
            ToolNode(list(here.tools.values())),
            retry_policy=RetryPolicy(
                max_attempts=3, initial_interval=0.01, retry_on=lambda _: True
            ),
        )
        builder.add_edge(START, "model")
        builder.add_edge("model", "approve")
        builder.add_edge("tools", "model")
        here.graph = builder.compile(checkpointer=here.saver)
        here.tools["create_issue"]._fail.append(RuntimeError("timeout"))
        here.start()

        here.resume(YES)

        assert ["c1"] == here.ids()
        (request,) = here.pending()
        assert "may already have run" in request.actions[0].description

    def test_crash_between_approval_and_tool(self, world, issue):
        """An approval that was not used before a crash still holds after it."""
        here = world([issue])
        here.start()
        here.graph.invoke(Command(resume=YES), here.config, interrupt_before=["tools"])
        assert [] == here.ids()

        here.reopen()
        here.graph.invoke(None, here.config)

        assert ["c1"] == here.ids()

    def test_crash_after_the_answer_was_written(self, world, issue, monkeypatch):
        """An answer that reached the catalog counts though the process died there."""
        here = world([issue])
        here.start()
        from langchain_tyrum.approval.outcomes import Settling

        close = Settling.close

        def die(self, *args):
            close(self, *args)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Settling, "close", die)
            here.resume(YES)
        assert [] == here.ids()

        here.reopen()
        here.graph.invoke(None, here.config)

        assert ["c1"] == here.ids()
        assert 1 == len(here.broker.grants())

    def test_rejection_is_remembered_by_the_task(self, world, issue, monkeypatch):
        """A rejection that reached the catalog is not asked about again."""
        here = world([issue])
        here.start()
        from langchain_tyrum.approval.outcomes import Settling

        close = Settling.close

        def die(self, *args):
            close(self, *args)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Settling, "close", die)
            here.resume(decisions(reject("no")))

        here.reopen()
        here.graph.invoke(None, here.config)

        assert [] == here.ids()
        assert here.finished()


class TestRaces:
    def test_two_processes_resume_at_once(self, world, issue):
        """Two processes that take the same answer run the call once, on one grant."""
        for _ in range(3):
            one = world([issue])
            one.start()
            other = type(one)(one.folder, script=one.script)
            other.ran = one.ran
            for tool in ("create_issue", "drop_table", "send_mail"):
                other.tools[tool]._ran = one.ran
            barrier = threading.Barrier(2)

            def resume(here, barrier=barrier):
                barrier.wait()
                with contextlib.suppress(TyrumError):
                    here.resume(YES)

            threads = [
                threading.Thread(target=resume, args=(here,)) for here in (one, other)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

            assert ["c1"] == one.ids()
            assert 1 == len(one.broker.grants())
            other.close()


class TestSubgraphs:
    def test_question_inside_a_subgraph(self, world, issue, drop):
        """A question of a sub-graph is seen and answered from its parent."""
        here = world([issue, drop])
        builder = StateGraph(MessagesState)
        builder.add_node("inner", here.build(None))
        builder.add_edge(START, "inner")
        here.graph = builder.compile(checkpointer=here.saver)

        here.start()
        (request,) = here.pending()
        here.resume({request.interrupt_id: decisions(approve(), approve())})

        assert ["c1", "c2"] == here.ids()
        assert here.finished()

    def test_tool_that_asks_inside_a_subgraph(self, world, issue, drop):
        """A tool of a sub-graph asks for itself, once, and runs once."""
        here = world([issue, drop], gate=True)
        builder = StateGraph(MessagesState)
        builder.add_node("inner", here.build(None))
        builder.add_edge(START, "inner")
        here.graph = builder.compile(checkpointer=here.saver)

        here.start()
        here.resume(decisions(approve(), approve()))

        assert ["c1", "c2"] == here.ids()
        assert here.finished()
