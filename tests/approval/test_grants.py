from __future__ import annotations

from datetime import UTC, datetime, timedelta

from langchain_tyrum.approval import approve, decisions


def again(call_id, title="bug"):
    return ("create_issue", {"title": title}, call_id)


class TestSession:
    def test_session_is_asked_once(self, world, issue):
        """After a session approval the same use in the thread runs unasked."""
        here = world([issue], [again("c8", "crash")])
        here.start()

        here.resume(decisions(approve(grant="session")))

        assert ["c1", "c8"] == here.ids()
        assert here.finished()

    def test_session_survives_the_process(self, world, issue):
        """A session approval holds in a new process over the same files."""
        here = world([issue], [], [again("c8")])
        here.start()
        here.resume(decisions(approve(grant="session")))

        here.reopen()
        here.start("more")

        assert ["c1", "c8"] == here.ids()

    def test_session_ends_at_the_thread(self, world, issue):
        """Another thread is asked about again."""
        here = world([issue])
        here.start()
        here.resume(decisions(approve(grant="session")))
        other = {"configurable": {**here.config["configurable"], "thread_id": "t2"}}

        here.start(config=other)

        assert 1 == len(here.pending(other))
        assert ["c1"] == here.ids()

    def test_session_ends_at_the_user(self, world, issue):
        """Another user of the same thread is asked again."""
        here = world([issue], [again("c8")])
        here.start()
        here.resume(decisions(approve(grant="session")))
        other = {"configurable": {**here.config["configurable"], "user_id": "bob"}}
        here.script += [[], [again("c9")]]

        here.start("more", config=other)

        assert "c9" not in here.ids()
        assert [("c9",)] == [one.tool_call_ids for one in here.pending(other)]

    def test_session_ends_at_rotation(self, world, issue):
        """A rotated secret is another one: the session approval does not cover it."""
        here = world([issue], [], [again("c8")])
        here.start()
        here.resume(decisions(approve(grant="session")))
        here.broker.rotate("github/token", "another-value-0042")

        here.start("more")

        assert ["c1"] == here.ids()
        assert 1 == len(here.pending())

    def test_uses_are_counted(self, world, issue):
        """A session approval for two uses asks before the third."""
        here = world([issue], [again("c7")], [again("c8")])
        here.start()

        here.resume(decisions(approve(grant="session", max_uses=2)))

        assert ["c1", "c7"] == here.ids()
        assert 1 == len(here.pending())

    def test_time_runs_out(self, world, issue):
        """After its time a session approval asks again."""
        here = world([issue], [], [again("c8")])
        here.start()
        here.resume(decisions(approve(grant="session", ttl_seconds=60)))
        later = datetime.now(UTC) + timedelta(seconds=61)
        here.broker.catalog.clock = lambda: later

        here.start("more")

        assert ["c1"] == here.ids()
        assert 1 == len(here.pending())

    def test_uses_and_time_hold_in_every_process(self, world, issue):
        """Another process goes on with the same count, and with the same end."""
        here = world([issue], [], [again("c7")], [], [again("c8")])
        here.start()
        answer = approve(grant="session", max_uses=2, ttl_seconds=60)
        here.resume(decisions(answer))

        here.reopen()
        here.start("more")
        assert ["c1", "c7"] == here.ids()
        here.reopen()
        here.start("and more")
        assert ["c1", "c7"] == here.ids()
        assert 1 == len(here.pending())

        here.resume(decisions(approve(grant="session", ttl_seconds=60)))
        here.reopen()
        later = datetime.now(UTC) + timedelta(seconds=61)
        here.broker.catalog.clock = lambda: later
        here.script += [[], [again("c9")]]
        here.start("later")
        assert ["c1", "c7", "c8"] == here.ids()
        assert [("c9",)] == [one.tool_call_ids for one in here.pending()]


class TestAlways:
    def test_always_holds_in_every_thread_and_after_rotation(self, world, issue):
        """An `always` approval holds in other threads and for the rotated secret."""
        here = world([issue])
        here.start()
        here.resume(decisions(approve(grant="always")))
        here.broker.rotate("github/token", "another-value-0042")
        other = {"configurable": {**here.config["configurable"], "thread_id": "t2"}}

        here.start(config=other)

        assert ["c1", "c1"] == here.ids()

    def test_always_is_the_user_s_own(self, world, issue):
        """An `always` approval of one user says nothing about another one."""
        here = world([issue])
        here.start()
        here.resume(decisions(approve(grant="always")))
        other = {"configurable": {"thread_id": "t2", "user_id": "bob"}}

        here.start(config=other)

        assert ["c1"] == here.ids()


class TestExactness:
    def test_grant_is_bound_to_call_and_request(self, world, issue):
        """A `once` grant carries digest, request, thread, user and version."""
        here = world([issue])
        here.start()
        (request,) = here.pending()
        here.resume(decisions(approve()))

        (grant,) = here.broker.grants()

        assert ("once", request.request_id, "t1", "ann", 1) == (
            grant.mode,
            grant.request_id,
            grant.thread_id,
            grant.user,
            grant.uses,
        )
        handle = here.broker.describe("github/token").handle_id
        assert {handle: 1} == dict(grant.versions)
        assert 64 == len(grant.digest)

    def test_one_answer_grants_once(self, world, issue):
        """Replaying an answered question creates no second grant."""
        here = world([issue])
        here.start()
        (request,) = here.pending()
        here.resume(decisions(approve()))

        again_ = here.broker.requests.answer(request.request_id, {"decisions": []})

        assert again_ is False
        assert 1 == len(here.broker.grants())

    def test_books_tell_the_story(self, world, issue, drop):
        """The ledger tells per call that it was asked about and what was decided."""
        here = world([issue, drop])
        here.start()
        here.resume(decisions(approve(), approve(grant="session")))

        rows = [
            row
            for row in here.broker.audit.tail(100)
            if row["action"].startswith("approval_")
        ]

        assert [
            ("approval_asked", "c1"),
            ("approval_asked", "c2"),
            ("approval_answered", "c1"),
            ("approval_answered", "c2"),
        ] == [(row["action"], row["tool_call_id"]) for row in rows]
        assert {"github/token:use", "db/password:use"} == {row["scope"] for row in rows}
        assert all(row["policy_sha256"] for row in rows)
