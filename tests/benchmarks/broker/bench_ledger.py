"""What the ledger costs: a row alone, rows in one transaction, and to verify them.

python tests/benchmarks/broker/bench_ledger.py [--rows 1000 10000 100000]
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.ledger.audit import Event

ALONE = 500
NOTE = Event(action="note", outcome="ok", tool_id="bench", tenant="default")


def append_alone(broker: SecretBroker) -> float:
    """Microseconds for one row that is a transaction of its own, head file and all."""
    begun = time.perf_counter()
    for _ in range(ALONE):
        broker.record("note", "ok", tool_id="bench")
    return (time.perf_counter() - begun) / ALONE * 1e6


def append_together(broker: SecretBroker, count: int) -> float:
    """Microseconds for one of many rows in a transaction."""
    begun = time.perf_counter()
    with broker.catalog.transaction() as connection:
        for _ in range(count):
            row = broker.audit.append(connection, NOTE)
    broker.audit.publish(row)
    return (time.perf_counter() - begun) / count * 1e6


def verify(broker: SecretBroker) -> tuple[float, float]:
    """Rows a second, and by how many MiB the process grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    report = broker.audit.verify()
    took = time.perf_counter() - begun
    assert report.ok
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return report.rows / took, grown / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    counts = parser.parse_args().rows
    print("rows\talone us/row\ttogether us/row\tverify rows/s\tgrown MiB")
    for count in counts:
        with (
            tempfile.TemporaryDirectory() as folder,
            SecretBroker.local(Path(folder) / "tyrum.db") as broker,
        ):
            alone = append_alone(broker)
            together = append_together(broker, count - ALONE)
            speed, grown = verify(broker)
        print(f"{count}\t{alone:.0f}\t{together:.0f}\t{speed:.0f}\t{grown:.1f}")


if __name__ == "__main__":
    main()
