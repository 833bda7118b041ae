"""Tracing guards, installed once for each broker."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

from langchain_tyrum.traces import install_tracing

if TYPE_CHECKING:
    from langchain_tyrum.broker import SecretBroker

_lock = threading.Lock()
_installed: weakref.WeakSet[Any] = weakref.WeakSet()


def ensure_tracing(broker: SecretBroker) -> None:
    """Guard tracing and logging of this process against a broker's values.

    Clients are guarded in place and for as long as the broker lives, since traces
    are sent in the background, after a run is over.
    """
    with _lock:
        if broker in _installed:
            return
        uninstall = install_tracing(broker.redactor)
        _installed.add(broker)
        # Not at exit: clients still flush then.
        weakref.finalize(broker, uninstall).atexit = False
