"""Which brokers an unbound state key may mean, where no graph can tell it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from langchain_tyrum.redaction.sources import redactor_of

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

_lock = threading.Lock()
_offered: WeakSet[Any] = WeakSet()


def offer(broker: Any) -> None:
    """Note that a middleware has this broker; it is not kept alive."""
    with _lock:
        _offered.add(broker)


def offered() -> tuple[Redactor, ...]:
    """Return the redactors that an unbound state key may mean, each registry once.

    A middleware sees a graph's state after its keys have taken the input, so it
    cannot bind them. It offers its broker instead, and the key looks with the eyes of
    every broker offered in this process: the right one is among them.
    """
    with _lock:
        sources = [*_offered]
    found = [redactor_of(source) for source in sources]
    return tuple({id(getattr(one, "_registry", one)): one for one in found}.values())
