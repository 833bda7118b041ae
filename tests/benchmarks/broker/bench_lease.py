"""What one lease costs on SQLite, where the time goes, and that no table slows it.

    python tests/benchmarks/broker/bench_lease.py [--reps 200]

Rows of one table run interleaved in one process. Read the CPU column and the ratios:
the wall clock is mostly the disk's, which other programs use too.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import insert, select

from langchain_tyrum.broker import CallIdentity, SecretBroker
from langchain_tyrum.broker.core import Core
from langchain_tyrum.broker.lease.reserving import Reserving
from langchain_tyrum.errors import SecretNotFound
from langchain_tyrum.handles import new_id
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.headfile import HeadFile
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider
from langchain_tyrum.tools import secret_tool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME, VALUE = "github/token", "quiet-otter-7713-lamp-rail"
CALL = CallIdentity(thread_id="th", user="alice", tool_call_id="c1")
Sample = tuple[float, float]


def lease(broker: SecretBroker) -> None:
    with broker.lease(NAME, tool_id="t", call=CALL) as value:
        value.reveal()


def sampled(work: Callable[[], Any]) -> Sample:
    """Wall and CPU milliseconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def interleaved(
    variants: dict[str, Callable[[], Any]], reps: int
) -> dict[str, list[Sample]]:
    """Run all variants by turns, so that noise hits them alike."""
    found: dict[str, list[Sample]] = defaultdict(list)
    for rep in range(reps + 5):
        for name, work in variants.items():
            sample = sampled(work)
            if rep >= 5:
                found[name].append(sample)
    return found


def show(title: str, found: dict[str, list[Sample]]) -> None:
    """Print p50, p95 and CPU, and each row's ratio to the first."""
    print(f"\n{title}\n{'':34}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'ratio':>8}")
    first = None
    for name, samples in found.items():
        wall = sorted(sample[0] for sample in samples)
        cpu = statistics.median(sample[1] for sample in samples)
        first = first or cpu
        p95 = wall[int(len(wall) * 0.95)]
        print(
            f"{name:34}{statistics.median(wall):9.2f}{p95:9.2f}{cpu:9.2f}"
            f"{cpu / first:8.2f}"
        )


def fill(broker: SecretBroker, count: int) -> None:
    """Add rows to the catalog in bulk."""
    with broker.catalog.transaction() as connection:
        row = dict(connection.execute(select(schema.secrets)).mappings().one())
        rows = [
            {**row, "handle_id": new_id("h_"), "name": f"app-{n}/token", "scope": "x"}
            for n in range(count)
        ]
        connection.execute(insert(schema.secrets), rows)


def fill_grants(broker: SecretBroker, count: int) -> None:
    """Add active grants of other threads for the same user and tool."""
    with broker.catalog.transaction() as connection:
        row = dict(connection.execute(select(schema.grants)).mappings().first() or {})
        rows = [
            {**row, "grant_id": new_id("g_"), "thread_id": f"other-{n}"}
            for n in range(count)
        ]
        connection.execute(insert(schema.grants), rows)


@contextmanager
def timed_steps(broker: SecretBroker) -> Iterator[dict[str, list[float]]]:
    """Take the time of each step of a lease."""
    spent: dict[str, list[float]] = defaultdict(list)
    dialect = broker.catalog.engine.dialect
    places = [
        ("reserve, in all", Reserving, "begin"),
        ("provider", DatabaseProvider, "get"),
        ("register", Core, "cover"),
        ("outcome, in all", Reserving, "finish"),
        ("commit with fsync (one of two)", dialect, "do_commit"),
        ("head file (one of two)", HeadFile, "keep"),
    ]
    kept = [(owner, name, getattr(owner, name)) for _, owner, name in places]
    for (label, owner, name), (_, _, real) in zip(places, kept, strict=True):
        setattr(owner, name, _timing(real, spent[label]))
    yield spent
    for owner, name, real in kept:
        setattr(owner, name, real)


def _timing(real: Any, spent: list[float]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        try:
            return real(*args, **kwargs)
        finally:
            spent.append((time.perf_counter() - began) * 1e3)

    return call


class Api(BaseHTTPRequestHandler):
    """Accepts the token and nothing else."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        accepted = self.headers["Authorization"] == f"Bearer {VALUE}"
        self.send_response(200 if accepted else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def tools(broker: SecretBroker) -> dict[str, Callable[[], Any]]:
    """A real tool call with a lease, and the same call with the bare token."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = httpx.Client()
    url = f"http://127.0.0.1:{server.server_port}/issues"

    def post(title: str, token: str) -> str:
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post(url, json={"title": title}, headers=headers)
        assert answer.status_code == 200
        return "created"

    @secret_tool(broker, token=NAME)
    def create_issue(title: str, *, token: str) -> str:
        """Create an issue."""
        return post(title, token)

    return {
        "the request alone": lambda: post("x", VALUE),
        "the lease alone": lambda: lease(broker),
        "secret tool, as a whole": lambda: create_issue.invoke({"title": "x"}),
    }


def opened(folder: Path, policy: SecretPolicy | None, rows: int) -> SecretBroker:
    """A store of its own with one secret, and more rows beside it."""
    broker = SecretBroker.local(folder / f"{new_id('s_')}.db", policy=policy)
    broker.put(NAME, VALUE)
    fill(broker, rows)
    return broker


def by_catalog(few: SecretBroker, many: SecretBroker, reps: int) -> None:
    """What 100,000 secrets change."""
    sizes = {"10 secrets": few, "100,000 secrets": many}

    def run(work: Callable[[SecretBroker], Any], reps: int) -> dict[str, list[Sample]]:
        return interleaved({n: partial(work, b) for n, b in sizes.items()}, reps)

    show("a lease, by the size of the catalog (policy: allow)", run(lease, reps))
    show("decide only", run(lambda b: b.decide("t", [NAME], call=CALL), reps))
    show("an unknown name (the closest one is proposed)", run(misspelt, 10))


def misspelt(broker: SecretBroker) -> None:
    with suppress(SecretNotFound):
        broker.describe("github/tokn")


def by_step(broker: SecretBroker, reps: int) -> None:
    """Where the time of a lease goes."""
    with timed_steps(broker) as spent:
        for _ in range(reps):
            lease(broker)
    print("\nits steps, p50 ms")
    for label, values in spent.items():
        print(f"{label:34}{statistics.median(values):9.3f}")


def by_grants(folder: Path, reps: int) -> None:
    """What the grants of other threads change."""
    gated = {n: opened(folder, None, 9) for n in (10, 10_000)}
    for count, broker in gated.items():
        broker.grant(mode="session", tool_id="t", scopes=[NAME], call=CALL)
        fill_grants(broker, count - 1)
    works = {f"{n:,} active grants": partial(lease, b) for n, b in gated.items()}
    show("a lease under a session grant", interleaved(works, reps))


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=200)
    reps = parser.parse_args().reps
    with tempfile.TemporaryDirectory(prefix="tyrum-bench-") as name:
        allow = SecretPolicy(allow=["*"])
        few, many = (opened(Path(name), allow, rows) for rows in (9, 99_999))
        by_catalog(few, many, reps)
        by_step(few, reps)
        by_grants(Path(name), reps)
        show("a real tool call over loopback HTTP", interleaved(tools(few), reps))


if __name__ == "__main__":
    main()
