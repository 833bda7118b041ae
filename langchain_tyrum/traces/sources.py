"""Where a redactor comes from, and when two of them see the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tyrum.redaction import Redactor


class HasRedactor(Protocol):
    """Anything with a redactor, such as a `SecretBroker`."""

    @property
    def redactor(self) -> Redactor:
        """The redactor."""


RedactorSource: TypeAlias = "Redactor | HasRedactor"


def among(redactor: Redactor, known: Iterable[Redactor]) -> bool:
    """Tell whether one of these hides all that the redactor hides, as it does.

    Views of one redactor share what is registered; a view made for each run must
    not add a guard for each run.
    """
    return any(_sees(redactor) == _sees(each) for each in known)


def values_of(redactor: Any) -> object:
    """Return what stands for the values that a redactor and its views know."""
    guard = getattr(redactor, "_guard", None)
    return redactor if guard is None else guard.registry


def lasting(redactor: Redactor) -> Redactor:
    """Return the redactor without a run's memo, for guards that outlive the run."""
    guard = getattr(redactor, "_guard", None)
    if guard is None or getattr(redactor, "_memo", None) is None:
        return redactor
    return redactor.view(guard.sight, everyone=guard.sight.everyone)


def for_one_run(redactor: Redactor) -> Redactor:
    """Return a view that remembers which messages of a run are clean."""
    if getattr(redactor, "_memo", None) is not None:
        return redactor
    memoized = getattr(redactor, "memoized", None)
    return redactor if memoized is None else cast("Redactor", memoized())


def _sees(redactor: Any) -> tuple[Any, ...]:
    guard = getattr(redactor, "_guard", None)
    if guard is None:
        return (id(redactor),)
    return (id(guard.registry), guard.sight, guard.mode, id(guard.shapes))
