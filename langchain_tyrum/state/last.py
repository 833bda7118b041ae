"""The channel under `guarded()` without a reducer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from langgraph.channels.base import BaseChannel
from langgraph.channels.last_value import LastValue

if TYPE_CHECKING:
    from collections.abc import Sequence


class Last(BaseChannel[Any, Any, Any]):
    """Keeps the last value, as a plain state key does, but is no `LastValue`.

    LangGraph silently prefers an earlier plain key of the same name over any
    `LastValue`, which would drop the guard; over another channel it raises.
    """

    def __init__(self, typ: Any, key: str = "") -> None:
        super().__init__(typ, key)
        self._kept: LastValue[Any] = LastValue(typ, key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Last)

    __hash__ = None  # type: ignore[assignment]

    @property
    def ValueType(self) -> Any:  # noqa: N802 - LangGraph's name
        """The type of the value in the channel."""
        return self.typ

    @property
    def UpdateType(self) -> Any:  # noqa: N802 - LangGraph's name
        """The type of the updates the channel takes."""
        return self.typ

    def from_checkpoint(self, checkpoint: Any) -> Self:
        """Make the channel that holds what was saved."""
        made = type(self)(self.typ, self.key)
        made._kept = self._kept.from_checkpoint(checkpoint)  # noqa: SLF001
        return made

    def checkpoint(self) -> Any:
        """Return what is to be saved."""
        return self._kept.checkpoint()

    def get(self) -> Any:
        """Return the value; raises EmptyChannelError before the first one."""
        return self._kept.get()

    def is_available(self) -> bool:
        """Say whether a value has come."""
        return self._kept.is_available()

    def update(self, values: Sequence[Any]) -> bool:
        """Take the one value of a step."""
        self._kept.key = self.key
        return self._kept.update(values)
