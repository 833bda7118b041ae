"""`doctor` says what is wrong, and how to mend it; never a value."""

from __future__ import annotations

import contextlib
import io
import sqlite3
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.cli import checkup
from langchain_tyrum.ledger.master import MasterKey


@pytest.fixture(autouse=True)
def _quiet(monkeypatch, tmp_path):
    for name in (*checkup._TRACING, "TYRUM_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def filled(run, canary):
    """A store with one secret."""
    assert 0 == run("secret", "set", "github/token", value=canary).code
    return run


def states(ran):
    """The checks of a run, by name: state and what was told."""
    rows = [line.split("\t") for line in ran.out.splitlines()]
    return {name: (state, told, mend) for state, name, told, mend in rows}


def change(store, statement):
    connection = sqlite3.connect(store / "tyrum.db")
    with connection:
        assert connection.execute(statement).rowcount > 0
    connection.close()


class TestOrphans:
    def test_a_value_without_a_secret_is_a_hint(self, filled, store, canary):
        """A value that a process died over is counted; it is no failure."""
        with SecretBroker.local(store) as broker:
            broker._core.providers["database"].put("default//x/h_gone", canary)
        ran = filled("doctor")

        assert 0 == ran.code
        assert "1 values in 'database' belong to no secret" in ran.out
        assert canary not in ran.out + ran.err


class TestInOrder:
    def test_each_check_is_one_line(self, filled, store):
        """A store in order is all `ok`, but for the policy that a store cannot hold."""
        ran = filled("doctor")
        found = states(ran)

        assert 0 == ran.code
        assert [
            "store",
            "catalog",
            "key",
            "files",
            "ledger",
            "secrets",
            "leases",
            "policy",
            "environment",
            "traces",
            "engine",
        ] == list(found)
        assert ["policy"] == [n for n, (state, *_) in found.items() if state != "ok"]
        assert "every use asks a person" in found["policy"][1]
        assert str(store) in found["store"][1]
        assert found["catalog"][1].startswith("schema 2 at sqlite:///")
        assert "master.key" in found["key"][1]
        assert "1 rows" in found["ledger"][1]

    def test_json(self, filled):
        """The same as data: an overall word, and the checks in order."""
        data = filled("doctor", "--json").data

        assert data["ok"] is True
        assert {"name", "state", "told", "mend"} == set(data["checks"][0])
        assert "store" == data["checks"][0]["name"]

    def test_a_policy_and_an_environment_are_told(self, filled, store, monkeypatch):
        """What a settings file says of policy shows by the names of its layers."""
        monkeypatch.setenv("TYRUM_ENVIRONMENT", "production")
        from langchain_tyrum.policy import SecretPolicy

        policy = [SecretPolicy("deny", name="deployment"), SecretPolicy()]
        with SecretBroker.local(store, policy=policy) as broker:
            found = {c.name: c for c in checkup.check_broker(broker, tenant="default")}

        assert ("ok", "layers: deployment") == (
            found["policy"].state,
            found["policy"].told,
        )
        assert "production" == found["environment"].told


class TestOutOfOrder:
    def test_no_store_is_not_made(self, run, tmp_path, monkeypatch):
        """Where there is none yet, it says so, and makes none."""
        from langchain_tyrum.__main__ import main

        assert 0 == main(["doctor"])
        assert not (tmp_path / "data").exists()

    def test_a_store_that_was_named_and_is_not_there(self, run):
        """A misspelt path fails."""
        ran = run("doctor")

        assert 1 == ran.code
        assert "fail" == states(ran)["store"][0]
        assert "--store" in states(ran)["store"][2]

    def test_a_key_that_is_lost(self, filled, store):
        """A store that no key opens is one failed check, not a crash."""
        (store / "tyrum.keys" / "master.key").unlink()
        ran = filled("doctor")

        assert 1 == ran.code
        assert "fail" == states(ran)["store"][0]
        assert ["store", "traces", "engine"] == list(states(ran))

    def test_a_file_that_is_no_store(self, filled, store):
        """Garbage in its place is one failed check."""
        (store / "tyrum.db").write_bytes(b"garbage" * 1000)
        ran = filled("doctor")

        assert 1 == ran.code
        assert "fail" == states(ran)["store"][0]

    def test_settings_that_are_wrong(self, run, tmp_path):
        """A settings file with a mistake is one failed check that names it."""
        from langchain_tyrum.__main__ import main

        (tmp_path / "tyrum.toml").write_text("[polcy]\n")

        assert 1 == main(["doctor"])

    def test_a_ledger_that_was_altered(self, filled, store):
        """What `audit verify` would find, it finds."""
        change(store, "update ledger set tool_id = 'forged'")
        ran = filled("doctor")

        assert 1 == ran.code
        state, told, mend = states(ran)["ledger"]
        assert ("fail", True) == (state, "audit verify" in mend)
        assert "1 rows" in told

    def test_a_value_that_cannot_be_read(self, filled, store, canary):
        """A broken value is named with what broke, and is not shown."""
        change(store, "delete from tyrum_values")
        ran = filled("doctor")

        assert 1 == ran.code
        state, told, mend = states(ran)["secret"]
        assert ("fail", "github/token") == (state, told)
        assert mend != "-"

    def test_other_peoples_secrets_are_told_by_handle(self, filled, store, canary):
        """A user's broken secret shows its handle, and its name to nobody."""
        filled("secret", "set", "diary", "--owner", "ada", value="some-quiet-value-2")
        filled("secret", "set", "acme/db", "--tenant", "acme", value="quiet-value-33")
        change(store, "delete from tyrum_values")
        out = filled("doctor").out

        assert "github/token" in out
        assert not [name for name in ("diary", "ada", "acme") if name in out]
        assert 3 == sum(line.startswith("fail\tsecret\t") for line in out.splitlines())
        acme = filled("doctor", "--tenant", "acme").out
        assert "acme/db" in acme
        assert "github/token" not in acme

    def test_files_that_are_open_to_others(self, filled, store):
        """A database that others may read is a warning."""
        (store / "tyrum.db").chmod(0o644)
        ran = filled("doctor")
        state, told, mend = states(ran)["files"]

        assert (0, "warn") == (ran.code, state)
        assert "mode 644" in told
        assert mend.startswith("chmod 600 ")

    def test_an_open_key_file_fails(self, filled, store):
        """A key that others may read fails, whether or not it opens the store."""
        (store / "tyrum.keys" / "ledger.head").chmod(0o644)

        assert 1 == filled("doctor").code

    @pytest.mark.parametrize("mode", [0o640, 0o620, 0o604])
    def test_nor_may_a_group_read_or_write_it(self, filled, store, mode):
        """A file beside the key that a group or anybody may read or write fails."""
        (store / "tyrum.keys" / "ledger.head").chmod(mode)
        state, told, mend = states(filled("doctor"))["files"]

        assert "fail" == state
        assert f"mode {mode:o}" in told
        assert mend.startswith("chmod 600 ")

    @pytest.mark.parametrize("end", ["-wal", "-shm"])
    def test_files_beside_the_database(self, filled, store, end):
        """What is not yet in the database is warned of like the database."""
        with SecretBroker.local(store) as broker:
            broker.record("note", "ok")
            (store / f"tyrum.db{end}").chmod(0o644)
            ran = filled("doctor")
        state, told, _ = states(ran)["files"]

        assert (0, "warn") == (ran.code, state)
        assert f"tyrum.db{end}" in told

    def test_a_rotation_that_was_not_completed(self, filled, store):
        """An older key that is still there is a hint, with the way to drop it."""
        file = store / "tyrum.keys" / "master.key"
        newest = MasterKey.generate()
        file.write_text(f"{newest.to_text_unsafe()}\n{file.read_text()}")
        ran = filled("doctor")
        state, told, mend = states(ran)["key"]

        assert (0, "warn") == (ran.code, state)
        assert told.startswith(newest.key_id)
        assert "is still there too" in told
        assert "key rotate" in mend

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql+psycopg://tyrum:quiet-otter-77@db/x",
            "postgresql+psycopg://tyrum@db/x?sslpassword=quiet-otter-77",
        ],
    )
    def test_the_password_of_a_server_is_not_shown(self, url):
        """Where the catalog is is told without what logs in to it."""
        catalog = SimpleNamespace(engine=create_engine(url))
        (check,) = checkup._catalog(SimpleNamespace(catalog=catalog))

        assert "quiet-otter-77" not in check.told
        assert "@db/x" in check.told

    def test_leases_without_an_outcome(self, filled, store):
        """What a crash left behind is listed with the way to settle it."""
        from langchain_tyrum.ledger import schema

        with SecretBroker.local(store) as broker:
            broker.record("lease_intent", "reserved", tool_id="push")
            row = {
                "intent_seq": 2,
                "handle_ids": ["h_x"],
                "tool_id": "push",
                "tenant": "default",
                "reserved_at": datetime(2026, 1, 2, tzinfo=UTC).isoformat(),
            }
            with broker.catalog.transaction() as connection:
                connection.execute(schema.reservations.insert().values(**row))
        ran = filled("doctor")
        state, told, mend = states(ran)["lease"]

        assert (0, "warn") == (ran.code, state)
        assert "'push' began at 2026-01-02" in told
        assert "lease settle 2" in mend

    def test_a_value_that_only_its_provider_can_hold(self, run, tmp_path, monkeypatch):
        """An unset variable is named, with its own mend: `secret set` is none there."""
        from langchain_tyrum.__main__ import main

        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        text = (
            '[providers.e]\nkind="env"\n[secrets.x]\nprovider="e"\nref="GITHUB_TOKEN"'
        )
        (tmp_path / "tyrum.toml").write_text(text)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            code = main(["doctor"])

        [told] = [x for x in out.getvalue().splitlines() if x.startswith("fail")]
        assert (1, True) == (code, "'GITHUB_TOKEN' is unset or empty; set it" in told)
        assert "secret set" not in told

    def test_a_check_that_breaks_does_not_hide_the_others(self, filled, store, canary):
        """Whatever goes wrong inside a check, its text stays inside."""
        with (
            SecretBroker.local(store) as broker,
            pytest.MonkeyPatch.context() as patch,
        ):

            def broken(**_):
                raise RuntimeError(canary)

            patch.setattr(broker, "verify", broken)
            found = {c.name: c for c in checkup.check_broker(broker, tenant="default")}

        assert "cannot be looked at (RuntimeError)" == found["secrets"].told
        assert "ok" == found["leases"].state

    def test_a_provider_that_tells_the_value(self, filled, store, canary):
        """Even a provider's error that holds a value shows none."""
        from langchain_tyrum.broker import Problem
        from langchain_tyrum.errors import ProviderError

        with (
            SecretBroker.local(store) as broker,
            pytest.MonkeyPatch.context() as patch,
        ):
            broker.arm()
            problem = Problem("github/token", "h_x", ProviderError(f"got {canary}"))
            patch.setattr(broker, "verify", lambda **_: [problem])
            found = list(checkup.check_broker(broker, tenant="default"))

        assert canary not in str(found)
        assert "got [REDACTED" in str(found)


class TestProvidersThatAreGone:
    @pytest.fixture
    def moved(self, filled, store):
        """One secret in order, and one whose provider no broker here has."""
        filled("secret", "set", "old/one", value="some-quiet-value-2")
        change(store, "update secrets set provider = 'vault' where name = 'old/one'")
        return filled

    def test_one_in_use_is_a_problem(self, moved):
        """It is named with the table to add, or the command that disables it."""
        ran = moved("doctor")
        state, told, mend = states(ran)["secret"]

        assert (1, "fail") == (ran.code, state)
        assert "old/one is at 'vault', which is not configured" == told
        assert "add [providers.vault] to tyrum.toml" in mend
        assert "secret revoke old/one" in mend
        assert "policy" in states(ran)

    @pytest.mark.parametrize("status", ["revoked", "disabled"])
    def test_one_that_is_disabled_is_a_hint(self, moved, store, status):
        """What nobody can lease does not fail the command."""
        change(store, f"update secrets set status = '{status}' where name = 'old/one'")
        ran = moved("doctor")
        state, told, mend = states(ran)["secret"]

        assert (0, "warn") == (ran.code, state)
        assert told.endswith(f"not configured ({status})")
        assert "revoke" not in mend


class TestSurroundings:
    @pytest.mark.parametrize("name", checkup._TRACING)
    def test_tracing_is_a_hint(self, filled, monkeypatch, name):
        """A variable that switches tracing on is a warning, by each of its names."""
        monkeypatch.setenv(name, "true")
        ran = filled("doctor")
        state, told, mend = states(ran)["traces"]

        assert (0, "warn") == (ran.code, state)
        assert name in told
        assert "install_tracing" in mend

    def test_a_missing_engine_is_a_hint(self, filled, monkeypatch):
        """Without hyperscan everything works, slower."""
        monkeypatch.setitem(sys.modules, "hyperscan", None)
        ran = filled("doctor")

        assert (0, "warn") == (ran.code, states(ran)["engine"][0])
