"""Which broker an unbound state key means, where no graph can tell it."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from langchain_tyrum.redaction.sources import redactor_of

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

_lock = threading.Lock()
_offered: WeakSet[Any] = WeakSet()
_others: WeakSet[Any] = WeakSet()


def note(broker: Any, *, offer: bool = False) -> None:
    """Note that a graph of this process has this broker.

    Args:
        broker: The broker; it is not kept alive.
        offer: Unbound state keys may be bound to it.
    """
    with _lock:
        (_offered if offer else _others).add(broker)


def only_one() -> Redactor | None:
    """Return the redactor that an unbound state key can only mean.

    A middleware sees a graph's state after its keys have taken the input, so it
    cannot bind them. It offers its broker instead. That is the right one for certain
    only where no graph of this process has another.

    Returns:
        None where no broker, or more than one registry, was noted.
    """
    if not _offered:
        return None
    if (redactor := _shared()) is None:
        gc.collect()  # a broker that a notebook made anew may linger in a cycle
        redactor = _shared()
    return redactor


def _shared() -> Redactor | None:
    """Return the redactor of all that was noted, if they have one registry."""
    with _lock:
        sources = [*_offered, *_others]
    found = [redactor_of(source) for source in sources]
    registries = {id(getattr(each, "_registry", each)) for each in found}
    return found[0] if len(registries) == 1 else None
