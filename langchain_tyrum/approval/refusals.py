"""What stops one tool call and nothing else: the model is told, and goes on."""

from __future__ import annotations

from langgraph.errors import GraphBubbleUp

from langchain_tyrum.errors import (
    ApprovalRefused,
    SecretExpired,
    SecretForbidden,
    SecretNotFound,
    SecretRevoked,
    TyrumError,
)

#: Inside a graph these become a `ToolMessage`; what is not among them (the ledger, a
#: provider, the key, a setting) is nothing that a model can get around, and raises.
REFUSALS = (
    SecretNotFound,
    SecretRevoked,
    SecretExpired,
    SecretForbidden,
    ApprovalRefused,
)
_FORBIDDEN = (
    "Do not call it again for this; say that it is not permitted, or go on without"
)
_REJECTED = (
    "Do not repeat this call unless the user asks for it; you may go on without it"
)
_MISSING = "Go on without it, or tell the user what is missing"


def is_refusal(error: BaseException) -> bool:
    """Whether an error is told to the model in place of the tool's result.

    One that bubbles up is meant for whoever runs or resumes the graph.
    """
    return isinstance(error, REFUSALS) and not isinstance(error, GraphBubbleUp)


def told(error: TyrumError) -> str:
    """What the model is told of a refusal: why, and what it may do instead.

    Args:
        error: The refusal. One that knows better has its own `advice`.
    """
    return f"{error}. The tool did not run. {_advice(error)}"


def _advice(error: TyrumError) -> str:
    own = getattr(error, "advice", None)
    if isinstance(own, str):
        return own
    if isinstance(error, SecretForbidden):
        return _FORBIDDEN
    return _REJECTED if isinstance(error, ApprovalRefused) else _MISSING
