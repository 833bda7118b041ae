"""A question as a notebook shows it. What came from a model is escaped once more."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langchain_tyrum.approval.request import ApprovalRequest

_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;text-align:left"


def as_html(request: ApprovalRequest) -> str:
    """Write a question as a small piece of HTML, without script, link or image.

    Args:
        request: The question; its texts are redacted already.

    Returns:
        One block per call, in the order of the decisions, and how to answer.
    """
    head = f"{len(request.actions)} call(s) wait for approval: {request.request_id}"
    calls = "".join(
        f'<pre style="{_TEXT}">{escape(one.description)}\n'
        f"Decisions: {escape(', '.join(one.allowed))}</pre>"
        for one in request.actions
    )
    how = "graph.invoke(request.approve(), config)"
    answer = f"<p>Answer: <code>{how}</code>, or <code>request.reject('why')</code></p>"
    return f"<div><b>{escape(head)}</b>{calls}{answer}</div>"
