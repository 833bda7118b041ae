"""The audit trail inside the trace: each ledger row as a LangChain custom event."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackManager, dispatch_custom_event
from langchain_core.runnables import ensure_config

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What the events are called.
EVENT = "tyrum.audit"

_telling: ContextVar[bool] = ContextVar("tyrum_audit_telling", default=False)


class CustomEventSink:
    """Dispatches each row as a custom event of the run that caused it.

    Give it to `SecretBroker(audit_sinks=[…])`. Callback handlers get `on_custom_event`
    and `astream_events` yields `on_custom_event`, both with the row as data. Where no
    run is going on, e.g. in a command or at start-up, nothing happens. Rows that a
    handler causes while it is told of one are not told again.

    Args:
        name: What the events are called.
    """

    def __init__(self, name: str = EVENT) -> None:
        self._name = name

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Dispatch one row."""
        config = ensure_config()
        manager = config.get("callbacks")
        if not isinstance(manager, BaseCallbackManager) or not manager.parent_run_id:
            return
        if _telling.get():
            return
        token = _telling.set(True)
        try:
            dispatch_custom_event(self._name, dict(row), config=config)
        finally:
            _telling.reset(token)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"
