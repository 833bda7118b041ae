"""Which question a task has really shown, as the checkpoint remembers it.

When several calls of one task stop at once, LangGraph keeps the interrupt of one of
them, and only that one is ever seen. Its payload says whose it was.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from langchain_tyrum.approval.positions import Answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHECKPOINTER = "__pregel_checkpointer"
_DURABILITY = "__pregel_durability"
_INTERRUPT = "__interrupt__"
_RESUME = "__resume__"
#: Whose writes those are that came with the input.
_NO_TASK = "00000000-0000-0000-0000-000000000000"
_PAUSE = 0.02
#: Somebody else's question, or none.
FOREIGN = ""


def surfaced(configurable: Mapping[str, Any], task_id: str) -> str | None:
    """The request that a task showed when it stopped last.

    Args:
        configurable: The task's own.
        task_id: The task.

    Returns:
        The request id; `FOREIGN` when the question was not ours, or there was none;
        None when the checkpointer cannot tell.
    """
    try:
        writes = _pending_writes(configurable)
    except Exception:  # an async saver on its own loop, or one without the method
        return None
    shown = [
        interrupt
        for task, channel, value in writes
        if task == task_id and channel == _INTERRUPT
        for interrupt in (value if isinstance(value, list | tuple) else (value,))
    ]
    value = getattr(shown[-1], "value", None) if shown else None
    block = value.get("tyrum") if isinstance(value, dict) else None
    return str(block.get("request_id", FOREIGN)) if block else FOREIGN


def forget_plain_answer(
    configurable: Mapping[str, Any], *, patient: bool = True
) -> bool:
    """Take the answer that named no question out of the checkpoint.

    LangGraph keeps what came with `Command(resume=…)` and hands it to the next
    question too, in a later run that brought none: a person's word for one question
    would answer another that nobody has seen.

    Args:
        configurable: The task's own.
        patient: Whether to wait long for LangGraph, which writes in the background.

    Returns:
        Whether it is gone. A saver that works only in its own event loop cannot tell.
    """
    if Answers(configurable).plain is None:
        return True
    try:
        return _forget(configurable, tries=250 if patient else 10)
    except Exception:  # as in `surfaced`
        return False


def _forget(configurable: Mapping[str, Any], *, tries: int) -> bool:
    saver = configurable[_CHECKPOINTER]
    at_exit = configurable.get(_DURABILITY) == "exit"  # then it is never written
    for _ in range(1 if at_exit else tries):
        found = [where for where in _levels(configurable) if _answers(saver, where)]
        for where in found:
            saver.put_writes(where, [(_RESUME, None)], _NO_TASK)
        if found:
            return not any(_answers(saver, where) for where in found)
        time.sleep(0 if at_exit else _PAUSE)
    return at_exit


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
    where = {"configurable": _where(configurable)}
    saved = configurable[_CHECKPOINTER].get_tuple(where)
    return (saved.pending_writes or ()) if saved else ()


def _where(configurable: Mapping[str, Any]) -> dict[str, Any]:
    """Where the checkpoint stands that a task belongs to."""
    checkpoints = configurable.get("checkpoint_map") or {}
    parent = _above(str(configurable.get("checkpoint_ns") or ""))
    # A function under `@task` is no graph: its checkpoint is that of its caller.
    while parent and checkpoints.get(parent, "") == checkpoints.get(_above(parent)):
        parent = _above(parent)
    return {
        "thread_id": configurable.get("thread_id"),
        "checkpoint_ns": parent,
        "checkpoint_id": checkpoints.get(parent),
    }


def _above(namespace: str) -> str:
    return namespace.rpartition("|")[0]
