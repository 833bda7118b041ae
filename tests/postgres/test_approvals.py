"""Questions that outlive processes: one waits, another one answers."""

from __future__ import annotations

import base64
import json
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from langchain_tyrum.__main__ import main
from langchain_tyrum.broker import SecretBroker

WAITER = Path(__file__).parents[1] / "approval" / "waiter.py"
VALUE = "walnut+lamp/Qv7-4711"
PARTS = runpy.run_path(str(WAITER))
CONFIG = PARTS["CONFIG"]


class Desk:
    """One catalog, one checkpointer, and the processes on them."""

    def __init__(self, store, server, folder):
        catalog = store.url
        self.checkpoints = str(folder / "graph.db")
        if store.kind == "postgres":
            catalog = f"postgresql+psycopg://tyrum@127.0.0.1:{server.port}/{store.name}"
            self.checkpoints = server.address(store.name)
        self.folder, self.marks = folder, folder / "marks"
        self.toml = folder / "tyrum.toml"
        self.toml.write_text(
            f'[catalog]\nurl = "{catalog}"\n'
            '[providers.default]\nkind = "database"\n'
            '[policy]\nrequire_approval = ["*"]\n'
        )
        self.processes = []
        with SecretBroker.from_config(self.toml) as broker:
            broker.put("github/token", VALUE)

    def process(self):
        where = [self.toml, self.checkpoints, self.marks]
        command = [sys.executable, "-W", "error", WAITER, *where]
        options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.processes.append(subprocess.Popen(command, **options))
        return self.processes[-1]

    def tell(self, process, order):
        """Give an order; what the process tells, None when it dies of it."""
        process.stdin.write(f"{order}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        return json.loads(answer) if answer else None

    def here(self):
        return PARTS["waiting"](self.toml, self.checkpoints, self.marks)

    def ran(self):
        return self.marks.read_text().splitlines() if self.marks.exists() else []

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait(20)
            process.stdin.close()
            process.stdout.close()


@pytest.fixture
def desk(request, store, tmp_path, monkeypatch):
    monkeypatch.setenv("TYRUM_MASTER_KEY", base64.b64encode(bytes(32)).decode())
    server = None
    if store.kind == "postgres":
        server = request.getfixturevalue("server")
        monkeypatch.setenv("PGPASSWORD", "loopback-pass-4711")
    made = Desk(store, server, tmp_path)
    yield made
    made.close()


@pytest.fixture
def cli(desk, capsys):
    """Run an `approvals` command on the catalog of the desk."""

    def cli(*argv):
        code = main(["--config", str(desk.toml), "approvals", *argv])
        captured = capsys.readouterr()
        assert VALUE not in captured.out + captured.err
        return code, captured.out, captured.err

    return cli


class TestTwoProcesses:
    def test_one_waits_and_the_other_answers(self, desk, cli):
        """A question outlives its process; the next one waits, and gets the answer."""
        killed = desk.process()
        asked = desk.tell(killed, "start")
        (request_id,) = asked["pending"]
        killed.send_signal(signal.SIGKILL)
        assert -signal.SIGKILL == killed.wait(20)

        waiter = desk.process()
        assert asked == desk.tell(waiter, "run on")
        code, out, _ = cli("list", "--json", "--checkpoints", desk.checkpoints)
        assert 0 == code
        assert [request_id] == [one["request_id"] for one in json.loads(out)]
        where = ["--checkpoints", desk.checkpoints]
        assert 0 == cli("answer", request_id, "approve", *where)[0]
        assert [] == desk.ran()

        assert {"pending": [], "finished": True} == desk.tell(waiter, "run on")
        assert [f"bug {len(VALUE)}"] == desk.ran()
        assert "" == cli("list", "--checkpoints", desk.checkpoints)[1]
        assert "consumed" in cli("list", "--all")[1]

    @pytest.mark.slow
    def test_killed_while_it_runs(self, desk, cli):
        """An execution that was killed is never repeated without a new approval."""
        waiter = desk.process()
        (first,) = desk.tell(waiter, "start")["pending"]
        assert 0 == cli("answer", first, "approve")[0]
        assert desk.tell(waiter, "die") is None
        assert -signal.SIGKILL == waiter.wait(20)
        assert [f"bug {len(VALUE)}"] == desk.ran()

        with desk.here() as graph:
            graph.invoke(None, CONFIG)
            (again,) = PARTS["pending_approvals"](graph, CONFIG)
            assert first != again.request_id
            assert "may already have run" in again.actions[0].description
            assert 1 == len(desk.ran())
            assert 0 == cli("answer", again.request_id, "reject")[0]
            graph.invoke(None, CONFIG)
            assert PARTS["told"](graph) == {"pending": [], "finished": True}
        assert 1 == len(desk.ran())
