"""Where the answers of a task stand: LangGraph keeps them in a list, in order.

The n-th interrupt of a task takes the n-th answer. One that stops is shown under an id
made of its task and of how many answers that has; its answer comes to stand just there.
So one position is one id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.types import Interrupt

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRATCHPAD = "__pregel_scratchpad"
_SEND = "__pregel_send"
_RESUME_MAP = "__pregel_resume_map"
_RESUME = "__resume__"


class Answers:
    """The answers that one task was given so far, and how many of them are taken.

    Args:
        configurable: The task's own.
    """

    def __init__(self, configurable: Mapping[str, Any]) -> None:
        self._pad = configurable[SCRATCHPAD]
        self._send = configurable[_SEND]
        self._named = configurable.get(_RESUME_MAP) or {}
        self._namespace = str(configurable["checkpoint_ns"])

    def __len__(self) -> int:
        return len(self._pad.resume)

    def __getitem__(self, position: int) -> Any:
        return self._pad.resume[position]

    @property
    def taken(self) -> int:
        """How many interrupts this run of the task has counted."""
        counter = self._pad.interrupt_counter._counter  # noqa: SLF001 - no other way
        # `itertools.count` tells where it stands without moving on.
        return int(repr(counter.__self__)[6:-1]) if counter else 0

    @property
    def plain(self) -> Any:
        """The answer that names no question, of this run or an earlier one; or None."""
        return self._pad.get_null_resume(False)

    def append_plain(self) -> None:
        """Give the plain answer the next position, unless somebody else took it."""
        answer = self._pad.get_null_resume(True)
        if answer is not None:
            self._pad.resume.append(answer)
            self.keep()

    def plain_stands_before(self, position: int) -> bool:
        """Whether no plain answer is about to get a position from there on.

        Another call of the task may have taken it, and not put it down yet.
        """
        plain = self.plain
        return plain is None or any(one is plain for one in self._pad.resume[:position])

    def append_none(self) -> None:
        """Leave a position empty, so that the next question gets another id."""
        self._pad.resume.append(None)

    def take(self, position: int) -> Any:
        """Take an answer out of its turn: it moves to where the next one is taken."""
        answers = self._pad.resume
        answers.insert(self.taken, answers.pop(position))
        return answers[self._pad.interrupt_counter()]

    def keep(self) -> None:
        """Have the answers stored with whatever stops the task, even if none is left.

        A run that starts at an earlier checkpoint drops those that its tasks have had,
        yet they stay stored, and the next resume would load them.
        """
        self._send([(_RESUME, list(self._pad.resume))])

    def question(self, value: Any) -> Interrupt:
        """A question whose answer will stand at the next position."""
        return Interrupt(value=value, id=self._id(len(self)))

    def is_named(self, position: int) -> bool:
        """Whether an answer came by the id of the question at its position."""
        return self._named.get(self._id(position)) is self[position]

    def is_brought(self, position: int) -> bool:
        """Whether an answer came by an id, just now."""
        return any(one is self[position] for one in self._named.values())

    def names_another(self, position: int) -> bool:
        """Whether an answer came by the id of the task's first question only.

        LangGraph takes the first id for any question of the task.
        """
        first = self._named.get(self._id(0)) is self[position]
        return position > 0 and first and not self.is_named(position)

    def _id(self, position: int) -> str:
        suffix = f"|{position}" if position else ""
        return Interrupt.from_ns(None, ns=f"{self._namespace}{suffix}").id
