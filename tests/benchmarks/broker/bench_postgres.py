"""What a lease costs on PostgreSQL and on SQLite, by turns.

python tests/benchmarks/broker/bench_postgres.py [rounds]
"""

from __future__ import annotations

import importlib.util
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import event

from langchain_tyrum.ledger.engines import make_engine

_KIT = Path(__file__).parents[2] / "postgres" / "conftest.py"


def kit():
    spec = importlib.util.spec_from_file_location("postgres_kit", _KIT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lease(broker) -> float:
    start = time.perf_counter()
    with broker.lease("github/token", tool_id="t") as value:
        value.reveal()
    return (time.perf_counter() - start) * 1e3


def round_trips(engine, broker) -> dict[str, int]:
    """What goes over the wire for one lease (BEGIN and COMMIT of real transactions)."""
    seen = {"ping": 0, "statement": 0, "commit": 0}

    def count(what):
        def add(*_):
            seen[what] += 1

        return add

    watched = [("checkout", "ping"), ("before_cursor_execute", "statement")]
    listeners = [(name, count(what)) for name, what in [*watched, ("commit", "commit")]]
    for name, listener in listeners:
        event.listen(engine, name, listener)
    lease(broker)
    for name, listener in listeners:
        event.remove(engine, name, listener)
    return seen


def main(rounds: int) -> None:
    tools, folder = kit(), Path(tempfile.mkdtemp(prefix="tyrum-bench-"))
    (folder / "server").mkdir()
    folder.chmod(0o755)
    server = tools.Server(folder / "server")
    server.start()
    url = server.address(server.fresh()).replace("postgresql:", "postgresql+psycopg:")
    engines = {
        "postgres": make_engine(url),
        "sqlite": make_engine(f"sqlite:///{folder}/tyrum.db"),
    }
    stores = {name: tools.Store("", name, "") for name in engines}
    brokers = {name: stores[name].open(database=engines[name]) for name in engines}
    for broker in brokers.values():
        broker.put("github/token", "value-number-1")
        for _ in range(10):
            lease(broker)
    print("on the wire:", round_trips(engines["postgres"], brokers["postgres"]))
    took = {name: [] for name in brokers}
    for _ in range(rounds):
        for name, broker in brokers.items():
            took[name].append(lease(broker))
    for name, all_of_it in took.items():
        middle = statistics.median(all_of_it)
        late = statistics.quantiles(all_of_it, n=20)[-1]
        print(f"{name:9} median {middle:6.2f} ms   95 % {late:6.2f} ms")
    for store in stores.values():
        store.close()
    server.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
