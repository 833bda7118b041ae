"""`secret import`: a `.env` file becomes secrets, and no value is shown."""

import sys

import pytest


@pytest.fixture
def env_file(tmp_path, canary):
    """A `.env` file with two values, an empty one, a short one and a comment."""
    file = tmp_path / ".env"
    file.write_text(
        f"# ours\nexport GITHUB_TOKEN={canary}  # the bot's\n"
        "SERP_KEY='quoted $HOME value-7'\nEMPTY=\nPORT=8080\n"
    )
    return file


class TestImport:
    def test_each_variable_becomes_a_secret(self, run, env_file, canary, value_of):
        """Names get the prefix, values are stored as they stand, handles printed."""
        chosen = ("--only", "GITHUB_TOKEN", "--only", "SERP_KEY")
        ran = run("secret", "import", str(env_file), "--prefix", "app/", *chosen)

        assert 0 == ran.code, ran.err
        rows = [line.split("\t") for line in ran.out.splitlines()]
        assert [["app/GITHUB_TOKEN", "stored"], ["app/SERP_KEY", "stored"]] == [
            row[:2] for row in rows
        ]
        assert all(row[2].startswith("tyrum://h_") for row in rows)
        assert "delete it" in ran.err
        assert canary.encode() == value_of("app/GITHUB_TOKEN")
        assert b"quoted $HOME value-7" == value_of("app/SERP_KEY")

    def test_a_dry_run_shows_names_only(self, run, env_file, store):
        """It stores nothing, makes no store and prints no part of a value."""
        ran = run("secret", "import", str(env_file), "--dry-run", "--json")

        assert 0 == ran.code
        assert [
            ("GITHUB_TOKEN", "would be stored"),
            ("SERP_KEY", "would be stored"),
            ("EMPTY", "empty"),
            ("PORT", "would be stored"),
        ] == [(row["name"], row["state"]) for row in ran.data["secrets"]]
        assert not store.exists()
        assert not any(part in ran.out + ran.err for part in ("quoted", "8080"))

    def test_what_cannot_be_stored_is_told(self, run, env_file, value_of, canary):
        """The others are stored all the same; the exit code is 1."""
        run("secret", "set", "SERP_KEY", value="another-value-1")
        ran = run("secret", "import", str(env_file))

        assert 1 == ran.code
        assert "'SERP_KEY' is taken" in ran.err
        assert "'PORT' is too short" in ran.err
        assert "2 of 4 were not stored" in ran.err
        assert not any(part in ran.out + ran.err for part in ("quoted", "8080"))
        assert "EMPTY\tempty" in ran.out
        assert canary.encode() == value_of("GITHUB_TOKEN")
        assert b"another-value-1" == value_of("SERP_KEY")

    def test_again_changes_nothing_and_replace_rotates(self, run, env_file, value_of):
        """The same file twice is fine; a changed value needs --replace."""
        only = ("--only", "SERP_KEY")
        command = ("secret", "import", str(env_file), *only)
        assert [0, 0] == [run(*command).code, run(*command).code]
        env_file.write_text("SERP_KEY=changed-value-2\n")
        assert 1 == run(*command).code
        assert 0 == run(*command, "--replace").code
        assert b"changed-value-2" == value_of("SERP_KEY")
        assert 2 == run("secret", "show", "SERP_KEY", "--json").data["version"]

    def test_whose_and_where(self, run, env_file):
        """Owner, tenant and environment are kept."""
        whose = ("--owner", "ada", "--tenant", "acme", "--environment", "prod")
        run("secret", "import", str(env_file), "--only", "GITHUB_TOKEN", *whose)

        [row] = run(
            "secret", "list", "--owner", "ada", "--tenant", "acme", "--json"
        ).data
        assert ("GITHUB_TOKEN", "prod") == (row["name"], row["environment"])


class TestMistakes:
    @pytest.mark.parametrize(
        ("raw", "told"),
        [
            (b"", "has no line NAME=value"),
            (b"just words\n", "has no line NAME=value"),
            (b"A=\xff\xfe\n", "is no UTF-8 text"),
        ],
    )
    def test_no_such_file(self, run, tmp_path, raw, told, store):
        """What is no `.env` file is refused, and no store is made."""
        file = tmp_path / "x"
        file.write_bytes(raw)

        ran = run("secret", "import", str(file))

        assert (1, True) == (ran.code, told in ran.err)
        assert not store.exists()
        assert 1 == run("secret", "import", str(tmp_path / "no")).code

    def test_a_name_that_is_not_there(self, run, env_file, canary):
        """It is not repeated: it could be a value."""
        ran = run("secret", "import", str(env_file), "--only", canary)
        assert (1, True) == (ran.code, "1 of the names given with --only" in ran.err)

    def test_without_the_extra(self, run, env_file, monkeypatch):
        """The error says what to install."""
        monkeypatch.setitem(sys.modules, "dotenv", None)
        ran = run("secret", "import", str(env_file))
        assert (1, True) == (ran.code, "langchain-tyrum[dotenv]" in ran.err)

    def test_nowhere_to_put_them(self, env_file, tmp_path, capsys, monkeypatch):
        """With read-only providers the line to add is told, and no value is read."""
        from langchain_tyrum.__main__ import main

        (tmp_path / "tyrum.toml").write_text('[providers.e]\nkind = "env"\n')
        monkeypatch.delenv("TYRUM_CONFIG", raising=False)
        monkeypatch.chdir(tmp_path)
        assert 1 == main(["secret", "import", str(env_file)])
        told = capsys.readouterr().err
        assert 'add `[providers.store]` with kind = "database"' in told
        assert "--store" in told
