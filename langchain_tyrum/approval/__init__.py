"""Approvals: a person agrees to a use of secrets, once or for longer.

A graph that waits is answered by whoever resumes it, `Command(resume=decisions(…))`, or
from outside: `leave_answer` and `langchain-tyrum approvals answer` leave the answer in
the catalog, and the graph takes it at its next `graph.invoke(None, config)`. A process
that waits calls that from time to time, until `pending_approvals(graph, config)` is
empty. `states` holds the table of all states and ways between them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from langchain_tyrum.approval.answers import (
    GrantOption,
    approve,
    decisions,
    edit,
    reject,
    respond,
)
from langchain_tyrum.approval.binding import enroll
from langchain_tyrum.approval.calls import (
    AnswerRefused,
    BoundCall,
    NobodyToAsk,
    SecretBound,
)
from langchain_tyrum.approval.gate import aauthorize, authorize
from langchain_tyrum.approval.leaving import aleave_answer, leave_answer
from langchain_tyrum.approval.node import approval_node
from langchain_tyrum.approval.request import (
    ActionRequest,
    ApprovalRequest,
    apending_approvals,
    pending_approvals,
)

if TYPE_CHECKING:
    from langchain_tyrum.approval.middleware import (
        SecretApprovalMiddleware as SecretApprovalMiddleware,
    )

__all__ = [
    "ActionRequest",
    "AnswerRefused",
    "ApprovalRequest",
    "BoundCall",
    "GrantOption",
    "NobodyToAsk",
    "SecretApprovalMiddleware",
    "SecretBound",
    "aauthorize",
    "aleave_answer",
    "apending_approvals",
    "approval_node",
    "approve",
    "authorize",
    "decisions",
    "edit",
    "enroll",
    "leave_answer",
    "pending_approvals",
    "reject",
    "respond",
]


def __getattr__(name: str) -> Any:
    """Import the middleware when it is first used: it needs the extra `agents`."""
    if name == "SecretApprovalMiddleware":
        return _middleware().SecretApprovalMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _middleware() -> Any:
    try:
        return importlib.import_module("langchain_tyrum.approval.middleware")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "langchain":
            raise
    raise ImportError(
        "SecretApprovalMiddleware needs the package langchain: "
        "pip install 'langchain-tyrum[agents]'",
        name="langchain",
    )
