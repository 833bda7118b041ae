"""On whose behalf state is stored and read, wherever a run's code calls from."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.stored import Stored

#: Where `protect` keeps the guard of the run; a test holds the two together.
RUN_KEY = "__pregel_tyrum_run"


@dataclass
class Note:
    """What came of sealed markers while something was read.

    Attributes:
        opened: One was opened: what was read is not what is stored.
        denied: One stayed closed: it was stored for somebody else.
    """

    opened: bool = False
    denied: bool = False


_acting: ContextVar[Stored | None] = ContextVar("tyrum_acting", default=None)
_note: ContextVar[Note | None] = ContextVar("tyrum_note", default=None)
#: Returns on whose behalf something is stored just now.
acts = _acting.get
#: Ends what `act_by` began; not `reset`, since that knows one context only.
act_again = _acting.set


class acting:  # noqa: N801 - it stands in `with`, several times a step
    """Store and read on somebody's behalf, for the block.

    LangGraph hands the context on to its threads and tasks, so savers, nodes and
    tools find it. Code that starts a thread by itself is nobody's: it stores nameless
    markers and reads what is sealed as such.

    Args:
        stored: On whose behalf; None for nobody's.
    """

    __slots__ = ("_before", "_stored")

    def __init__(self, stored: Stored | None) -> None:
        self._stored = stored

    def __enter__(self) -> None:
        """Begin."""
        self._before = _acting.get()
        if self._before is not self._stored:
            _acting.set(self._stored)

    def __exit__(self, *raised: object) -> None:
        """End, and put back whoever it was before."""
        # Not `reset`: a generator may be closed from another context.
        _acting.set(self._before)


def acts_for(stored: Stored) -> bool:
    """Tell whether all that is stored here is stored on this behalf."""
    return _acting.get() is stored


def act_by(config: Any) -> Stored | None:
    """Act for whom the run in a config acts, from now on.

    LangGraph keeps what a task wrote from the thread that ended it, where no context
    is left; the config tells.

    Returns:
        Who it was before, for `act_again`.
    """
    before = _acting.get()
    run = ((config or {}).get("configurable") or {}).get(RUN_KEY)
    stored = getattr(run, "stored", None)
    if stored is not None and stored is not before:
        _acting.set(stored)
    return before


@contextmanager
def noting() -> Iterator[Note]:
    """Note what comes of sealed markers, for the block."""
    before, note = _note.get(), Note()
    _note.set(note)
    try:
        yield note
    finally:
        _note.set(before)


def note_reading(*, opened: bool, denied: bool) -> None:
    """Tell whoever notes."""
    note = _note.get()
    if note is not None:
        note.opened |= opened
        note.denied |= denied


def acts_with(redactor: Redactor) -> Stored | None:
    """Return on whose behalf something is stored that a redactor guards, if anybody's.

    Another broker's identity counts for nothing: its principals are other people.
    """
    stored = _acting.get()
    return stored if stored is not None and stored.stands_for(redactor) else None
