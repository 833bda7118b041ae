"""Traces, callbacks and logs: what observes a run sees markers, never values."""

from langchain_tyrum.traces.audit import CustomEventSink
from langchain_tyrum.traces.callbacks import guard_callbacks
from langchain_tyrum.traces.clients import guard_client
from langchain_tyrum.traces.events import RedactingCallbackHandler
from langchain_tyrum.traces.install import Uninstall, install_tracing
from langchain_tyrum.traces.logs import RedactionFilter, redaction_processor

__all__ = [
    "CustomEventSink",
    "RedactingCallbackHandler",
    "RedactionFilter",
    "Uninstall",
    "guard_callbacks",
    "guard_client",
    "install_tracing",
    "redaction_processor",
]
