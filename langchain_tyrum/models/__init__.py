"""Chat models behind a guard: what goes to a provider and what comes back."""

from langchain_tyrum.models.caches import guard_llm_cache
from langchain_tyrum.models.guard import guard_model
from langchain_tyrum.models.messages import guard_messages, guard_result
from langchain_tyrum.redaction.chunks import EventStreamGuard, MessageStreamGuard

__all__ = [
    "EventStreamGuard",
    "MessageStreamGuard",
    "guard_llm_cache",
    "guard_messages",
    "guard_model",
    "guard_result",
]
