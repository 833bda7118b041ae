"""Two answers to one question: for each call the stricter one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.approval.answers import Approve
from langchain_tyrum.approval.calls import AnswerRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_tyrum.approval.answers import Decided

_STRICTNESS = ("approve", "edit", "respond", "reject")


def stricter(
    left: Sequence[Decided], resumed: Sequence[Decided]
) -> tuple[Decided, ...]:
    """Join an answer that was left with one that a resume brought.

    Two people may have answered. So nothing runs to which only one of them agreed,
    and no approval reaches further than both of them said.

    Args:
        left: The decisions that were left outside the graph; they came first.
        resumed: Those of the resume, as many.

    Returns:
        One decision per call: the stricter of the two, of equals the first.

    Raises:
        AnswerRefused: Both rewrote a call, and in different ways.
    """
    return tuple(
        _stricter(first, second) for first, second in zip(left, resumed, strict=True)
    )


def _stricter(first: Decided, second: Decided) -> Decided:
    if first == second:
        return first
    if first.type != second.type:
        return max(first, second, key=lambda one: _STRICTNESS.index(one.type))
    if first.type == "approve":
        return Approve()  # they reach differently far: both agree to this call
    if first.type == "edit":
        raise AnswerRefused(
            "two answers came that rewrite a call in different ways, so nothing runs "
            "and neither is kept: answer pending_approvals(graph, config) once more"
        )
    return first
