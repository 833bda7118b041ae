"""One run of one graph task, and the questions it asks: LangGraph's side of asking.

Everything that rests on how LangGraph keeps interrupts stands here, pinned by
`tests/approval/test_turn.py`:

- the n-th `interrupt()` of a task gets the n-th answer the task was ever given, and a
  task runs again from its top for each answer;
- all tool calls of one plain `ToolNode` task share that count, in whatever order their
  threads come, and so do questions that are not ours;
- a scalar resume is handed to whoever asks first, shown or not, and again to the next
  question of a later run that brings none;
- the id of a question is its position, so a question that takes another's place gets
  its id, and the first id of a task is taken for any later one;
- a replay forgets the answers of its task in memory, and not in the checkpoint.

So an answer is taken only when it stands where the request that is asked was last
shown, as the catalog says, and when that was the one of the task to be seen; a request
gets a position of its own; and it counts as shown only when no older answer could
reach it. Any other answer is left alone, unless it names the request.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt

from langchain_tyrum.approval.answers import meant_for_another
from langchain_tyrum.approval.positions import SCRATCHPAD, Answers
from langchain_tyrum.approval.surfaced import forget_plain_answer, surfaced
from langchain_tyrum.ledger.requests import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.approval.seats import Verdict
    from langchain_tyrum.broker import CallIdentity
    from langchain_tyrum.ledger.requests import ApprovalRequests, StoredRequest

_CHECKPOINTER = "__pregel_checkpointer"
_TASK_ID = "__pregel_task_id"
_PUSHED = "__pregel_push"


class Turn:
    """One execution of one task: its lock, and what was settled in it so far.

    Attributes:
        lock: Held by whoever decides for the task; its other calls wait.
        place: Where the task stands; None where nobody can be asked.
        verdicts: What was decided for calls that have not asked yet, by call id.
        served: Calls that have got their verdict in this execution.
    """

    def __init__(self, place: Place | None) -> None:
        self.lock = threading.Lock()
        self.place = place
        self.verdicts: dict[str | None, Verdict] = {}
        self.served: set[str | None] = set()
        self._given: dict[str, object] = {}
        self._misnamed = False
        self._moved: dict[str, int] = {}
        self._stopped: tuple[Any, ...] | None = None

    def gather(self, requests: ApprovalRequests) -> None:
        """Take all answers that were given to questions of ours in this task.

        Also those that nobody asks for any more: a question that is not ours and comes
        later in the task would get them.

        Args:
            requests: Where the questions are kept.
        """
        if self.place is None:
            return
        configurable = get_config()["configurable"]
        answers = Answers(configurable)
        if answers.plain is None and len(answers) == answers.taken:
            return
        seen = surfaced(configurable, configurable[_TASK_ID])
        if answers.plain is not None and (
            self._shown(requests, len(answers), seen=seen)
            or self._named(requests, answers.plain)
        ):
            answers.append_plain()
        for position in range(answers.taken, len(answers)):
            self._take(requests, answers, position, seen=seen)
        answers.keep()

    def note_moves(self, requests: ApprovalRequests) -> None:
        """Note where the answers stand now that were taken out of their turn.

        Only once they are settled: what is refused is not stored, so nothing moved.
        """
        while self._moved:
            requests.shown(*self._moved.popitem())

    def ask(self, requests: ApprovalRequests, request: StoredRequest) -> object:
        """Show a request and return the answer that was given to it.

        Args:
            requests: Where the request is kept.
            request: The open request; its payload is what is shown.

        Returns:
            The answer, unread.

        Raises:
            GraphInterrupt: It has no answer yet; the task stops here.
            AnswerRefused: The answer names a question that is not open here.
        """
        if request.request_id not in self._given:
            self.stop_if_stopping()
            if self._misnamed:
                raise meant_for_another(request.request_id)
            self._stop(requests, request)
        return self._given.pop(request.request_id)

    def brought(self, request: StoredRequest) -> object:
        """The answer that was given to a request in the graph; nothing is shown for it.

        Args:
            request: The open request.

        Returns:
            The answer, unread; None when there is none.
        """
        return self._given.pop(request.request_id, None)

    @property
    def holds_answers(self) -> bool:
        """Whether answers to questions of other calls came by and wait for them."""
        return bool(self._given)

    def stop_if_stopping(self) -> None:
        """Stop a call whose task is stopping for the question of another one.

        Raises:
            GraphInterrupt: The same one; only one question of a task is ever seen.
        """
        if self._stopped:
            raise GraphInterrupt(*self._stopped)

    def forget_plain_answer(self) -> None:
        """Take a refused answer out of the checkpoint, else the next run brings it."""
        forget_plain_answer(get_config()["configurable"], patient=False)

    def _take(
        self,
        requests: ApprovalRequests,
        answers: Answers,
        position: int,
        *,
        seen: str | None,
    ) -> None:
        named = self._named(requests, answers[position])
        shown = self._shown(requests, position, seen=seen)
        if shown is None and answers.is_named(position):
            shown = self._shown(requests, _by_id_only(position), seen=seen)
        trusted = named or (shown and not answers.names_another(position))
        if not trusted and answers.is_brought(position):
            self._misnamed |= _name(answers[position]) is not None
        if shown and position != answers.taken:
            self._moved[shown] = answers.taken
        if not named and not shown:
            return  # for somebody else
        answer = answers.take(position)
        if trusted:
            self._given[str(named or shown)] = answer

    def _named(self, requests: ApprovalRequests, answer: object) -> str | None:
        """The request that an answer names, if it is open here."""
        name = _name(answer)
        found = requests.find(name) if isinstance(name, str) else None
        here = found and found.place == self.place and found.status == "open"
        return str(name) if here else None

    def _shown(
        self, requests: ApprovalRequests, position: int, *, seen: str | None
    ) -> str | None:
        """The request that was shown at a position, and seen there."""
        assert self.place is not None  # noqa: S101 - `gather` has checked it
        shown = requests.at(self.place, position)
        if shown is None:
            return None
        waits = shown.status == "open" and seen is not None
        return None if waits and seen != shown.request_id else shown.request_id

    def _stop(self, requests: ApprovalRequests, request: StoredRequest) -> None:
        self.note_moves(requests)
        configurable = get_config()["configurable"]
        answers = Answers(configurable)
        answers.append_plain()  # it was for somebody else, who may come yet
        while not _is_free(requests, request, len(answers)):
            answers.append_none()  # or an answer to what stood there would count
        answers.keep()
        position = len(answers)
        fresh = answers.plain_stands_before(position) and forget_plain_answer(
            configurable
        )
        requests.shown(request.request_id, position if fresh else _by_id_only(position))
        # Not the exception itself: its frames would keep the run alive.
        self._stopped = ((answers.question(dict(request.payload)),),)
        raise GraphInterrupt(*self._stopped)


def _name(answer: object) -> object:
    return answer.get("request_id") if isinstance(answer, dict) else None


def _is_free(requests: ApprovalRequests, request: StoredRequest, position: int) -> bool:
    """Whether no other question was ever shown at a position."""
    found = [
        requests.at(request.place, one) for one in (position, _by_id_only(position))
    ]
    return all(one is None or one.request_id == request.request_id for one in found)


def _by_id_only(position: int) -> int:
    """How a position is kept that an old answer may reach, if it names no question."""
    return -1 - position


_turns: dict[int, tuple[object, Turn]] = {}
_turns_lock = threading.Lock()


def turn_of(config: RunnableConfig, call: CallIdentity) -> Turn:
    """The execution that a config belongs to.

    All calls of one execution of one task get the same object; a retry or a resume is
    another execution.

    Args:
        config: The config of the node or tool call.
        call: The identity read from it.

    Returns:
        The turn; outside a graph one of its own, in which nobody can be asked.
    """
    configurable = (config or {}).get("configurable") or {}
    scratchpad = configurable.get(SCRATCHPAD)
    # A retry gets a new counter; the closure lives as long as the task's scratchpad.
    counter = getattr(scratchpad, "interrupt_counter", None)
    lifetime = getattr(scratchpad, "get_null_resume", None)
    if counter is None or lifetime is None:
        return Turn(None)
    with _turns_lock:
        known = _turns.get(id(counter))
        if known:
            return known[1]
        turn = Turn(_place(configurable, call))
        # The entry keeps its counter alive, so an id in here is never another's.
        _turns[id(counter)] = (counter, turn)
    weakref.finalize(lifetime, _turns.pop, id(counter), None).atexit = False
    return turn


def has_own_task(config: RunnableConfig) -> bool:
    """Whether a tool call runs in a task of its own, sent there by `Send`."""
    path = (config.get("metadata") or {}).get("langgraph_path") or ("",)
    return bool(path[0] == _PUSHED)


def _place(configurable: Mapping[str, Any], call: CallIdentity) -> Place | None:
    task_id = call.task_id or configurable.get(_TASK_ID)
    if not configurable.get(_CHECKPOINTER) or not call.thread_id or not task_id:
        return None
    return Place(
        tenant=call.tenant,
        user=call.user,
        thread_id=call.thread_id,
        checkpoint_ns=call.checkpoint_ns or "",
        task_id=str(task_id),
    )
