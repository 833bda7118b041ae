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


@contextmanager
def acting(stored: Stored | None) -> Iterator[None]:
    """Store and read on somebody's behalf, for the block.

    LangGraph hands the context on to its threads and tasks, so savers, nodes and
    tools find it. Code that starts a thread by itself is nobody's: it stores nameless
    markers and reads what is sealed as such.
    """
    before = _acting.get()
    _acting.set(stored)
    try:
        yield
    finally:
        # Not `reset`: a generator may be closed from another context.
        _acting.set(before)


@contextmanager
def acting_by(config: Any) -> Iterator[None]:
    """Act for whom the run in a config acts, for the block.

    LangGraph keeps what a task wrote from the thread that ended it, where no context
    is left; the config tells.
    """
    run = ((config or {}).get("configurable") or {}).get(RUN_KEY)
    stored = getattr(run, "stored", None)
    if stored is None:
        yield
        return
    with acting(stored):
        yield


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
