"""The two small tables that the README shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine_cells.exact import FIND, LOOP
from engine_cells.report import OURS
from engine_cells.shapes import DOZEN, KINGFISHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine_cells.report import Row

_RE, _ALL = "re alternation", "LangSmith, its 24 rules"
_PII, _SCAN = "PIIMiddleware, 12 rules", "detect-secrets"
_COLUMNS = {
    LOOP: "`str.replace`",
    _RE: "`re`",
    FIND: "`bytes.find`",
    DOZEN: "LangSmith 12",
    _ALL: "its 24",
    _PII: "PIIMiddleware",
    _SCAN: "detect-secrets",
    KINGFISHER: "Kingfisher",
}
#: How the names of the rows that are shown begin, and what they are called there.
_TEXTS = {
    "exact, 1 KB, 10 values": ("clean", "10 values, 1 KB"),
    "exact, 100 KB, 10 values": ("clean", "10 values, 100 KB"),
    "exact, 100 KB, 1,000 values": ("clean", "1,000 values, 100 KB"),
    "exact, 100 KB, 1,000 values ": ("dirty", "the same, a finding each 10 KB"),
    "exact, 100 KB, 10,000 values": ("clean", "10,000 values, 100 KB"),
    "exact, 10 MB, 1,000 values": ("clean", "1,000 values, 10 MB"),
    "shapes, 1 KB": ("clean", "shapes, 1 KB"),
    "shapes, 100 KB": ("clean", "shapes, 100 KB"),
    "shapes, 100 KB,": ("dirty", "the same, a finding each 10 KB"),
}
_STEPS = (
    "register one value",
    "one new 4 KB message",
    "put, SqliteSaver",
    "trace of a run",
    "stream",
    "memory",
)


def table(rows: Iterable[Row]) -> str:
    """Write the tables: at most twenty lines, rivals as multiples of our time."""
    rows = list(rows)
    return "\n".join([*_texts(rows), "", *_steps(rows)])


def _texts(rows: Sequence[Row]) -> list[str]:
    names = list(_COLUMNS.values())
    lines = [_line(["text", "ours", *names]), _line(["---"] * (len(names) + 2))]
    for begins, (kind, label) in _TEXTS.items():
        row = next(
            (r for r in rows if r.name.startswith(begins) and kind in r.name), None
        )
        ours = row and row.timings[OURS]
        if row is None or ours is None:
            continue
        ratios = [_times(row.ratio(name)) for name in _COLUMNS]
        lines.append(_line([label, _duration(ours.median), *ratios]))
    return lines


def _steps(rows: Sequence[Row]) -> list[str]:
    lines = [_line(["step", "measured"]), _line(["---"] * 2)]
    for begins in _STEPS:
        row = next((r for r in rows if r.name.startswith(begins) and r.targets), None)
        if row is not None:
            figures = (f"{t.figure:.3g}{t.unit} {t.what}" for t in row.targets)
            lines.append(_line([row.name, ", ".join(figures)]))
    return lines


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.2g}x"


def _duration(seconds: float) -> str:
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.3g} ms"
    return f"{seconds * 1e6:.3g} us"
