"""What a saver gives back past its serializer: metadata, and some channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.state import compat
from langchain_tyrum.state.guard import may_be_sealed

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple

    from langchain_tyrum.state.guard import Guard

_WHAT = "a checkpoint"


def open_tuple(guard: Guard, saved: CheckpointTuple, saver: type) -> CheckpointTuple:
    """Open what was sealed for whom it is read.

    What went through a guarded serializer is open already. Savers keep metadata as
    JSON, some of them short values too, and a saver of another make anything.

    Args:
        guard: The saver's.
        saved: What the saver read.
        saver: The saver's class.

    Returns:
        The same tuple when nothing in it was sealed.
    """
    if not compat.writes_through_serde(saver):
        return _open_all(guard, saved)
    changed = {}
    if may_be_sealed(saved.metadata):
        changed["metadata"] = guard.opened(saved.metadata, "checkpoint metadata")
    values = saved.checkpoint["channel_values"]
    short = {name: value for name, value in values.items() if type(value) is str}
    if may_be_sealed(short):
        opened = {**values, **guard.opened(short, _WHAT)}
        changed["checkpoint"] = {**saved.checkpoint, "channel_values": opened}
    return saved._replace(**changed) if changed else saved


class Sought:
    """What a listing looks for. Where values were sealed, a saver cannot look itself.

    Some compare what they wrote, others what they read again, so what holds a value
    is compared here, with what is open.

    Attributes:
        named: What the saver is asked for.
    """

    def __init__(self, guard: Guard, named: dict[str, Any]) -> None:
        asked = named.get("filter") or {}
        pairs = [{key: value} for key, value in asked.items()]
        odd = [pair for pair in pairs if guard.clean(pair, "a filter") is not pair]
        self._odd = {key: value for pair in odd for key, value in pair.items()}
        self._left = named.get("limit") if odd else None
        self.named = named
        if odd:
            rest = {key: value for key, value in asked.items() if key not in self._odd}
            self.named = {**named, "filter": rest or None, "limit": None}

    @property
    def complete(self) -> bool:
        """Whether as many were found as were asked for."""
        return self._left is not None and self._left <= 0

    def fits(self, saved: CheckpointTuple) -> bool:
        """Tell whether a tuple is among those asked for, and count it."""
        metadata: Any = saved.metadata
        if any(metadata.get(key) != value for key, value in self._odd.items()):
            return False
        if self._left is not None:
            self._left -= 1
        return True


def _open_all(guard: Guard, saved: CheckpointTuple) -> CheckpointTuple:
    kept = [saved.checkpoint, saved.metadata, saved.pending_writes]
    opened = guard.opened(kept, _WHAT)
    if opened is kept:
        return saved
    checkpoint, metadata, writes = opened
    return saved._replace(
        checkpoint=checkpoint, metadata=metadata, pending_writes=writes
    )
