"""`run`: the command gets the values, nobody else sees them."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from langchain_tyrum.__main__ import main
from langchain_tyrum.broker import SecretBroker

RULES = """\
[providers.store]
kind = "database"
[policy]
allow = ["open:*"]
require_approval = ["asked:*"]
"""
#: Tells what the command found without saying it: length, and whether it is known.
LOOK = "import os, sys; v = os.environ.get('TOKEN', ''); print(len(v), sys.argv[1:])"


@pytest.fixture
def handles(tmp_path, canary, monkeypatch):
    """A settings file with one free secret and one that must be asked for."""
    monkeypatch.delenv("TYRUM_CONFIG", raising=False)
    with SecretBroker.from_config(write(tmp_path)) as broker:
        free = broker.put("free/token", canary, scope="open:x")
        asked = broker.put("asked/token", f"{canary}-2", scope="asked:x")
    return SimpleNamespace(free=str(free), asked=str(asked))


def write(folder):
    file = folder / "tyrum.toml"
    file.write_text(RULES)
    return file


@pytest.fixture
def run(handles, tmp_path, capsys, canary):
    """Run a command of this Python; its output is all that is seen."""

    def run(code, *options, argv=()):
        done = main(
            [
                *("run", "--config", str(tmp_path), *options),
                *("--", sys.executable, "-c", code, *argv),
            ]
        )
        told = capsys.readouterr()
        assert canary not in told.out + told.err
        return SimpleNamespace(code=done, out=told.out, err=told.err)

    return run


@pytest.fixture
def ledger(tmp_path):
    """What the ledger says of leases and grants, oldest first."""

    def rows():
        with SecretBroker.from_config(tmp_path / "tyrum.toml") as broker:
            tail = broker.audit.tail(100)
        return [(r["action"], r["tool_id"]) for r in tail if r["tool_id"]]

    return rows


class TestEnvironment:
    def test_the_command_gets_the_value(self, run, canary, ledger):
        """Under the name that was asked for; the lease is in the ledger."""
        ran = run(LOOK, "--env", "TOKEN=free/token", argv=["--a", "b"])

        assert (0, f"{len(canary)} ['--a', 'b']\n") == (ran.code, ran.out)
        assert ("lease", f"cli:{Path(sys.executable).name}") in ledger()

    def test_a_handle_in_a_variable_is_resolved(
        self, run, handles, canary, monkeypatch
    ):
        """As a whole text only; what merely holds one stays as it is."""
        monkeypatch.setenv("TOKEN", handles.free)
        monkeypatch.setenv("OTHER", f"x {handles.free}")
        ran = run(LOOK + "; print(os.environ['OTHER'])")

        assert f"{len(canary)} []\nx {handles.free}\n" == ran.out

    def test_what_opens_the_store_stays_here(self, run, monkeypatch):
        """Neither the master key nor a provider's login reaches the command."""
        for name in ("VAULT_TOKEN", "OP_SERVICE_ACCOUNT_TOKEN", "TYRUM_ENVIRONMENT"):
            monkeypatch.setenv(name, "x-marker-1")
        monkeypatch.setenv("KEPT", "x-marker-2")
        code = "import os; print(*[k for k in os.environ if 'x-m' in os.environ[k]])"

        assert "KEPT\n" == run(code, "--env", "TOKEN=free/token").out

    def test_without_any(self, run):
        """A command that gets nothing needs no `run`; the option is told."""
        ran = run("print('ran')")
        assert (1, "") == (ran.code, ran.out)
        assert "--env NAME=SECRET" in ran.err
        ran = run("print('ran')", "--env", "free/token")
        assert (1, "") == (ran.code, ran.out)


class TestOutput:
    @pytest.mark.parametrize("stream", ["stdout", "stderr"])
    def test_it_is_redacted(self, run, canary, stream):
        """Also a value that is written piece by piece, and one in base64."""
        code = (
            "import base64, os, sys\n"
            f"v, out = os.environ['TOKEN'], sys.{stream}\n"
            "for c in 'a ' + v + ' b ': out.write(c); out.flush()\n"
            "out.write(base64.b64encode(v.encode()).decode())\n"
        )
        ran = run(code, "--env", "TOKEN=free/token")

        marker = "[REDACTED:free/token]"
        assert f"a {marker} b {marker}" == (ran.out if stream == "stdout" else ran.err)

    def test_bytes_pass(self, run):
        """What is no text comes out as it went in."""
        code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 300)"
        file = io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdout", SimpleNamespace(buffer=file, flush=str))
            assert 0 == run(code, "--env", "TOKEN=free/token").code
        assert bytes(range(256)) * 300 == file.getvalue()

    @pytest.mark.parametrize(
        ("code", "status"),
        [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 143)],
    )
    def test_its_exit_code_is_ours(self, run, code, status):
        """A signal counts as shells count it."""
        assert status == run(code, "--env", "TOKEN=free/token").code

    def test_a_command_that_is_not_there(self, handles, tmp_path, capsys):
        """The reason is told, and the command is not repeated."""
        argv = ["run", "--config", str(tmp_path), "--env", "T=free/token"]
        assert 1 == main([*argv, "--", "/no/such/program"])
        assert "No such file" in capsys.readouterr().err


class TestApproval:
    def test_without_a_terminal(self, run):
        """Nothing runs; the line that would allow it is told."""
        ran = run("print('ran')", "--env", "TOKEN=asked/token")

        assert (1, "") == (ran.code, ran.out)
        assert "allow = ['asked:x'] in [policy]" in ran.err

    @pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("\n", 1), ("no\n", 1)])
    def test_at_a_terminal(self, run, monkeypatch, ledger, answer, status):
        """It is asked once for each run; only a yes lets the command run."""

        class Terminal(io.StringIO):
            def isatty(self):
                return True

        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        ran = run("print('ran')", "--env", "TOKEN=asked/token")

        assert (status, "ran\n" * (not status)) == (ran.code, ran.out)
        assert "use asked:x once? [y/N]" in ran.err
        granted = [action for action, _ in ledger() if action.startswith("grant_")]
        wanted = [] if status else ["grant_created", "grant_reserved", "grant_used"]
        assert wanted == granted
        monkeypatch.setattr(sys, "stdin", Terminal("\n"))
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        assert 1 == run("print('ran')", "--env", "TOKEN=asked/token").code


class TestDialogue:
    def test_lines_pass_at_once(self, handles, tmp_path, canary):
        """A program that answers in lines of JSON can be talked to, as MCP servers."""
        code = (
            "import json, os, sys\n"
            "for x in sys.stdin: print(json.dumps([json.loads(x), os.environ['T']]))"
        )
        command = [sys.executable, "-m", "langchain_tyrum", "run"]
        command += ["--config", str(tmp_path), "--", sys.executable, "-uc", code]
        env = {**os.environ, "T": handles.free}
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
        with subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            for number in (1, 2):
                process.stdin.write(f"{number}\n")
                process.stdin.flush()
                answer = f'[{number}, "[REDACTED:free/token]"]\n'
                assert answer == process.stdout.readline()
            process.stdin.close()
            assert "" == process.stdout.read()
        assert 0 == process.returncode
