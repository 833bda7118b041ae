import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest


class TestSet:
    def test_stores_a_value_from_a_pipe(self, run, canary, value_of):
        """A piped value is stored without its last newline; the handle is printed."""
        ran = run("secret", "set", "github/token", value=f"{canary}\n")

        assert ran.code == 0
        assert ran.out.startswith("tyrum://h_")
        assert "stored github/token (version 1, active)" in ran.err
        assert canary.encode() == value_of("github/token")

    @pytest.mark.parametrize(
        ("raw", "kept"),
        [
            (b"two-lines\nof-value\n", b"two-lines\nof-value"),
            (b"windows-line\r\n", b"windows-line"),
            (b"two-newlines\n\n", b"two-newlines\n"),
            (b"  spaces stay  ", b"  spaces stay  "),
            (b"\xff\xfe\x00 no text", b"\xff\xfe\x00 no text"),
            ("schlüssel-größe".encode(), "schlüssel-größe".encode()),
        ],
    )
    def test_what_is_kept(self, raw, kept, run, value_of, tmp_path):
        """One newline at the end is cut and nothing else, from a pipe and a file."""
        file = tmp_path / "value"
        file.write_bytes(raw)

        assert run("secret", "set", "piped", value=raw).code == 0
        assert run("secret", "set", "read", "--from-file", str(file)).code == 0
        assert [kept, kept] == [value_of("piped"), value_of("read")]

    def test_options_reach_the_record(self, run, canary):
        """Scope, environment, hosts, expiry and owner are kept."""
        ran = run(
            *("secret", "set", "db", "--scope", "db:read", "--environment", "prod"),
            *("--host", "a.example", "--host", "b.example", "--owner", "ada"),
            *("--expires", "2199-01-31", "--json"),
            value=canary,
        )

        assert ran.code == 0
        wanted = {
            "name": "db",
            "scope": "db:read",
            "environment": "prod",
            "allowed_hosts": ["a.example", "b.example"],
            "owner": "ada",
            "principal": "user",
            "expires_at": "2199-01-31T00:00:00Z",
        }
        assert wanted == {key: ran.data[key] for key in wanted}

    def test_another_value_needs_replace(self, run, canary, value_of):
        """A name that is taken is refused in the command line's own words."""
        run("secret", "set", "a", value="first-value-1")
        refused = run("secret", "set", "a", value=canary)
        same = run("secret", "set", "a", value="first-value-1")
        replaced = run("secret", "set", "a", "--replace", "--json", value=canary)

        assert (refused.code, same.code, replaced.code) == (1, 0, 0)
        assert "use `secret rotate`, or --replace" in refused.err
        assert replaced.data["version"] == 2
        assert canary.encode() == value_of("a")

    def test_short_values(self, run):
        """A short value is refused unless it is admitted on purpose."""
        refused = run("secret", "set", "pin", value="x7q9")

        assert refused.code == 1
        assert "admit a short one with --allow-short" in refused.err
        assert "x7q9" not in refused.err
        assert run("secret", "set", "pin", "--allow-short", value="x7q9").code == 0

    @pytest.mark.parametrize("value", ["", "\n", "\r\n"])
    def test_nothing_is_no_value(self, value, run):
        """An empty pipe is an error that names the ways in."""
        ran = run("secret", "set", "a", value=value)

        assert ran.code == 1
        assert "prompt, by a pipe, or with --from-file" in ran.err

    def test_a_file_that_is_not_there(self, run):
        """The error names the file and the reason."""
        ran = run("secret", "set", "a", "--from-file", "/no/such/file")

        assert ran.code == 1
        assert "'/no/such/file' cannot be used: No such file" in ran.err

    def test_an_expiry_in_the_past(self, run, canary):
        """A secret that would be expired at once is not stored."""
        for time in ("2020-01-31", "2020-01-31T12:00:00+02:00"):
            ran = run("secret", "set", "a", "--expires", time, value=canary)
            assert ran.code == 1
            assert "--expires lies in the past" in ran.err
        run("secret", "set", "b", value=canary)
        assert 1 == len(run("secret", "list", "--json").data)

    def test_a_malformed_expiry(self, run, canary):
        """A time that is none is refused before the value is read."""
        ran = run("secret", "set", "a", "--expires", "tomorrow", value=canary)

        assert ran.code == 1
        assert "--expires wants a time such as" in ran.err


class TestPrompt:
    def test_hides_what_is_typed(self, store, canary, value_of):
        """At a terminal the value is asked for, and not echoed."""
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "langchain_tyrum", "secret", "set", "github/token"],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            env={
                **os.environ,
                "TYRUM_STORE": str(store),
                "PYTHONPATH": str(Path(__file__).parents[2]),
            },
        )
        os.close(terminal)
        seen = b""
        while b"(hidden): " not in seen:
            seen += os.read(controller, 1024)
        os.write(controller, f"{canary}\n".encode())
        try:
            while chunk := os.read(controller, 1024):
                seen += chunk
        except OSError:  # Linux's way to say that the terminal is closed
            pass
        os.close(controller)

        assert process.wait() == 0
        assert b"Value of github/token (hidden): " in seen
        assert b"tyrum://h_" in seen
        assert canary.encode() not in seen
        assert canary.encode() == value_of("github/token")

    def test_refuses_to_show_it(self, run, monkeypatch, capsys):
        """A terminal whose echo cannot be switched off gets no value."""
        import getpass
        import warnings

        def shown(prompt):
            warnings.warn("no echo control", getpass.GetPassWarning, stacklevel=2)
            return "canary-7f3a9c51e2d84b06"

        class Terminal:
            def isatty(self):
                return True

        monkeypatch.setattr(getpass, "getpass", shown)
        run("secret", "set", "other", value="some-value-1")
        monkeypatch.setattr(sys, "stdin", Terminal())
        from langchain_tyrum.cli.values import read_value
        from langchain_tyrum.errors import ConfigError

        with pytest.raises(ConfigError, match="would show the value of 'a'") as caught:
            read_value("a", None)
        assert caught.value.__context__ is None


class TestListAndShow:
    def test_lists_without_values(self, run, canary):
        """Each secret is one line: name, status, version, scope, provider, handle."""
        run("secret", "set", "b", "--scope", "s:b", value=canary)
        run("secret", "set", "a", value=canary + "2")
        ran = run("secret", "list")

        rows = sorted(line.split("\t") for line in ran.out.splitlines())
        assert rows[0][:5] == ["a", "active", "v1", "a", "database"]
        assert rows[1][:5] == ["b", "active", "v1", "s:b", "database"]
        assert all(row[5].startswith("tyrum://h_") for row in rows)

    def test_json_is_an_array(self, run, canary):
        """`--json` gives the records."""
        run("secret", "set", "a", value=canary)

        assert [row["name"] for row in run("secret", "list", "--json").data] == ["a"]

    def test_an_empty_store_says_so(self, run, canary):
        """An empty list is empty output, and a word on stderr."""
        run("secret", "set", "a", "--tenant", "acme", value=canary)
        for owner in ((), ("--owner", "ada")):
            ran = run("secret", "list", *owner)

            assert (ran.code, ran.out) == (0, "")
            assert "no secrets are stored here" in ran.err

    def test_secrets_of_users_only(self, run, canary):
        """Where only users have secrets, `list` and the others name `--owner`."""
        run("secret", "set", "a", "--owner", "ada", value=canary)
        ran = run("secret", "list")

        assert (ran.code, ran.out) == (0, "")
        assert "users have 1" in ran.err
        assert "--owner USER" in ran.err
        for command in ("show", "revoke", "rotate", "reauthorize"):
            ran = run("secret", command, "a", value=canary)
            assert ran.code == 1
            assert "--owner USER" in ran.err
        ran = run("secret", "show", "b")
        assert "--owner" not in ran.err
        assert "no secret is named 'b'" in ran.err

    def test_tenants_and_owners_are_apart(self, run, canary):
        """What belongs to a user or another tenant is listed for them only."""
        run("secret", "set", "a", "--owner", "ada", value=canary)
        run("secret", "set", "b", "--tenant", "acme", value=canary)

        assert run("secret", "list").out == ""
        assert run("secret", "list", "--owner", "ada").out.startswith("a\t")
        assert run("secret", "list", "--tenant", "acme").out.startswith("b\t")

    def test_show(self, run, canary):
        """One secret, a field a line, by name or by handle."""
        handle = run("secret", "set", "a", value=canary).out.strip()
        by_name, by_handle = run("secret", "show", "a"), run("secret", "show", handle)

        assert by_name.out == by_handle.out
        assert "name\ta\n" in by_name.out
        assert "version\t1\n" in by_name.out
        assert run("secret", "show", "a", "--json").data["name"] == "a"

    def test_show_what_is_not_there(self, run, canary):
        """An unknown name is exit code 1 and one line that names the mend."""
        run("secret", "set", "a", value=canary)
        ran = run("secret", "show", "b")

        assert (ran.code, ran.out) == (1, "")
        assert len(ran.err.splitlines()) == 1
        assert "no secret is named 'b'" in ran.err

    def test_names_that_are_near_are_proposed(self, run, canary, store):
        """With where it was looked; a name that reads like a value is not repeated."""
        run("secret", "set", "github/token", value=canary)
        ran = run("secret", "show", "githb/token")

        assert (1, 1) == (ran.code, len(ran.err.splitlines()))
        assert "'githb/token': did you mean 'github/token'?" in ran.err
        assert "the services of tenant 'default'" in ran.err
        assert str(store) in ran.err
        ran = run("secret", "revoke", "9f8e7d6c5b4a39281706")
        assert (1, True) == (ran.code, "not repeated" in ran.err)
        assert "9f8e7d6c5b4a39281706" not in ran.err

    def test_nobody_elses_names_are_proposed(self, run, canary):
        """Neither a user's to services, nor a service's or tenant's to a user."""
        run("secret", "set", "ada/password", "--owner", "ada", value=canary)
        run("secret", "set", "svc/password", value=canary)
        run("secret", "set", "acme/password", "--tenant", "acme", value=canary)
        for options, near in (
            ((), "svc/password"),
            (("--owner", "ada"), "ada/password"),
            (("--tenant", "acme"), "acme/password"),
            (("--owner", "bob"), None),
        ):
            ran = run("secret", "show", "x/password", *options)
            others = {"svc/password", "ada/password", "acme/password"} - {near}
            assert 1 == ran.code
            assert near is None or f"did you mean {near!r}" in ran.err
            assert not any(name in ran.err for name in others)

    def test_one_of_another_environment(self, run, canary):
        """The environment that it is stored for is told."""
        run("secret", "set", "db", "--environment", "prod", value=canary)
        ran = run("secret", "show", "db", "--environment", "test")

        assert (1, True) == (ran.code, "with --environment (prod)" in ran.err)


class TestRotateAndRevoke:
    def test_rotate(self, run, canary, value_of):
        """A rotation keeps the handle, counts the version, serves the new value."""
        handle = run("secret", "set", "a", value="first-value-1").out
        ran = run("secret", "rotate", "a", value=canary)

        assert handle == ran.out
        assert "rotated a (version 2, active)" in ran.err
        assert canary.encode() == value_of("a")

    def test_rotate_what_is_not_there(self, run, canary):
        """An unknown name is refused before a value is asked for."""
        run("secret", "set", "a", value=canary)
        ran = run("secret", "rotate", "b", value="")

        assert ran.code == 1
        assert "no secret is named 'b'" in ran.err

    def test_revoke(self, run, canary, value_of):
        """A revoked secret is not leased, set or rotated, until it is reauthorized."""
        from langchain_tyrum.errors import SecretRevoked

        run("secret", "set", "a", value=canary)
        ran = run("secret", "revoke", "a", "--reason", "left the team", "--json")

        assert ran.data["status"] == "revoked"
        assert run("secret", "rotate", "a", value="another-value").code == 1
        assert run("secret", "set", "a", "--replace", value="another-value").code == 1
        assert "left the team" in run("audit", "tail").out
        with pytest.raises(SecretRevoked):
            value_of("a")

    def test_reauthorize(self, run, canary, value_of):
        """A revocation is lifted; without a value the stored one stays."""
        run("secret", "set", "a", value=canary)
        run("secret", "revoke", "a")
        ran = run("secret", "reauthorize", "a")

        assert ran.code == 0
        assert "reauthorized a (version 1, active)" in ran.err
        assert canary.encode() == value_of("a")

    def test_reauthorize_with_a_value(self, run, canary, value_of, tmp_path):
        """A pipe or a file brings a new version."""
        run("secret", "set", "a", value="first-value-1")
        file = tmp_path / "value"
        file.write_text(canary)
        for version, (options, value) in enumerate(
            [((), "second-value-2"), (("--from-file", str(file)), "")], start=2
        ):
            run("secret", "revoke", "a")
            ran = run("secret", "reauthorize", "a", "--json", *options, value=value)
            assert ("active", version) == (ran.data["status"], ran.data["version"])
        assert canary.encode() == value_of("a")

    def test_a_revoked_one_names_the_command(self, run, canary):
        """Who rotates a revoked secret is told how to lift that."""
        run("secret", "set", "a", value=canary)
        run("secret", "revoke", "a")
        ran = run("secret", "rotate", "a", value="another-value")
        assert "secret reauthorize" in ran.err

    def test_with_owner(self, run, canary, value_of):
        """A user's own secret is rotated and revoked under the user's name."""
        run("secret", "set", "a", "--owner", "ada", value="first-value-1")

        assert run("secret", "rotate", "a", value=canary).code == 1
        assert run("secret", "rotate", "a", "--owner", "ada", value=canary).code == 0
        assert canary.encode() == value_of("a", user="ada")
        assert run("secret", "revoke", "a", "--owner", "ada").code == 0


class TestPurge:
    @pytest.mark.parametrize(("keep", "gone"), [([], 2), (["--keep", "2"], 1)])
    def test_old_versions_are_destroyed(self, keep, gone, run, store, canary, value_of):
        """The newest versions stay, and the current one works on."""
        from langchain_tyrum.broker import SecretBroker

        handle = run("secret", "set", "a", value="first-value-1").out
        run("secret", "rotate", "a", value="second-value-2")
        run("secret", "rotate", "a", value=canary)

        ran = run("secret", "purge", "a", *keep)

        assert (0, handle) == (ran.code, ran.out)
        assert f"destroyed {gone} old versions of a (version 3, active)" in ran.err
        with SecretBroker.local(store) as broker:
            assert "purge" in [row["action"] for row in broker.audit.tail(9)]
            assert 0 == broker.purge("a", keep=3 - gone)
        assert canary.encode() == value_of("a")

    @pytest.mark.parametrize("keep", ["0", "-1"])
    def test_the_newest_is_never_destroyed(self, keep, run, canary):
        """Keeping none is refused, with the command that disables a secret."""
        run("secret", "set", "a", value=canary)
        ran = run("secret", "purge", "a", f"--keep={keep}")

        assert 1 == ran.code
        assert "`secret revoke`" in ran.err


class TestReadOnly:
    def test_what_to_add(self, tmp_path, monkeypatch, capsys):
        """Where nothing can be written, the command names the lines to add, and where.

        It says so before it asks for a value.
        """
        from langchain_tyrum.__main__ import main

        file = tmp_path / "tyrum.toml"
        file.write_text('[providers.env]\nkind = "env"\n')
        monkeypatch.delenv("TYRUM_CONFIG", raising=False)
        monkeypatch.chdir(tmp_path)

        assert 1 == main(["secret", "set", "a"])
        told = capsys.readouterr().err
        assert '`[providers.store]` with kind = "database"' in told
        assert str(file) in told


class TestWhich:
    def test_one_name_in_two_environments(self, run):
        """`--environment` says which is meant, and the list tells them apart."""
        run("secret", "set", "k", value="any-value-71")
        run("secret", "set", "k", "--environment", "production", value="live-value-71")

        run("secret", "revoke", "k", "--environment", "production")

        rows = [line.split("\t") for line in run("secret", "list").out.splitlines()]
        assert {("active", "-"), ("revoked", "production")} == {
            (row[1], row[6]) for row in rows
        }

    def test_an_owner_means_that_owners(self, run):
        """A service's secret of the same name is left alone."""
        run("secret", "set", "k", value="service-value-71")
        run("secret", "set", "k", "--owner", "ada", value="adas-value-71")

        run("secret", "revoke", "k", "--owner", "ada")

        statuses = [
            run("secret", "show", "k", *owner, "--json").data["status"]
            for owner in ((), ("--owner", "ada"))
        ]
        assert ["active", "revoked"] == statuses
