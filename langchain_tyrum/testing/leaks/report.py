"""What a leak matrix found: which surfaces leaked what, and whether runs were alive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import TyrumError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST = 10
_BARE = ": is this graph protected? protect(graph, broker)"


class LeaksFound(TyrumError, AssertionError):
    """A leak matrix found leaks, or a run that proves nothing.

    The message is the report's table. It names canaries, never their values.
    """


@dataclass(frozen=True)
class Leak:
    """A value that stood on a surface.

    Attributes:
        way: How the graph was run.
        surface: Where the value stood.
        canary: Which value: its name, not the value.
        encoding: In which form, e.g. `raw` or `base64`.
    """

    way: str
    surface: str
    canary: str
    encoding: str


@dataclass(frozen=True)
class Trial:
    """One run of a graph, one way.

    Attributes:
        way: How it was run.
        surfaces: How many bytes were read of each surface.
        leaks: What leaked.
        dead: Why the run proves nothing; empty when it does.
    """

    way: str
    surfaces: Mapping[str, int]
    leaks: tuple[Leak, ...] = ()
    dead: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it was alive and nothing leaked."""
        return not self.leaks and not self.dead


@dataclass(frozen=True)
class LeakReport:
    """What a whole matrix found. `str(report)` is a table.

    Attributes:
        trials: One for each way.
        skipped: Ways that were not run, and why.
        protected: Whether the graph was one that `protect` returned.
    """

    trials: tuple[Trial, ...]
    skipped: Mapping[str, str]
    protected: bool = True

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """All leaks, in the order of the runs."""
        return tuple(leak for trial in self.trials for leak in trial.leaks)

    @property
    def dead(self) -> Mapping[str, tuple[str, ...]]:
        """The ways whose run proves nothing, and why not."""
        return {trial.way: trial.dead for trial in self.trials if trial.dead}

    @property
    def surfaces(self) -> Mapping[str, tuple[Leak, ...]]:
        """Every surface that was read, with what leaked there."""
        names = dict.fromkeys(name for trial in self.trials for name in trial.surfaces)
        return {
            name: tuple(leak for leak in self.leaks if leak.surface == name)
            for name in names
        }

    @property
    def ok(self) -> bool:
        """Whether something ran, every run was alive, and nothing leaked."""
        return bool(self.trials) and all(trial.ok for trial in self.trials)

    def raise_for_leaks(self) -> None:
        """Raise unless the report is ok.

        Raises:
            LeaksFound: Something leaked, or a run was not alive.
        """
        if not self.ok:
            hint = "" if self.protected else _BARE
            raise LeaksFound(f"the leak matrix is not clean{hint}\n{self}")

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    def __repr__(self) -> str:
        return (
            f"LeakReport(ok={self.ok}, trials={len(self.trials)}, "
            f"leaks={len(self.leaks)}, dead={len(self.dead)})"
        )

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001
        printer.text(str(self))


def _lines(report: LeakReport) -> Iterable[str]:
    surfaces = report.surfaces
    width = max([len(name) for name in surfaces], default=8) + 2
    sizes = {
        name: sum(trial.surfaces.get(name, 0) for trial in report.trials)
        for name in surfaces
    }
    yield f"{'surface'.ljust(width)}{'bytes read':>12}{'leaks':>8}  what, and how"
    yield "-" * (width + 40)
    for name, leaks in surfaces.items():
        words = ", ".join(sorted({f"{leak.canary} ({leak.encoding})" for leak in leaks})
                          [:3])  # fmt: skip
        yield f"{name.ljust(width)}{sizes[name]:>12,}{len(leaks):>8}  {words}".rstrip()
    yield "-" * (width + 40)
    for trial in report.trials:
        told = "; ".join(trial.dead) if trial.dead else "alive"
        yield f"{trial.way.ljust(width)}{len(trial.leaks):>20}  {told}"
    for way, why in report.skipped.items():
        yield f"{way.ljust(width)}{'-':>20}  not run: {why}"
    for leak in report.leaks[:_MOST]:
        yield f"leak: {leak.canary} as {leak.encoding} at {leak.surface}, {leak.way}"
    if len(report.leaks) > _MOST:
        yield f"and {len(report.leaks) - _MOST} more leaks"
