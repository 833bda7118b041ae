"""Rows: what was measured, what was promised, and how both are printed."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from engine_cells.timing import Timing

OURS = "ours"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a row has to reach.

    Attributes:
        what: What the figure is, such as `x str.replace loop`.
        figure: What was measured.
        limit: What was promised.
        sense: Whether at least or at most `limit` is asked for.
        unit: Follows both figures.
    """

    what: str
    figure: float
    limit: float
    sense: Literal["least", "most"] = "least"
    unit: str = "x"

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        if self.sense == "least":
            return self.figure >= self.limit
        return self.figure <= self.limit

    def __str__(self) -> str:
        sign = ">=" if self.sense == "least" else "<="
        return (
            f"target: {self.what} {sign} {self.limit:g}{self.unit}, measured "
            f"{self.figure:.4g}{self.unit}: {'MET' if self.met else 'MISSED'}"
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One cell of the table.

    Attributes:
        name: Names the cell, unique.
        timings: By contestant, ours first; None stands for not installed.
        size: Bytes of text, for the throughput; 0 where there is none.
        targets: What it has to reach.
        found: By contestant, how many of the planted findings it hides.
        planted: How many there are.
        notes: What else was measured.
    """

    name: str
    timings: Mapping[str, Timing | None]
    size: int = 0
    targets: tuple[Target, ...] = ()
    found: Mapping[str, int] = field(default_factory=dict)
    planted: int = 0
    notes: tuple[str, ...] = ()

    def ratio(self, name: str) -> float | None:
        """Return by how much a contestant is slower than ours; None if absent."""
        return ratio(self.timings, name)


def ratio(timings: Mapping[str, Timing | None], name: str) -> float | None:
    """Return by how much a contestant is slower than ours; None if absent."""
    ours, other = timings.get(OURS), timings.get(name)
    if ours is None or other is None:
        return None
    return other.median / ours.median


def against(
    timings: Mapping[str, Timing | None], limits: Mapping[str, float]
) -> tuple[Target, ...]:
    """Return one target for each rival that is there: how many times as fast."""
    return tuple(
        Target(what=f"x {name}", figure=measured, limit=limit)
        for name, limit in limits.items()
        if (measured := ratio(timings, name)) is not None
    )


def show(row: Row) -> str:
    """Write a row out."""
    lines = [f"\n{row.name}"]
    for name, each in row.timings.items():
        if each is None:
            lines.append(f"  {name:<26} not installed")
            continue
        speed = f"{row.size / each.median / 1e6:>9.1f} MB/s" if row.size else ""
        hides = f"  hides {row.found[name]}/{row.planted}" if name in row.found else ""
        note = f"  ({each.note})" if each.note else ""
        lines.append(
            f"  {name:<26}{each.median * 1e6:>13.1f} us{each.least * 1e6:>13.1f} min"
            f"{speed}{row.ratio(name) or 0:>10.3g}x{hides}{note} n={each.samples}"
        )
    lines += [f"  {note}" for note in row.notes]
    lines += [f"  {target}" for target in row.targets]
    return "\n".join(lines)


def summary(rows: Iterable[Row]) -> str:
    """List the targets, the missed ones first."""
    targets = [(row.name, target) for row in rows for target in row.targets]
    targets.sort(key=lambda each: each[1].met)
    met = sum(target.met for _, target in targets)
    lines = [f"\ntargets: {met} of {len(targets)} met"]
    lines += [f"  {name}: {str(target)[8:]}" for name, target in targets]
    return "\n".join(lines)


def save(rows: Iterable[Row], path: Path) -> None:
    """Write all rows as JSON."""
    out = [
        {
            **dataclasses.asdict(row),
            "ratios": {name: row.ratio(name) for name in row.timings},
            "targets": [
                {**dataclasses.asdict(each), "met": each.met} for each in row.targets
            ],
        }
        for row in rows
    ]
    path.write_text(json.dumps(out, indent=1), encoding="utf-8")
