"""Which question a task has really shown, as the checkpoint remembers it.

When several calls of one task stop at once, LangGraph keeps the interrupt of one of
them, and only that one is ever seen. Its payload says whose it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_CHECKPOINTER = "__pregel_checkpointer"
_INTERRUPT = "__interrupt__"
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


def _pending_writes(
    configurable: Mapping[str, Any],
) -> Iterable[tuple[str, str, Any]]:
    parent = str(configurable.get("checkpoint_ns") or "").rpartition("|")[0]
    checkpoints = configurable.get("checkpoint_map") or {}
    where = {
        "thread_id": configurable.get("thread_id"),
        "checkpoint_ns": parent,
        "checkpoint_id": checkpoints.get(parent),
    }
    try:
        saved = configurable[_CHECKPOINTER].get_tuple({"configurable": where})
    except Exception:  # an async saver on its own loop, or one without the method
        return ()
    return (saved.pending_writes or ()) if saved else ()
