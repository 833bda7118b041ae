"""One run of one graph task, and the questions it asks: LangGraph's side of asking.

Everything that rests on how LangGraph keeps interrupts stands here, pinned by
`tests/approval/test_turn.py`:

- the n-th `interrupt()` of a task gets the n-th answer the task was ever given, and a
  task runs again from its top for each answer;
- all tool calls of one plain `ToolNode` task share that count, in whatever order their
  threads come;
- a scalar resume is handed to whoever asks first, shown or not, and again to the next
  question of a later run that brings none;
- a resume by interrupt id is taken for any later interrupt of its task;
- a replay forgets the answers of its task in memory, and not in the checkpoint.

So an answer is taken only when the request being asked is the one that the catalog
says was last shown by that very interrupt, and a question counts as shown only when
no older answer could reach it; any other answer is passed over.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from langgraph.config import get_config
from langgraph.errors import GraphInterrupt
from langgraph.types import interrupt

from langchain_tyrum.approval.surfaced import (
    forget_old_answers,
    forget_plain_answer,
    names_another,
    surfaced,
)
from langchain_tyrum.ledger.requests import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.runnables import RunnableConfig

    from langchain_tyrum.approval.seats import Verdict
    from langchain_tyrum.broker import CallIdentity
    from langchain_tyrum.ledger.requests import ApprovalRequests, StoredRequest

_SCRATCHPAD = "__pregel_scratchpad"
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
        self._next = 0
        self._given: dict[str, object] = {}
        self._stopped: tuple[Any, ...] | None = None

    def ask(self, requests: ApprovalRequests, request: StoredRequest) -> object:
        """Show a request and return the answer that was given to it.

        Args:
            requests: Where the request is kept.
            request: The open request; its payload is what is shown.

        Returns:
            The answer, unread.

        Raises:
            GraphInterrupt: It has no answer yet; the task stops here.
        """
        while request.request_id not in self._given:
            self.stop_if_stopping()
            self._take(requests, request, self._interrupt(requests, request))
        return self._given.pop(request.request_id)

    def brought(self, requests: ApprovalRequests, request: StoredRequest) -> object:
        """The answer that this run brought to a request; nothing is shown for it.

        Args:
            requests: Where the request is kept.
            request: The open request.

        Returns:
            The answer, unread; None when there is none.
        """
        # It stops where no answer is left, so no later question misses one.
        with suppress(GraphInterrupt):
            while request.request_id not in self._given:
                self._take(requests, request, interrupt(dict(request.payload)))
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

    def _take(
        self, requests: ApprovalRequests, request: StoredRequest, answer: object
    ) -> None:
        shown = requests.at(request.place, self._next)
        self._next += 1
        # Else it was given before anything was shown, or to a foreign question
        # that stopped the same task.
        if (
            shown
            and _seen() in (None, shown.request_id)
            and not names_another(get_config()["configurable"], answer)
        ):
            self._given[shown.request_id] = answer

    def _interrupt(self, requests: ApprovalRequests, request: StoredRequest) -> object:
        try:
            return interrupt(dict(request.payload))
        except GraphInterrupt as stop:
            # Not the exception itself: its frames would keep the run alive.
            self._stopped = stop.args
        fresh = self._is_fresh(requests, request)
        requests.shown(request.request_id, self._next if fresh else None)
        raise GraphInterrupt(*self._stopped)

    def _is_fresh(self, requests: ApprovalRequests, request: StoredRequest) -> bool:
        """Whether no answer is left that was given before this question was shown."""
        if _brought_plain_answer() and not _forget_plain_answer():
            return False
        gone = _forget_old_answers()
        if gone is None:  # then no question may have stood here before
            earlier = requests.at(request.place, self._next)
            return earlier is None or earlier.request_id == request.request_id
        return gone


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
    scratchpad = configurable.get(_SCRATCHPAD)
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


def _seen() -> str | None:
    configurable = get_config()["configurable"]
    return surfaced(configurable, configurable[_TASK_ID])


def _brought_plain_answer() -> bool:
    pad = get_config()["configurable"][_SCRATCHPAD]
    return pad.get_null_resume(False) is not None


def _forget_plain_answer() -> bool:
    return forget_plain_answer(get_config()["configurable"])


def _forget_old_answers() -> bool | None:
    configurable = get_config()["configurable"]
    return forget_old_answers(configurable, configurable[_TASK_ID])


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
