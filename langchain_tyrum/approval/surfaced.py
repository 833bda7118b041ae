"""Which question a task has really shown, as the checkpoint remembers it.

When several calls of one task stop at once, LangGraph keeps the interrupt of one of
them, and only that one is ever seen. Its payload says whose it was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from langgraph.types import Interrupt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHECKPOINTER = "__pregel_checkpointer"
_SCRATCHPAD = "__pregel_scratchpad"
_RESUME_MAP = "__pregel_resume_map"
_INTERRUPT = "__interrupt__"
_RESUME = "__resume__"
#: Whose writes those are that came with the input.
_NO_TASK = "00000000-0000-0000-0000-000000000000"
_TRIES = 10
_PAUSE = 0.02
#: Somebody else's question.
FOREIGN = ""


def surfaced(configurable: Mapping[str, Any], task_id: str) -> str | None:
    """The request that a task showed when it stopped last.

    Args:
        configurable: The task's own.
        task_id: The task.

    Returns:
        The request id; `FOREIGN` when the question was not ours; None when the
        checkpointer cannot tell, e.g. since the task has never stopped.
    """
    shown = [
        interrupt
        for task, channel, value in _pending_writes(configurable)
        if task == task_id and channel == _INTERRUPT
        for interrupt in (value if isinstance(value, list | tuple) else (value,))
    ]
    if not shown:
        return None
    value = getattr(shown[-1], "value", None)
    block = value.get("tyrum") if isinstance(value, dict) else None
    return str(block.get("request_id", FOREIGN)) if block else FOREIGN


def forget_plain_answer(configurable: Mapping[str, Any]) -> bool:
    """Take the answer that named no question out of the checkpoint.

    LangGraph keeps what came with `Command(resume=…)` and hands it to the next
    question too, in a later run that brought none: a person's word for one question
    would answer another that nobody has seen.

    Args:
        configurable: The task's own.

    Returns:
        Whether it is gone. A saver that works only in its own event loop cannot tell.
    """
    saver = configurable[_CHECKPOINTER]
    try:
        for _ in range(_TRIES):
            found = [where for where in _levels(configurable) if _answers(saver, where)]
            for where in found:
                saver.put_writes(where, [(_RESUME, None)], _NO_TASK)
            if found:
                return not any(_answers(saver, where) for where in found)
            time.sleep(_PAUSE)  # LangGraph writes it in the background
    except Exception:  # as in `_pending_writes`
        return False
    return True  # it was never written, e.g. with durability="exit"


def forget_old_answers(configurable: Mapping[str, Any], task_id: str) -> bool | None:
    """Take answers out of the checkpoint that this run of the task does not know.

    A run that starts at an earlier checkpoint drops the answers its tasks have had and
    asks again, yet the answers stay stored: the next resume would load them, and what
    was said to an earlier question would answer the one that is shown now.

    Args:
        configurable: The task's own.
        task_id: The task.

    Returns:
        Whether no such answer is left; None when the checkpointer cannot tell.
    """
    known = list(configurable[_SCRATCHPAD].resume)
    try:
        if len(_stored_answers(configurable, task_id)) <= len(known):
            return True
        where = {"configurable": _where(configurable)}
        configurable[_CHECKPOINTER].put_writes(where, [(_RESUME, known)], task_id)
        return len(_stored_answers(configurable, task_id)) <= len(known)
    except Exception:  # as in `_pending_writes`
        return None


def names_another(configurable: Mapping[str, Any], answer: object) -> bool:
    """Whether an answer came for the first question of a task that asks a later one.

    LangGraph takes the first interrupt's id for each interrupt of its task.

    Args:
        configurable: The task's own.
        answer: What the interrupt returned.
    """
    named = configurable.get(_RESUME_MAP) or {}
    namespace = configurable["checkpoint_ns"]
    position = len(configurable[_SCRATCHPAD].resume) - 1
    if position < 1 or answer is not named.get(_id(namespace)):
        return False
    return _id(f"{namespace}|{position}") not in named


def _id(namespace: str) -> str:
    return Interrupt.from_ns(None, ns=namespace).id


def _stored_answers(configurable: Mapping[str, Any], task_id: str) -> list[Any]:
    saved = configurable[_CHECKPOINTER].get_tuple(
        {"configurable": _where(configurable)}
    )
    stored = [
        value
        for task, channel, value in (saved.pending_writes or () if saved else ())
        if (task, channel) == (task_id, _RESUME)
    ]
    last = stored[-1] if stored else []
    return last if isinstance(last, list) else [last]


def _answers(saver: Any, where: Mapping[str, Any]) -> bool:
    saved = saver.get_tuple(where)
    return any(
        (task, channel) == (_NO_TASK, _RESUME) and value is not None
        for task, channel, value in (saved.pending_writes or () if saved else ())
    )


def _levels(configurable: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where the checkpoints of the graphs stand that this task runs in."""
    checkpoints = configurable.get("checkpoint_map") or {}
    return [
        {
            "configurable": {
                "thread_id": configurable.get("thread_id"),
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint,
            }
        }
        for namespace, checkpoint in checkpoints.items()
    ]


def _pending_writes(
    configurable: Mapping[str, Any],
) -> Iterable[tuple[str, str, Any]]:
    try:
        saved = configurable[_CHECKPOINTER].get_tuple(
            {"configurable": _where(configurable)}
        )
    except Exception:  # an async saver on its own loop, or one without the method
        return ()
    return (saved.pending_writes or ()) if saved else ()


def _where(configurable: Mapping[str, Any]) -> dict[str, Any]:
    """Where the checkpoint stands that a task belongs to."""
    parent = str(configurable.get("checkpoint_ns") or "").rpartition("|")[0]
    checkpoints = configurable.get("checkpoint_map") or {}
    return {
        "thread_id": configurable.get("thread_id"),
        "checkpoint_ns": parent,
        "checkpoint_id": checkpoints.get(parent),
    }
