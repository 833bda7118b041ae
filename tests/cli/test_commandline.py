import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_tyrum import __version__
from langchain_tyrum.cli import app
from langchain_tyrum.cli import main as run_command
from langchain_tyrum.cli.parsing import Parser

COMMANDS = [
    *("demo", "doctor", "secret", "reference", "policy", "grant", "approvals"),
    *("audit", "config", "lease", "key", "run", "scan"),
]


class TestUsage:
    @pytest.mark.parametrize(
        "argv",
        [
            ["secret", "set", "name", "CANARY"],
            ["secret", "set", "name", "--value", "CANARY"],
            ["secret", "set", "name", "--value=CANARY"],
            ["secret", "set", "name", "--scop=CANARY"],
            ["secret", "set", "name", "--json=CANARY"],
            ["secret", "CANARY"],
            ["CANARY"],
            ["audit", "tail", "-n", "CANARY"],
            ["secret", "set", "name", "--replace", "CANARY", "--from-file"],
        ],
    )
    def test_arguments_are_never_repeated(self, argv, run, canary):
        """A value at a wrong place is a usage error that does not show it."""
        ran = run(*(word.replace("CANARY", canary) for word in argv))

        assert (ran.code, ran.out) == (2, "")
        assert len(ran.err.splitlines()) == 1
        assert "--help" in ran.err

    def test_unknown_messages_are_not_passed_on(self, canary, capsys):
        """A message of argparse that is not known to be safe is not printed."""
        with pytest.raises(SystemExit) as leaving:
            Parser(prog="x").error(f"argument --y: no good: {canary!r}")

        assert leaving.value.code == 2
        assert canary not in capsys.readouterr().err

    def test_says_where_values_come_from(self, run, canary):
        """Who gives a value as an argument is told why not, and how else."""
        ran = run("secret", "set", "name", canary)

        assert "give it at the prompt, by a pipe or with --from-file" in ran.err

    @pytest.mark.parametrize("argv", [[], ["secret"], ["audit"], ["secret", "show"]])
    def test_incomplete(self, argv, run):
        """What is missing is named."""
        ran = run(*argv)

        assert ran.code == 2
        assert "the following arguments are required" in ran.err

    def test_help_and_version(self, run):
        """Help and version are exit code 0, on stdout."""
        help_, version = run("--help"), run("--version")

        assert (help_.code, help_.err, version.out) == (0, "", f"{__version__}\n")
        for command in ("demo", "secret", "audit"):
            assert command in help_.out

    def test_the_demo_is_wired(self, run):
        """The demo is a command of the whole program."""
        assert "leak" in run("demo", "--help").out

    def test_without_the_demo(self, capsys):
        """The commands alone know nothing of the demo."""
        assert run_command(["demo"]) == 2
        assert "demo" not in capsys.readouterr().out

    def test_choices_are_listed(self, run, canary):
        """A command that does not exist is answered with those that do."""
        typed = f"{canary} (choose from 'x')"
        for argv, choices in (
            (
                (typed,),
                ", ".join(COMMANDS),
            ),
            (("audit", typed), "tail, export, verify, keep-head"),
            (("grant", typed), "list, revoke"),
        ):
            ran = run(*argv)
            assert ran.code == 2
            assert f"invalid choice: choose from {choices}; see" in ran.err

    def test_what_was_meant_is_proposed(self, run):
        """A slip, or another program's word, is answered with ours."""
        for typed, meant in (
            (("secret", "get"), "show"),
            (("secret", "rm"), "revoke"),
            (("secret", "lst"), "list"),
            (("secret", "add"), "set"),
            (("secrets",), "secret"),
        ):
            assert f"did you mean {meant}? choose from" in run(*typed).err


class TestStore:
    def test_a_folder_that_cannot_be_made(self, run, tmp_path, monkeypatch):
        """The mend is an option, and no Python call."""
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "store.db"
        ran = run("secret", "set", "a", value="some-value-1", path=path)

        assert ran.code == 1
        assert "with --store or TYRUM_STORE" in ran.err
        assert "SecretBroker" not in ran.err

    def test_a_garbage_key_beside_values(self, run, store, canary):
        """A key that was overwritten is to be restored: a new one opens nothing."""
        run("secret", "set", "a", value=canary)
        (store / "tyrum.keys" / "master.key").write_text("garbage")
        ran = run("secret", "list")

        assert ran.code == 1
        assert "restore it" in ran.err
        assert "make one" not in ran.err

    def test_a_misspelt_path(self, run, tmp_path):
        """Only `secret set` makes a store; the others say that there is none."""
        ran = run("secret", "list", path=tmp_path / "misspelt")

        assert ran.code == 1
        assert "there is no store at" in ran.err
        assert not (tmp_path / "misspelt").exists()

    def test_options_stand_anywhere(self, run, canary, store, tmp_path):
        """`--store` and `--json` may stand before or after the command's name."""
        run("secret", "set", "a", value=canary)

        before = run("--json", "secret", "list")
        after = run("secret", "list", "--json", "--store", str(store), path=tmp_path)
        assert before.data == after.data
        assert len(before.data) == 1


class TestErrors:
    def test_a_strange_error_is_not_quoted(self, run, canary, monkeypatch):
        """Of an error that is none of ours only the class is told."""

        def broken(args, **options):
            raise ValueError(canary)

        run("secret", "set", "a", value="some-value-1")
        monkeypatch.setattr("langchain_tyrum.cli.secrets.open_broker", broken)
        ran = run("secret", "list")

        assert ran.code == 1
        assert "failed unexpectedly (ValueError)" in ran.err

    def test_interrupted(self, run, monkeypatch):
        """Ctrl-C is exit code 1 and one line."""

        def interrupted(args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("langchain_tyrum.cli.secrets.open_broker", interrupted)
        ran = run("secret", "list")

        assert (ran.code, ran.err) == (
            1,
            "langchain-tyrum: stopped; nothing more was changed\n",
        )

    def test_messages_are_one_line(self, capsys):
        """A message of several lines is joined."""
        assert app.fail("one\n  two\x1b") == 1
        assert capsys.readouterr().err == "langchain-tyrum: one two\\x1b\n"


class TestProcess:
    def test_a_session(self, spawn, canary, value_of):
        """The whole life of a secret, each step in a process of its own."""
        put = spawn("secret", "set", "github/token", value="first-value-1\n")
        steps = [
            put,
            spawn("secret", "list"),
            spawn("secret", "rotate", "github/token", value=f"{canary}\n"),
            spawn("secret", "show", "github/token", "--json"),
            spawn("audit", "verify"),
        ]

        assert [0] * 5 == [step.code for step in steps], [step.err for step in steps]
        assert steps[2].out == put.out
        assert json.loads(steps[3].out)["version"] == 2
        assert canary.encode() == value_of("github/token")
        revoked = spawn("secret", "revoke", "github/token")
        tail = spawn("audit", "tail", "--json")
        assert revoked.code == 0
        actions = [row["action"] for row in json.loads(tail.out)]
        assert [actions[0], actions[1], actions[-1]] == ["put", "rotate", "revoke"]
        steps += [revoked, tail]
        printed = "".join(step.out + step.err for step in steps)
        assert canary not in printed
        assert "first-value-1" not in printed

    def test_two_at_once(self, spawn, value_of):
        """Of two processes that set one name at once, one wins and keeps its value."""
        spawn("secret", "set", "other", value="some-value-1")
        values = [f"value-of-process-{number}" for number in range(3)]
        with ThreadPoolExecutor() as pool:
            ran = list(pool.map(lambda v: spawn("secret", "set", "a", value=v), values))

        assert sorted(one.code for one in ran) == [0, 1, 1], [one.err for one in ran]
        winner = [one.code for one in ran].index(0)
        assert values[winner].encode() == value_of("a")

    def test_exit_codes(self, spawn):
        """The process ends with the code that the command gave."""
        assert spawn("--version").code == 0
        assert spawn("secret", "list").code == 1
        assert spawn("secret", "lists").code == 2

    def test_a_malformed_key(self, spawn, canary):
        """A malformed master key is one line that does not show it."""
        ran = spawn("secret", "set", "a", value="v" * 9, TYRUM_MASTER_KEY=canary)

        assert ran.code == 1
        assert "TYRUM_MASTER_KEY must be exactly 32 bytes" in ran.err
        assert len(ran.err.splitlines()) == 1
        assert canary not in ran.err

    def test_a_reader_that_leaves(self, spawn, store, canary):
        """A closed pipe, as `head` leaves one, is no traceback."""
        spawn("secret", "set", "a", value=canary)
        program = (
            "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1);"
            "from langchain_tyrum.__main__ import main;"
            f"code = main(['secret', 'list', '--store', {str(store)!r}]);"
            "print(code, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert done.stderr == "1\n"

    def test_starts_without_the_heavy_rooms(self):
        """Help and version import neither LangChain nor the database."""
        program = (
            "import sys; from langchain_tyrum.__main__ import main; main(['--help']);"
            "print([m for m in ('langchain_core', 'langgraph', 'sqlalchemy', 'keyring',"
            " 'hyperscan') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )

        assert done.stdout.splitlines()[-1] == "[]"
