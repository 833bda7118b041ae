"""What the redactor costs, beside what else one could use.

    python tests/benchmarks/redaction/bench_engines.py [--quick] [--only NAME]
        [--json FILE] [--markdown]

Every cell is measured in turns with its rivals, in one process, by CPU time; medians
and minima; read the ratios, the absolute figures depend on the machine. What is slow
is sampled on fewer calls, fewer forms or a shorter text, and the row says so.
"""

from __future__ import annotations

import argparse
import logging
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from engine_cells import exact, live, markdown, report, shapes, states, traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Cells = Callable[..., Iterator[Callable[[], report.Row]]]

SECTIONS: dict[str, Cells] = {
    "exact": exact.cells,
    "live": live.cells,
    "shapes": shapes.cells,
    "states": states.cells,
    "traces": traces.cells,
}


def measured(only: str | None, *, quick: bool) -> list[report.Row]:
    """Measure, and print each row as it comes."""
    rows = list[report.Row]()
    for name, cells in SECTIONS.items():
        if only and only != name:
            continue
        for cell in cells(quick=quick):
            try:
                row = cell()
            except Exception:
                print(f"\n{name}: a cell failed")
                traceback.print_exc()
                continue
            rows.append(row)
            print(report.show(row), flush=True)
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="at most 1,000 values")
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", action="store_true", help="the README's table")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    start = time.perf_counter()
    rows = measured(arguments.only, quick=arguments.quick)
    print(report.summary(rows))
    print(f"\n{len(rows)} rows in {time.perf_counter() - start:.0f} s")
    if arguments.json:
        report.save(rows, arguments.json)
    if arguments.markdown:
        print("\n" + markdown.table(rows))


if __name__ == "__main__":
    main()
