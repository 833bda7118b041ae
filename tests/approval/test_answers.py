from __future__ import annotations

import pytest
from langgraph.types import Command

from langchain_tyrum.approval import (
    AnswerRefused,
    GrantOption,
    approve,
    decisions,
    edit,
    reject,
    respond,
)
from langchain_tyrum.approval.answers import read_answer
from langchain_tyrum.errors import ApprovalRefused, ConfigError

CANARY = "CANARY-value-4711"
WRONG = {
    "nothing": {},
    "no dict": "yes",
    "true": True,
    "a list": [{"type": "approve"}],
    "no decisions": {"decisions": []},
    "too many": {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    "unknown type": {"decisions": [{"type": CANARY}]},
    "unknown key": {"decisions": [{"type": "approve", CANARY: 1}]},
    "unknown mode": {"decisions": [{"type": "approve", "grant": {"mode": CANARY}}]},
    "once, twice": {
        "decisions": [{"type": "approve", "grant": {"mode": "once", "max_uses": 2}}]
    },
    "no uses": {
        "decisions": [{"type": "approve", "grant": {"mode": "session", "max_uses": 0}}]
    },
    "negative time": {
        "decisions": [
            {"type": "approve", "grant": {"mode": "session", "ttl_seconds": -1}}
        ]
    },
    "edit of nothing": {"decisions": [{"type": "edit"}]},
    "edit to unknown tool": {
        "decisions": [{"type": "edit", "edited_action": {"name": "zap", "args": {}}}]
    },
    "edit that does not fit": {
        "decisions": [
            {
                "type": "edit",
                "edited_action": {"name": "create_issue", "args": {"titel": CANARY}},
            }
        ]
    },
    "edit beyond JSON": {
        "decisions": [
            {
                "type": "edit",
                "edited_action": {"name": "create_issue", "args": {"title": object()}},
            }
        ]
    },
    "silent response": {"decisions": [{"type": "respond"}]},
    "another request": {
        "decisions": [{"type": "approve"}],
        "request_id": "r_another",
    },
}


class TestWrongAnswers:
    @pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
    def test_nothing_runs_and_the_question_stays(self, world, issue, wrong):
        """An answer that does not fit is refused without quoting it; nothing runs."""
        here = world([issue])
        here.start()
        asked = here.pending()

        if wrong == {}:  # LangGraph takes it for a map that answers nothing
            here.resume(wrong)
        else:
            with pytest.raises(ApprovalRefused) as caught:
                here.resume(wrong)
            assert CANARY not in str(caught.value)
            assert caught.value.__context__ is None
            assert caught.value.__cause__ is None

        assert [] == here.ids()
        assert asked == here.pending()

        here.resume(decisions(approve()))

        assert ["c1"] == here.ids()
        assert here.finished()

    def test_answer_after_a_wrong_one_may_come_by_interrupt_id(self, world, issue):
        """After a refused answer the question can be answered by its interrupt id."""
        here = world([issue])
        here.start()
        with pytest.raises(AnswerRefused):
            here.resume("yes")
        (request,) = here.pending()

        here.resume({request.interrupt_id: decisions(approve())})

        assert ["c1"] == here.ids()

    def test_refusal_is_no_tool_error(self, world, issue):
        """A refused answer reaches whoever resumed, past any retry of the node."""
        here = world([issue])
        here.start()

        with pytest.raises(ValueError, match="decisions"):
            here.graph.invoke(Command(resume=["x"]), here.config)


class TestReading:
    def test_langchain_form_is_taken(self):
        """The plain answers of LangChain's own clients are understood."""
        raw = {
            "decisions": [
                {"type": "approve"},
                {"type": "edit", "edited_action": {"name": "t", "args": {"a": [1]}}},
                {"type": "reject", "message": "no"},
                {"type": "reject"},
                {"type": "respond", "message": "hi"},
            ]
        }

        read = read_answer(
            raw,
            request_id="r_1",
            count=5,
            allowed=("approve", "edit", "reject", "respond"),
        )

        assert ["approve", "edit", "reject", "reject", "respond"] == [
            one.type for one in read
        ]

    def test_decision_that_was_not_offered_is_refused(self):
        """Only the decisions that were offered are taken."""
        with pytest.raises(AnswerRefused, match="not offered"):
            read_answer(
                decisions(respond("x")),
                request_id="r_1",
                count=1,
                allowed=("approve", "reject"),
            )


class TestBuilding:
    def test_plain_answers_are_what_langchain_sends(self):
        """Builders give the plain data that any client of LangChain's form sends."""
        built = decisions(
            approve(), reject("why"), reject(), edit("t", {"a": None}), respond("r")
        )

        assert {
            "decisions": [
                {"type": "approve"},
                {"type": "reject", "message": "why"},
                {"type": "reject"},
                {"type": "edit", "edited_action": {"name": "t", "args": {"a": None}}},
                {"type": "respond", "message": "r"},
            ]
        } == built

    def test_grant_and_request_go_along(self):
        """How far an approval reaches, and which request it is for, can be said."""
        built = decisions(
            approve(grant="session", ttl_seconds=60, max_uses=3), request_id="r_1"
        )

        assert "r_1" == built["request_id"]
        assert {"mode": "session", "ttl_seconds": 60.0, "max_uses": 3} == built[
            "decisions"
        ][0]["grant"]
        assert approve(grant=GrantOption(mode="always")) == approve(grant="always")
        written = approve(grant={"mode": "session", "ttl_seconds": 60})
        assert approve(grant="session", ttl_seconds=60) == written

    def test_impossible_grant_is_an_error_at_once(self):
        """A builder refuses what a reader would refuse."""
        with pytest.raises(ConfigError, match="max_uses"):
            approve(grant="once", max_uses=2)


MISUSED = {
    "grant": (lambda: approve(grant=CANARY), "'once', 'session' or 'always'"),
    "key": (lambda: approve(grant={"mode": "once", CANARY: 1}), "'once', 'session'"),
    "time": (lambda: approve(grant="session", ttl_seconds=-1), "ttl_seconds="),
    "uses": (lambda: approve(max_uses=2), "max_uses="),
    "nothing": (decisions, "at least one of approve"),
    "a text": (lambda: decisions(CANARY), "at least one of approve"),
    "uncalled": (lambda: decisions(approve), "at least one of approve"),
    "reason": (lambda: reject({CANARY: 1}), "as text"),
    "words": (lambda: respond(None), "the words"),
    "edit": (lambda: edit("zap", {"title": {CANARY}}), "JSON"),
}


@pytest.mark.parametrize(("build", "mend"), MISUSED.values(), ids=MISUSED)
def test_what_cannot_be_built(build, mend):
    """A builder that is misused tells what it takes, and nothing of what it got."""
    with pytest.raises(ConfigError, match=mend) as wrong:
        build()

    assert isinstance(wrong.value, ValueError)
    assert CANARY not in str(wrong.value)
    assert wrong.value.__cause__ is wrong.value.__context__ is None
