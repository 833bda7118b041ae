"""`config check`, `config schema`, and which store a command works on."""

import json
from types import SimpleNamespace

import pytest

from langchain_tyrum.__main__ import main
from langchain_tyrum.broker.config import json_schema

GOOD = """\
[providers.database]
kind = "database"
[secrets."github/token"]
provider = "database"
[references.github]
secret = "github/token"
tools = ["t"]
[policy]
allow = ["*"]
[environments.live.policy]
deny = ["x"]
"""


@pytest.fixture(autouse=True)
def _no_config(monkeypatch):
    monkeypatch.delenv("TYRUM_CONFIG", raising=False)


@pytest.fixture
def write(tmp_path):
    def write(text=GOOD, folder="app"):
        file = tmp_path / folder / "tyrum.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


@pytest.fixture
def here(capsys, canary, tmp_path, monkeypatch):
    """Run a command in a folder, without `--store`."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def here(*argv, folder=None):
        monkeypatch.chdir(folder or tmp_path)
        code = main([*argv])
        captured = capsys.readouterr()
        assert canary not in captured.out + captured.err
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return here


class TestCheck:
    def test_a_good_file(self, run, write):
        """It says what it counted, and opens nothing."""
        file = write()

        ran = run("config", "check", str(file))

        assert 0 == ran.code
        for told in ("no problems", "secrets\t1", "references\t1", "policies\t1"):
            assert told in ran.out
        assert [file] == list(file.parent.iterdir())

    def test_for_an_environment(self, run, write):
        """Its layer counts; one that is not in the file is a problem."""
        file = write()
        ran = run(
            "config", "check", str(file.parent), "--environment", "live", "--json"
        )
        assert ("live", 2, []) == (
            ran.data["environment"],
            ran.data["policies"],
            ran.data["problems"],
        )
        ran = run("config", "check", str(file), "--environment", "liv")
        assert (1, True) == (ran.code, "did you mean 'live'" in ran.err)

    def test_problems_are_told_one_a_line(self, run, write, canary):
        """On stderr, or as JSON; the exit code is 1 either way."""
        file = write(f'polic = "{canary}"\n[catalog]\nurl = "pg://u:{canary}@h"\n')

        ran = run("config", "check", str(file))

        assert (1, "", 2) == (ran.code, ran.out, len(ran.err.splitlines()))
        assert ran.err.startswith(f"{file}:1: polic: there is no such key")
        ran = run("config", "check", str(file), "--json")
        assert (1, 2) == (ran.code, len(ran.data["problems"]))

    def test_an_environment_that_opens_a_list(self, run, write):
        """Where the top is silent a lower layer may allow: that is told, no problem."""
        text = GOOD.replace('["*"]', '["a:*"]').replace('deny = ["x"]', 'allow = ["b"]')
        file = write(text)

        ran = run("config", "check", str(file))

        assert (0, True) == (ran.code, "live may allow" in ran.err)
        ran = run("config", "check", str(file), "--json")
        assert ([], 1) == (ran.data["problems"], len(ran.data["warnings"]))
        closed = write(text.replace("[policy]", '[policy]\ndefault = "deny"'))
        for quiet in (closed, write(GOOD)):
            ran = run("config", "check", str(quiet), "--json")
            assert [] == ran.data["warnings"]

    def test_what_is_lacking_is_told(self, run, write, monkeypatch):
        """An unset variable and a file without a place for values are no problems."""
        for name in ("GITHUB_TOKEN", "TYRUM_CONFIG"):
            monkeypatch.delenv(name, raising=False)
        file = write(
            '[providers.e]\nkind = "env"\n[secrets."github/token"]\nprovider = "e"\n'
            'ref = "GITHUB_TOKEN"\n'
        )
        ran = run("config", "check", str(file))

        assert (0, 2) == (ran.code, len(ran.err.splitlines()))
        nowhere, unset = ran.err.splitlines()
        assert '[providers.store] with kind = "database"' in nowhere
        assert "'e'" in unset
        assert "'GITHUB_TOKEN' is unset or empty" in unset
        ran = run("config", "check", str(file), "--json")
        assert ([], [nowhere, unset]) == (ran.data["problems"], ran.data["warnings"])

    def test_a_reference_that_is_none(self, run, write):
        """It is a problem with its line."""
        file = write(
            '[providers.op]\nkind = "onepassword"\n'
            '[secrets.x]\nprovider = "op"\nref = "nope"\n'
        )
        ran = run("config", "check", str(file))
        assert 1 == ran.code
        assert ran.err.startswith(f"{file}:5: secrets.x.ref: ")
        assert "op://vault/item/field" in ran.err

    def test_the_file_is_found(self, here, write, monkeypatch):
        """By --config, by TYRUM_CONFIG, or nearby; else the places are told."""
        file = write()
        for ran in (
            here("config", "check", "--config", str(file)),
            here("--config", str(file), "config", "check"),
            here("config", "check", folder=file.parent),
        ):
            assert (0, True) == (ran.code, str(file) in ran.out)
        ran = here("config", "check")
        assert (1, True) == (ran.code, "no settings file" in ran.err)
        monkeypatch.setenv("TYRUM_CONFIG", str(file))
        assert 0 == here("config", "check").code


class TestSchema:
    def test_it_is_printed(self, run):
        """The output can be piped into a file for an editor."""
        ran = run("config", "schema")
        assert (0, json_schema()) == (ran.code, ran.data)


class TestStore:
    def listed(self, ran):
        assert 0 == ran.code, ran.err
        return [line.split("\t")[0] for line in ran.out.splitlines()]

    def test_the_order(self, here, run, write, store, canary, tmp_path, monkeypatch):
        """--store, --config, TYRUM_CONFIG, TYRUM_STORE, nearby, the user's own."""

        def app(name):
            text = f'[providers.e]\nkind = "env"\n[secrets.{name}]\nprovider = "e"\n'
            return write(text, name)

        given, named, nearby = app("given"), app("named"), app("nearby")
        for path, name in ((store, "stored"), (tmp_path / "other", "other")):
            assert 0 == run("secret", "set", name, value=canary, path=path).code
        listing = ("secret", "list")
        where = {"folder": nearby.parent}

        assert ["nearby"] == self.listed(here(*listing, **where))
        monkeypatch.setenv("TYRUM_STORE", str(store))
        assert ["stored"] == self.listed(here(*listing, **where))
        monkeypatch.setenv("TYRUM_CONFIG", str(named))
        assert ["named"] == self.listed(here(*listing, **where))
        with_config = (*listing, "--config", str(given))
        assert ["given"] == self.listed(here(*with_config, **where))
        both = (*with_config, "--store", str(tmp_path / "other"))
        assert ["other"] == self.listed(here(*both, **where))

    def test_without_any_it_is_the_users_own(self, here, tmp_path):
        """In the user's data folder."""
        ran = here("secret", "list")
        assert 0 == ran.code
        assert (tmp_path / "data" / "langchain-tyrum" / "tyrum.db").exists()

    def test_a_file_with_problems_stops_a_command(self, here, write):
        """Nothing is opened beside it instead."""
        file = write("polic = 1\n")
        ran = here("secret", "list", folder=file.parent)
        assert (1, True) == (ran.code, f"{file}:1: polic" in ran.err)
        assert [file] == list(file.parent.iterdir())

    def test_a_missing_file_stops_a_command(self, here, tmp_path):
        """A misspelt --config is no reason to use another store."""
        ran = here("secret", "list", "--config", str(tmp_path / "nosuch.toml"))
        assert (1, True) == (ran.code, "nosuch.toml" in ran.err)

    def test_a_declared_secret_is_set(self, here, write, canary, monkeypatch):
        """`secret set` gives it the value, `secret list` shows one entry."""
        file = write()
        value = file.parent / "value"
        value.write_text(canary)

        ran = here(
            "secret",
            "set",
            "github/token",
            "--from-file",
            str(value),
            folder=file.parent,
        )

        assert 0 == ran.code, ran.err
        listed = here("secret", "list", "--json", folder=file.parent)
        assert 1 == len(json.loads(listed.out))
