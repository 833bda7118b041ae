from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from langchain_tyrum.approval import (
    AnswerRefused,
    aleave_answer,
    approve,
    decisions,
    edit,
    leave_answer,
    reject,
    respond,
)
from langchain_tyrum.approval.states import call_states
from langchain_tyrum.errors import ConfigError

YES = decisions(approve())
VALUE = "s3cr3t-value-of-the-token-9917-github/token"


def run_on(here):
    return here.graph.invoke(None, here.config)


def states(here, request_id):
    return call_states(
        here.broker.requests.find(request_id),
        now=here.broker.catalog.clock(),
        grants=here.broker.grants(),
    )


def dump(here):
    with closing(sqlite3.connect(here.folder / "graph.db")) as graph:
        return list(graph.iterdump())


class TestTaking:
    @pytest.mark.parametrize("gate", [False, True])
    def test_the_graph_takes_it_when_it_runs_on(self, world, issue, drop, gate):
        """An answer in the catalog counts at the next `invoke(None)`, once a call."""
        here = world([issue, drop], gate=gate)
        here.start()
        (asked,) = here.pending()

        leave_answer(
            here.broker, asked.request_id, decisions(approve(), reject("not this"))
        )

        assert [] == here.ids()
        assert {"given"} == set(states(here, asked.request_id).values())
        here.reopen()
        if gate:  # there a rejection raises in the tool
            with pytest.raises(Exception, match="not this"):
                run_on(here)
        else:
            run_on(here)
            assert here.finished()
        assert ["c1"] == here.ids()
        assert {"c1": "consumed", "c2": "rejected"} == states(here, asked.request_id)

    async def test_async_twin(self, world, issue):
        """The async twin leaves the same answer."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()

        await aleave_answer(here.broker, asked.request_id, YES)

        run_on(here)
        assert ["c1"] == here.ids()

    def test_running_on_without_an_answer_waits(self, world, issue):
        """A process may run its graph on as often as it likes until an answer comes."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        for _ in range(3):
            run_on(here)
            assert [asked.request_id] == [one.request_id for one in here.pending()]
        assert [] == here.ids()

        leave_answer(here.broker, asked.request_id, YES)
        run_on(here)

        assert ["c1"] == here.ids()
        assert 1 == here.actions().count(("approval_asked", "open"))

    def test_the_first_answer_counts(self, world, issue):
        """A resume that would allow more than the answer that was left is no use."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, decisions(reject("first")))

        here.resume(YES)

        assert [] == here.ids()
        assert "first" in here.results()["c1"].content
        assert here.finished()

    @pytest.mark.parametrize("gate", [False, True])
    @pytest.mark.parametrize("by_id", [False, True])
    def test_a_no_at_the_resume_counts(self, world, issue, gate, by_id):
        """Who says no when the graph runs on is heard, though a yes was left."""
        here = world([issue], gate=gate)
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, YES)
        no = decisions(reject("second"))
        no = {asked.interrupt_id: no} if by_id else no

        if gate:
            with pytest.raises(Exception, match="second"):
                here.resume(no)
        else:
            here.resume(no)
            assert "second" in here.results()["c1"].content

        assert [] == here.ids()
        assert {"c1": "rejected"} == states(here, asked.request_id)

    def test_each_call_takes_the_stricter_word(self, world, issue, drop, mail):
        """What one of two people refused does not run, whoever came first."""
        here = world([issue, drop, mail])
        here.start()
        (asked,) = here.pending()
        mine = decisions(approve(grant="always"), reject("first"), approve())
        leave_answer(here.broker, asked.request_id, mine)

        here.resume(decisions(approve(grant="session"), approve(), respond("done")))

        assert ["c1"] == here.ids()
        assert ["once"] == [one.mode for one in here.broker.grants()]
        assert "done" == here.results()["c3"].content

    @pytest.mark.parametrize("resumed", ["other edit", "no answer"])
    def test_what_cannot_be_joined_is_asked_again(self, world, issue, resumed):
        """A second edit or a malformed resume drops what was left; nothing runs."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        mine = edit("create_issue", {"title": "mine"})
        leave_answer(here.broker, asked.request_id, decisions(mine))
        other = decisions(edit("create_issue", {"title": "theirs"}))

        with pytest.raises(AnswerRefused):
            here.resume(other if resumed == "other edit" else {"decisions": "no"})

        assert [] == here.ids()
        assert {"c1": "asked"} == states(here, asked.request_id)
        here.resume(YES)
        assert ["c1"] == here.ids()

    def test_a_resume_passed_over_answers_nothing_later(self, world, issue, drop):
        """The answer that came too late does not approve the next message's call."""
        here = world([issue], [drop])
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, decisions(reject("first")))

        here.resume(YES)

        assert [] == here.ids()
        assert ["drop_table"] == [one.actions[0].name for one in here.pending()]

    def test_a_session_grant_goes_along(self, world, issue):
        """How far the approval reaches is left with it, for the user who asked."""
        here = world([issue], [("create_issue", {"title": "again"}, "c9")])
        here.start()
        (asked,) = here.pending()

        leave_answer(
            here.broker,
            asked.request_id,
            decisions(approve(grant="session", ttl_seconds=60, max_uses=5)),
        )
        run_on(here)

        assert ["c1", "c9"] == here.ids()
        (grant,) = here.broker.grants()
        assert ("session", "ann", "t1", 5, 2) == (
            grant.mode,
            grant.user,
            grant.thread_id,
            grant.max_uses,
            grant.uses,
        )

    def test_an_edit_goes_along(self, world, issue):
        """An edited call that was left runs in place of the model's."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()

        leave_answer(
            here.broker,
            asked.request_id,
            decisions(edit("create_issue", {"title": "better"})),
        )
        run_on(here)

        assert [("c1", {"title": "better"})] == here.ran

    def test_what_cannot_be_applied_is_dropped(self, world, issue):
        """An edit that no tool takes is refused at the graph; then another may come."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, decisions(edit("zap", {})))

        with pytest.raises(AnswerRefused, match="no tool 'zap'"):
            run_on(here)

        assert {"c1": "asked"} == states(here, asked.request_id)
        assert [] == here.ids()
        leave_answer(here.broker, asked.request_id, YES)
        run_on(here)
        assert ["c1"] == here.ids()

    def test_rotation_takes_the_answer_away(self, world, issue):
        """An answer about the old version never approves the new one."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, YES)
        here.broker.rotate("github/token", "another-value-0042")

        run_on(here)

        assert [] == here.ids()
        assert {"c1": "superseded"} == states(here, asked.request_id)
        assert asked.request_id not in {one.request_id for one in here.pending()}

    def test_books_tell_who_left_what(self, world, issue, drop):
        """The ledger tells of each decision that was left, and of its use."""
        here = world([issue, drop])
        here.start()
        (asked,) = here.pending()
        leave_answer(
            here.broker, asked.request_id, decisions(approve(), respond("done"))
        )
        run_on(here)

        assert [
            ("approval_asked", "open"),
            ("approval_asked", "open"),
            ("approval_left", "approve"),
            ("approval_left", "respond"),
            ("approval_answered", "approve"),
            ("approval_answered", "respond"),
        ] == here.actions()
        assert here.broker.audit.verify().ok


WRONG = {
    "two for one": (decisions(approve(), approve()), "2 decisions for 1"),
    "another id": (decisions(approve(), request_id="r_other"), "another request"),
    "a grant nobody offered": (
        {"decisions": [{"type": "approve", "grant": {"mode": "forever"}}]},
        "not of the form",
    ),
    "a value as a reason": (decisions(reject(f"it is {VALUE}")), "raw value"),
    "a value in an edit": (
        decisions(edit("create_issue", {"title": VALUE})),
        "raw value",
    ),
    "no answer": ({}, "not of the form"),
}


class TestRefusing:
    @pytest.mark.parametrize(("answer", "why"), WRONG.values(), ids=WRONG)
    def test_what_does_not_fit_is_not_kept(self, world, issue, answer, why):
        """A wrong answer is refused where it is given; the question stays asked."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()

        with pytest.raises(AnswerRefused, match=why) as refused:
            leave_answer(here.broker, asked.request_id, answer)

        assert VALUE not in str(refused.value)
        assert {"c1": "asked"} == states(here, asked.request_id)
        assert here.broker.requests.find(asked.request_id).answer is None
        for path in here.folder.glob("tyrum.db*"):
            assert VALUE.encode() not in path.read_bytes()
        leave_answer(here.broker, asked.request_id, YES)
        run_on(here)
        assert ["c1"] == here.ids()

    def test_what_was_not_offered(self, world, issue):
        """A tool that asks by itself offers no edit, so none can be left."""
        here = world([issue], gate=True)
        here.start()
        (asked,) = here.pending()

        with pytest.raises(AnswerRefused, match="not offered"):
            leave_answer(here.broker, asked.request_id, decisions(respond("done")))

    def test_another_digest(self, world, issue):
        """An answer to other calls than were shown is refused."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()

        for wrong in ("f" * 64, asked.digest[:4], ""):
            with pytest.raises(AnswerRefused, match="other ones"):
                leave_answer(here.broker, asked.request_id, YES, digest=wrong)
        leave_answer(here.broker, asked.request_id, YES, digest=asked.digest[:12])

        run_on(here)
        assert ["c1"] == here.ids()

    def test_unknown_and_foreign_requests(self, world, issue):
        """An unknown id, and one of another tenant, are told alike."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()

        with pytest.raises(ConfigError, match="approvals list"):
            leave_answer(here.broker, "r_unknown", YES)
        with pytest.raises(ConfigError, match="approvals list"):
            leave_answer(here.broker, asked.request_id, YES, tenant="acme")

    def test_closed_requests(self, world, issue):
        """What has an answer, was answered or has expired takes no other answer."""
        here = world([issue], [("create_issue", {"title": "more"}, "c9")])
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, YES)

        with pytest.raises(ConfigError, match="has an answer already"):
            leave_answer(here.broker, asked.request_id, decisions(reject()))
        run_on(here)
        with pytest.raises(ConfigError, match="is answered"):
            leave_answer(here.broker, asked.request_id, YES)
        (second,) = here.pending()
        later = datetime.now(UTC) + timedelta(days=8)
        here.broker.catalog.clock = lambda: later
        with pytest.raises(ConfigError, match="has expired"):
            leave_answer(here.broker, second.request_id, YES)

        assert ["c1"] == here.ids()

    def test_an_answer_of_one_user_s_thread_runs_nothing_of_another(self, world, issue):
        """Another user who runs the thread on does not get the answer left for it."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        leave_answer(here.broker, asked.request_id, YES)

        here.graph.invoke(None, {"configurable": {"thread_id": "t1", "user_id": "eve"}})

        assert [] == here.ids()
        assert {"c1": "given"} == states(here, asked.request_id)


class TestOneCall:
    def test_a_request_is_answered_by_one_call(self, world, issue, drop):
        """`request.approve()` and `request.reject()` are what resumes the graph."""
        here = world([issue, drop], [("send_mail", {"to": "bob"}, "c3")])
        here.start()
        (asked,) = here.pending()

        here.graph.invoke(asked.approve(grant="session"), here.config)
        (mail,) = here.pending()
        here.graph.invoke(mail.reject("not now"), here.config)

        assert ["c1", "c2"] == here.ids()
        assert ["session", "session"] == [one.mode for one in here.broker.grants()]
        assert "not now" in here.results()["c3"].content

    def test_it_answers_its_own_question_only(self, world, issue):
        """A command that was made for a superseded question approves nothing."""
        here = world([issue])
        here.start()
        (asked,) = here.pending()
        here.broker.rotate("github/token", "another-value-0042")
        here.graph.invoke(asked.approve(), here.config)

        with pytest.raises(AnswerRefused, match="another request"):
            here.graph.invoke(asked.approve(), here.config)

        assert [] == here.ids()

    def test_a_notebook_shows_it_escaped(self, world):
        """The HTML holds the description, and no markup or value of the arguments."""
        title = f"<img src=x onerror=alert(1)></pre><script>{VALUE}"
        here = world([("create_issue", {"title": title}, "c1")])
        here.start()
        (asked,) = here.pending()

        html = asked._repr_html_()

        assert "create_issue wants to use a secret." in html
        assert asked.request_id in html
        assert "graph.invoke(request.approve(), config)" in html
        assert "&lt;img" in html
        assert "[REDACTED" in html
        assert "<img" not in html
        assert "<script" not in html
        assert 1 == html.count("</pre>")
        assert VALUE not in html


def test_checkpoints_hold_no_left_answer(world, issue):
    """What is left stands in the catalog alone until the graph runs on."""
    here = world([issue])
    here.start()
    (asked,) = here.pending()
    before = dump(here)
    leave_answer(here.broker, asked.request_id, YES)

    assert before == dump(here)
