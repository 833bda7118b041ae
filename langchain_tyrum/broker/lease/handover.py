"""A lease that a worker thread opens and an event loop takes over."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

T = TypeVar("T")


class Handover(Generic[T]):
    """Opens a context in a thread, and closes it when nobody is left to take it.

    A thread cannot be cancelled: it goes on, commits its outcome, and only then finds
    that its caller is gone, and perhaps the event loop too.

    Args:
        context: What to open.
    """

    def __init__(self, context: AbstractContextManager[T]) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._is_open = False
        self._abandoned = False

    async def open(self) -> T:
        """Open it, in a worker thread."""
        opening = asyncio.ensure_future(asyncio.to_thread(self._enter))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_look_at)
            self._abandon()
            raise

    def close(self) -> None:
        """Close it, where it was taken over."""
        self._context.__exit__(None, None, None)

    def _enter(self) -> T:
        value = self._context.__enter__()
        with self._lock:
            self._is_open = True
            left = self._abandoned
        if left:
            self.close()
        return value

    def _abandon(self) -> None:
        with self._lock:
            self._abandoned = True
            left = self._is_open
        if left:
            self.close()


def _look_at(done: asyncio.Future[T]) -> None:
    """Take note of an error that nobody waits for."""
    if not done.cancelled():
        done.exception()
