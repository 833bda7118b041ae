"""The table of leaks, and the proof of life beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_tyrum.demo.evidence import SURFACES, Evidence
from langchain_tyrum.demo.story import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_tyrum.demo.services import Calls

_TITLES = {
    "unprotected": "unprotected",
    "langchain": "LangChain's own",
    "tyrum": "langchain-tyrum",
}
_LEFT, _WIDE = 26, 17


@dataclass(frozen=True)
class Outcome:
    """One run: what it left behind and what the API saw of it."""

    evidence: Evidence
    calls: Calls
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether the agent came to an end by itself."""
        return self.evidence.answer is not None


def table(outcomes: Mapping[str, Outcome], *, credentials: int) -> str:
    """The whole report as text.

    Args:
        outcomes: The runs by variant.
        credentials: How many credentials each surface was searched for.

    Returns:
        Lines to print.
    """
    return "\n".join([*_leaks(outcomes, credentials), "", *_life(outcomes)])


def failures(outcomes: Mapping[str, Outcome], *, approved: bool) -> list[str]:
    """Why the demo has to fail; empty when its promise held.

    Args:
        outcomes: The runs by variant.
        approved: Whether the person agreed, so that the API must have been called.

    Returns:
        One sentence for each reason.
    """
    ours = outcomes["tyrum"]
    found = ours.evidence
    reasons = [
        f"langchain-tyrum leaked {', '.join(sorted(names))} at: {surface}"
        for surface, names in found.leaks.items()
        if names
    ]
    reasons += [
        f"the {_TITLES[name]} run did not finish"
        for name, outcome in outcomes.items()
        if not outcome.finished
    ]
    if not found.traces or not found.model_calls:
        reasons.append("no trace arrived or no model was called: nothing was proved")
    if not found.markers:
        reasons.append("no marker stands anywhere: nothing was redacted")
    if approved and sorted(ours.calls.accepted) != ["/issues", "/login"]:
        reasons.append("the API did not accept the real credentials")
    if not outcomes["unprotected"].evidence.total:
        reasons.append("the unprotected run leaked nothing: the reader is blind")
    return reasons


def _leaks(outcomes: Mapping[str, Outcome], credentials: int) -> Iterator[str]:
    yield f"credentials found, of {credentials}"
    yield _row("", [_TITLES[name] for name in VARIANTS])
    yield "-" * (_LEFT + _WIDE * len(VARIANTS))
    for surface in SURFACES:
        found = [outcomes[name].evidence.leaks.get(surface) for name in VARIANTS]
        yield _row(
            surface, ["-" if names is None else str(len(names)) for names in found]
        )
    yield "-" * (_LEFT + _WIDE * len(VARIANTS))
    yield _row("leaks", [str(outcomes[name].evidence.total) for name in VARIANTS])


def _life(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    yield _row("proof of life", [_TITLES[name] for name in VARIANTS])
    yield "-" * (_LEFT + _WIDE * len(VARIANTS))
    runs = [outcomes[name] for name in VARIANTS]
    facts = {
        "run finished": ["yes" if run.finished else "NO" for run in runs],
        "API accepted / refused": [
            f"{len(run.calls.accepted)} / {len(run.calls.refused)}" for run in runs
        ],
        "deploy key fitted": [
            "yes" if "deployed to" in (run.evidence.answer or "") else "no"
            for run in runs
        ],
        "model calls": [str(run.evidence.model_calls) for run in runs],
        "trace bodies received": [str(run.evidence.traces) for run in runs],
        "markers and handles": [str(run.evidence.markers) for run in runs],
        "bytes searched": [f"{run.evidence.bytes_read:,}" for run in runs],
        "seconds": [f"{run.seconds:.1f}" for run in runs],
    }
    for fact, values in facts.items():
        yield _row(fact, values)


def _row(left: str, cells: list[str]) -> str:
    return left.ljust(_LEFT) + "".join(cell.rjust(_WIDE) for cell in cells)
