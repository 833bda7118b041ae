import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from langchain_tyrum.__main__ import main

CANARY = "canary-7f3a9c51e2d84b06"


@dataclass
class Ran:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def data(self):
        """Its output, read as JSON."""
        return json.loads(self.out)


@pytest.fixture
def canary():
    """A value that no command may print."""
    return CANARY


@pytest.fixture
def store(tmp_path):
    """Where the store of a test is."""
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch):
    for name in ("TYRUM_STORE", "TYRUM_MASTER_KEY", "TYRUM_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(store, capsys, monkeypatch):
    """Run a command in this process; `value` comes through a pipe."""

    def run(*argv, value="", path=None):
        raw = value if isinstance(value, bytes) else value.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        where = ["--store", str(path or store)]
        code = main([*where, *argv])
        captured = capsys.readouterr()
        assert CANARY not in captured.out + captured.err
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture
def spawn(store):
    """Run a command as a process of its own."""

    def spawn(*argv, value="", **environment):
        env = {**os.environ, "TYRUM_STORE": str(store), **environment}
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "langchain_tyrum", *argv],
            input=value.encode(),
            capture_output=True,
            env=env,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return spawn


@pytest.fixture
def value_of(store):
    """Lease a value from the store, to see what a command has put there."""

    def value_of(name, **who):
        from langchain_tyrum.broker import CallIdentity, SecretBroker
        from langchain_tyrum.policy import SecretPolicy

        with (
            SecretBroker.local(store, policy=SecretPolicy(allow=["*"])) as broker,
            broker.lease(name, tool_id="test", call=CallIdentity(**who)) as value,
        ):
            return value.reveal_bytes()

    return value_of
