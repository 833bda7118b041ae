"""What is not told of somebody else's secret: its name, owner, scope and tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.broker.values.arming import Problem
from langchain_tyrum.errors import TyrumError
from langchain_tyrum.handles import SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.handles import SecretRecord
    from langchain_tyrum.ledger.secret_rows import Entry


def veiled(
    problems: Sequence[Problem],
    entries: Sequence[Entry],
    visible: Callable[[SecretRecord], bool],
) -> list[Problem]:
    """Tell of the secrets that are not the reader's by their handles alone.

    Args:
        problems: What failed.
        entries: The secrets that were tried.
        visible: Whether the reader may know of a secret.

    Returns:
        The problems. A provider's text may name tenant, owner and name, so theirs is
        replaced by one of the same kind.
    """
    seen = {
        entry.record.handle_id for entry in entries if not visible(entry.record)
    }.intersection(problem.handle_id for problem in problems)
    return [
        _nameless(problem) if problem.handle_id in seen else problem
        for problem in problems
    ]


def _nameless(problem: Problem) -> Problem:
    shown = SCHEME + problem.handle_id
    mro = type(problem.error).__mro__
    ours = (kind for kind in mro if kind.__module__ == TyrumError.__module__)
    kind = next(ours, TyrumError)
    error: TyrumError = kind(
        f"the value of {shown!r} cannot be read: whoever runs the store finds out why "
        f"with `langchain-tyrum secret show {shown}` and `langchain-tyrum doctor`",
        handle=problem.handle_id,
    )
    return Problem(shown, problem.handle_id, error)
