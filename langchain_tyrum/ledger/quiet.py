"""A fork finds every SQLite database at rest, and the child inherits none open.

SQLite keeps the locks of a process in the memory of that process. A child that is
forked while another thread writes would believe for good that somebody writes; one that
is forked while a file is merely open would believe that it holds a lock which the
system gave to the parent alone. So a fork waits until nobody uses the file, and closes
it first; both sides open it anew when they need it.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from sqlalchemy import event

if TYPE_CHECKING:
    from sqlalchemy import Engine

#: How long a fork waits for a transaction that does not end, in seconds.
_PATIENCE = 3.0

#: Set, except while this process forks.
_may_open = threading.Event()
_may_open.set()


class Turn:
    """Lets one thread at a time use a connection that all of them share."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._held = False
        _turns.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def before_fork(self) -> None:
        """Wait for whoever has the turn: the child copies what it has done."""
        self._held = self._lock.acquire(timeout=_PATIENCE)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on; in the child nobody else has the turn."""
        if self._held:
            self._lock.release()
        elif in_child:
            self._lock = threading.RLock()
        self._held = False


_turns: WeakSet[Turn] = WeakSet()
_files: WeakSet[Engine] = WeakSet()


def close_for_forks(engine: Engine) -> None:
    """Close this database in time before every fork of this process."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "do_connect", _wait_for_fork)
        _files.add(engine)


def _wait_for_fork(*_: Any) -> None:
    _may_open.wait(_PATIENCE)


def _before_fork() -> None:
    for turn in tuple(_turns):
        turn.before_fork()
    _may_open.clear()
    # In the pools that follow these, nobody gets a connection before the fork is over.
    pools = [_replaced(engine) for engine in tuple(_files)]
    until = time.monotonic() + _PATIENCE
    for pool in pools:
        # Pools that keep nothing, such as NullPool, do not count what is in use.
        in_use = getattr(pool, "checkedout", int)
        while in_use() and time.monotonic() < until:
            time.sleep(0.0005)
        pool.dispose()


def _replaced(engine: Engine) -> Any:
    pool = engine.pool
    engine.dispose(close=False)
    return pool


def _after_fork(*, in_child: bool) -> None:
    global _may_open  # noqa: PLW0603 - its own lock may be that of a thread now gone
    if in_child:
        _may_open = threading.Event()
    _may_open.set()
    for turn in tuple(_turns):
        turn.after_fork(in_child=in_child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=lambda: _after_fork(in_child=False),
        after_in_child=lambda: _after_fork(in_child=True),
    )
