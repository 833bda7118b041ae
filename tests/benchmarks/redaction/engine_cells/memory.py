"""Weighs its own process: before and after it knows so many values."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from engine_cells.corpus import values

from langchain_tyrum.redaction import Redactor


def resident() -> int:
    """Return how many bytes of the process are in memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main(count: int) -> None:
    """Print the figures as JSON."""
    from engine_cells.exact import settle

    redactor, known = Redactor(), values(count)
    redactor.redact_text("the shapes are compiled by whoever reads first")
    before, start = resident(), time.perf_counter()
    for index, value in enumerate(known):
        redactor.register(f"n{index}", value)
    registered = time.perf_counter()
    redactor.redact_text("and so are the values, by whoever reads next " * 3)
    compiled = time.perf_counter()
    settle()
    out = {
        "before": before,
        "after": resident(),
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "registered": registered - start,
        "compiled": compiled - registered,
    }
    print(json.dumps(out))


if __name__ == "__main__":
    main(int(sys.argv[1]))
