"""Which brokers an unbound state key may mean, where no graph can tell it."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

_lock = threading.Lock()
_middlewares: WeakSet[Any] = WeakSet()


def offer(middleware: Any) -> None:
    """Note a middleware, whose broker a state key may mean; it is not kept alive."""
    with _lock:
        _middlewares.add(middleware)


def offered(*, alive: bool) -> tuple[Redactor, ...]:
    """Return the redactors that an unbound state key may mean, each registry once.

    A middleware sees a graph's state after its keys have taken the input, so it
    cannot bind them. It offers its broker instead, and the key looks with the eyes of
    every broker offered in this process: the right one is among them.

    Args:
        alive: Leave out middlewares that only a garbage collection has not met yet,
            which costs one.
    """
    if alive and _middlewares:
        gc.collect()
    with _lock:
        found = [each.broker.redactor for each in _middlewares]
    return tuple({id(getattr(one, "_registry", one)): one for one in found}.values())
