from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from langchain_tyrum.ledger.catalog import Catalog
from langchain_tyrum.ledger.requests import ApprovalRequests, Draft, Place

PLACE = Place(
    tenant="default",
    user="ann",
    thread_id="t1",
    checkpoint_ns="approve:task-1",
    task_id="task-1",
)


def draft(place=PLACE, calls=("c1",), content="a", lifetime=60):
    return Draft(
        place=place,
        tool_call_ids=calls,
        digest_of=lambda request_id: f"{content}/{request_id}",
        payload_of=lambda request_id, digest, expires_at: {
            "request_id": request_id,
            "digest": digest,
            "expires_at": expires_at.isoformat(),
        },
        policy_sha256="p" * 64,
        lifetime=timedelta(seconds=lifetime),
    )


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 21, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(microseconds=1)
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["memory", "file"])
def catalog(request, tmp_path, clock):
    url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/c.db"
    catalog = Catalog(url, clock=clock)
    yield catalog
    catalog.close()


@pytest.fixture
def requests(catalog):
    return ApprovalRequests(catalog)


class TestOpening:
    def test_question_is_kept_as_asked(self, requests):
        """A question is kept with all that was asked, and is open."""
        opened = requests.open(draft())

        kept = requests.find(opened.request.request_id)
        assert opened.created
        assert kept == opened.request
        assert ("open", PLACE, ("c1",), None, None) == (
            kept.status,
            kept.place,
            kept.tool_call_ids,
            kept.position,
            kept.answer,
        )
        assert kept.payload["digest"] == kept.digest == f"a/{kept.request_id}"
        assert kept.payload["expires_at"] == kept.expires_at.isoformat()

    def test_asking_again_finds_the_same_question(self, requests):
        """The very same question, asked again, is the one that is open."""
        first = requests.open(draft())

        second = requests.open(draft())

        assert first.request == second.request
        assert (True, False) == (first.created, second.created)
        assert 1 == len(requests.waiting())

    def test_changed_question_supersedes_the_old_one(self, requests):
        """Another question about the same call takes the old one's place."""
        first = requests.open(draft())

        second = requests.open(draft(content="b"))

        assert (first.request.request_id,) == second.superseded
        assert "superseded" == requests.find(first.request.request_id).status
        assert [second.request] == requests.waiting()

    def test_same_node_in_a_later_checkpoint_supersedes(self, requests):
        """A new run of the node about the same calls closes the earlier question."""
        first = requests.open(draft())
        later = replace(PLACE, checkpoint_ns="approve:task-2", task_id="task-2")

        second = requests.open(draft(later))

        assert (first.request.request_id,) == second.superseded

    @pytest.mark.parametrize(
        "other",
        [
            replace(PLACE, user="bob"),
            replace(PLACE, user=None),
            replace(PLACE, tenant="acme"),
            replace(PLACE, thread_id="t2"),
            replace(PLACE, checkpoint_ns="other:task-2", task_id="task-2"),
        ],
    )
    def test_others_questions_stay_open(self, requests, other):
        """A question of another user, tenant, thread or node is left alone."""
        first = requests.open(draft())

        second = requests.open(draft(other))

        assert () == second.superseded
        assert "open" == requests.find(first.request.request_id).status

    def test_other_calls_of_the_task_stay_open(self, requests):
        """Two questions of one task about different calls stand beside each other."""
        requests.open(draft(calls=("c1",)))
        requests.open(draft(calls=("c2",)))

        assert [("c1",), ("c2",)] == [one.tool_call_ids for one in requests.waiting()]

    def test_expired_question_is_not_found_again(self, requests, clock):
        """After its time a question is expired, and asking opens a new one."""
        first = requests.open(draft())
        clock.now += timedelta(seconds=61)

        second = requests.open(draft())

        assert second.created
        assert "expired" == requests.find(first.request.request_id).status

    def test_failing_payload_leaves_nothing(self, requests):
        """A question that cannot be written down is not there in part."""

        def fail(*_):
            raise RuntimeError

        with pytest.raises(RuntimeError):
            requests.open(replace(draft(), payload_of=fail))

        assert [] == requests.waiting()

    def test_many_threads_open_one_question(self, requests):
        """Threads that ask the same at once all get the same request."""
        seen = []
        threads = [
            threading.Thread(
                target=lambda: seen.append(requests.open(draft()).request.request_id)
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 8 == len(seen)
        assert 1 == len(set(seen))


class TestAnswering:
    def test_answer_counts_once(self, requests):
        """The first answer closes the request; a second one changes nothing."""
        request = requests.open(draft()).request

        assert requests.answer(request.request_id, {"decisions": [1]})
        assert not requests.answer(request.request_id, {"decisions": [2]})

        kept = requests.find(request.request_id)
        assert ("answered", {"decisions": [1]}) == (kept.status, kept.answer)
        assert kept.answered_at is not None

    def test_late_answer_does_not_count(self, requests, clock):
        """An answer after the expiry is no answer."""
        request = requests.open(draft()).request
        clock.now += timedelta(seconds=61)

        assert not requests.answer(request.request_id, {})

    def test_superseded_request_takes_no_answer(self, requests):
        """A superseded request stays unanswered."""
        request = requests.open(draft()).request

        assert requests.supersede(request.request_id)
        assert not requests.supersede(request.request_id)
        assert not requests.answer(request.request_id, {})

    def test_answers_are_found_by_call(self, requests):
        """Answers are found by the calls they are about, oldest first."""
        ids = ['we"ird', "per%cent", "under_score", "back\\slash", "c1"]
        for one in ids:
            request = requests.open(draft(calls=(one,))).request
            requests.answer(request.request_id, {"for": one})
        requests.open(draft(calls=("open",)))

        for one in ids:
            (found,) = requests.answered(PLACE, [one])
            assert {"for": one} == found.answer
        assert ids == [one.answer["for"] for one in requests.answered(PLACE, ids)]
        assert [] == requests.answered(PLACE, ["c", "per", "underXscore", "open"])
        assert [] == requests.answered(PLACE, [])
        assert [] == requests.answered(replace(PLACE, user="bob"), ids)
        assert [] == requests.answered(replace(PLACE, thread_id="t2"), ids)


class TestShowing:
    def test_newest_request_at_a_position(self, requests):
        """An interrupt belongs to the request that it showed last."""
        first = requests.open(draft()).request
        requests.shown(first.request_id, 0)
        assert first.request_id == requests.at(PLACE, 0).request_id
        second = requests.open(draft(content="b")).request
        assert first.request_id == requests.at(PLACE, 0).request_id

        requests.shown(second.request_id, 0)

        assert second.request_id == requests.at(PLACE, 0).request_id
        assert requests.at(PLACE, 1) is None
        assert requests.at(replace(PLACE, task_id="task-2"), 0) is None

    def test_repr_holds_no_content(self, requests):
        """What prints is an id and a status."""
        request = requests.open(draft()).request

        assert f"StoredRequest('{request.request_id}', open)" == repr(request)
