"""What a fork leaves behind: locks of threads that are gone, and leases of the parent.

Like `logging`, a broker makes its locks anew in the child.
"""

from __future__ import annotations

import os
from typing import Any, Protocol
from weakref import WeakSet


class Forks(Protocol):
    """What has something to mend in a forked child."""

    def after_fork(self) -> None:
        """Make locks anew; called in the child before anything else runs there."""
        ...


_watched: WeakSet[Any] = WeakSet()


def watch(*parts: Forks) -> None:
    """Mend these in every child that is forked while they live."""
    for part in parts:
        _watched.add(part)


def _in_the_child() -> None:
    for part in tuple(_watched):
        part.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)
