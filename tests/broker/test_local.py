"""The broker of one machine: files, keys and bad input."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from base64 import b64decode, b64encode

import pytest
from sqlalchemy import create_engine

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import (
    ConfigError,
    KeyMismatch,
    LedgerError,
    ProviderError,
    TyrumError,
)
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider

ALLOW = SecretPolicy(allow=["*"])


@pytest.fixture
def stored(tmp_path, canary):
    """A store with one secret in it: its path and the value."""
    raw = canary()
    with SecretBroker.local(tmp_path / "tyrum.db", policy=ALLOW) as broker:
        broker.put("k/1", raw)
    return tmp_path / "tyrum.db", raw


def value_of(broker) -> str:
    with broker.lease("k/1", tool_id="t") as value:
        return value.reveal()


class TestLocal:
    def test_survives_the_process(self, stored):
        """What one broker stored, the next one over the same file leases."""
        path, raw = stored

        with SecretBroker.local(path, policy=ALLOW) as broker:
            assert raw == value_of(broker)

    def test_a_folder_will_do(self, tmp_path, canary):
        """Given a folder, the database lies in it."""
        SecretBroker.local(tmp_path / "home").put("k/1", canary())

        assert (tmp_path / "home" / "tyrum.db").exists()

    def test_nothing_raw_on_disk(self, stored, all_bytes):
        """Database, WAL and key folder hold no raw value."""
        path, raw = stored

        data = all_bytes(path.parent)

        assert (False, True) == (raw.encode() in data, b"k/1" in data)

    def test_key_file_is_private(self, stored):
        """The key file is 0600 in a 0700 folder."""
        keys = stored[0].with_suffix(".keys")

        assert 0o700 == stat.S_IMODE(keys.stat().st_mode)
        assert 0o600 == stat.S_IMODE((keys / "master.key").stat().st_mode)

    def test_database_is_private(self, stored):
        """A new database file is readable by its user alone."""
        assert 0o600 == stat.S_IMODE(stored[0].stat().st_mode)

    def test_a_fresh_store_opens_in_many_processes(self, tmp_path):
        """Processes that open one new store at once share one key and one chain."""
        code = (
            "import sys\n"
            "from langchain_tyrum.broker import SecretBroker\n"
            "SecretBroker.local(sys.argv[1]).record('note', 'ok')\n"
        )
        path = tmp_path / "fresh" / "tyrum.db"
        running = [
            subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(4)
        ]

        assert [0] * 4 == [process.wait() for process in running]
        report = SecretBroker.local(path).audit.verify()
        assert (True, 4) == (report.ok, report.rows)

    def test_rotation_reaches_other_brokers(self, stored, canary):
        """The next lease of another process's broker sees a rotation."""
        path, _ = stored
        first = SecretBroker.local(path, policy=ALLOW)
        second = SecretBroker.local(path, policy=ALLOW)
        raw = canary()

        first.rotate("k/1", raw)

        assert raw == value_of(second)

    def test_arm_covers_what_another_process_stored(self, stored):
        """`arm` tells the redactor of values that this process never leased."""
        path, raw = stored
        broker = SecretBroker.local(path, policy=ALLOW)
        redactor = broker._core.redactor
        assert raw == redactor.redact_text(raw)

        assert 1 == broker.arm()

        assert "[REDACTED:k/1]" == redactor.redact_text(raw)

    def test_a_forked_child_goes_on(self, stored):
        """A child of a fork opens its own connections and leases."""
        path, raw = stored
        broker = SecretBroker.local(path, policy=ALLOW)
        assert raw == value_of(broker)

        child = os.fork()
        if not child:
            os._exit(0 if raw == value_of(broker) else 1)

        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class TestBadInput:
    def test_a_wrong_key(self, stored, monkeypatch, all_bytes):
        """A key that does not open the store is refused and overwrites nothing."""
        path, raw = stored
        monkeypatch.setenv("TYRUM_MASTER_KEY", b64encode(os.urandom(32)).decode())
        with pytest.raises(KeyMismatch, match="TYRUM_MASTER_KEY"):
            SecretBroker.local(path, policy=ALLOW)
        with pytest.raises(KeyMismatch):
            SecretBroker.local(path, policy=ALLOW, key=os.urandom(32))
        monkeypatch.delenv("TYRUM_MASTER_KEY")

        with SecretBroker.local(path, policy=ALLOW) as broker:
            assert raw == value_of(broker)
            assert broker.audit.verify().ok

    def test_a_lost_key(self, stored):
        """With the key gone and values there, no new key is made."""
        path, _ = stored
        (path.with_suffix(".keys") / "master.key").unlink()

        with pytest.raises(KeyMismatch):
            SecretBroker.local(path)

        assert not (path.with_suffix(".keys") / "master.key").exists()

    def test_a_malformed_key(self, tmp_path, monkeypatch):
        """A key of the wrong size is named, not repeated."""
        monkeypatch.setenv("TYRUM_MASTER_KEY", "not-thirty-two-bytes")

        with pytest.raises(ConfigError) as caught:
            SecretBroker.local(tmp_path / "t.db")

        assert "not-thirty-two" not in str(caught.value)

    def test_no_database(self, tmp_path):
        """A file that is no database stays as it is and is named."""
        path = tmp_path / "tyrum.db"
        path.write_bytes(b"these are my notes, not a database" * 40)
        before = path.read_bytes()

        with pytest.raises(LedgerError, match=r"tyrum\.db"):
            SecretBroker.local(path)

        assert before == path.read_bytes()

    def test_an_unusable_folder(self, tmp_path):
        """A folder that cannot be made is named with the mend."""
        (tmp_path / "file").write_text("x")

        with pytest.raises(LedgerError, match="name another"):
            SecretBroker.local(tmp_path / "file" / "below" / "t.db")

    def test_a_missing_provider(self, stored):
        """A secret whose provider this broker lacks is refused by name."""
        path, _ = stored
        broker = SecretBroker(
            providers={"other": SecretBroker.in_memory()._core.provider("memory")},
            catalog=f"sqlite:///{path}",
            key=b64decode((path.with_suffix(".keys") / "master.key").read_bytes()),
            policy=ALLOW,
        )

        with pytest.raises(ConfigError, match="'database'"):
            value_of(broker)

    def test_a_durable_catalog_needs_a_key(self, tmp_path):
        """Without a place for one its chain would be worthless: it is refused."""
        engine = create_engine(f"sqlite:///{tmp_path / 't.db'}")
        with pytest.raises(ConfigError, match="key="):
            SecretBroker(providers=[], catalog=engine)

    def test_the_environment_may_hold_the_key(self, tmp_path, monkeypatch, canary):
        """What TYRUM_MASTER_KEY holds serves a catalog that is named by URL."""
        text = b64encode(bytes(range(32))).decode()
        monkeypatch.setenv("TYRUM_MASTER_KEY", text)
        url = f"sqlite:///{tmp_path / 't.db'}"
        values = DatabaseProvider(url, key=bytes(range(32)))
        with SecretBroker(providers=[values], catalog=url, policy=ALLOW) as broker:
            broker.put("k", canary())

        opened = SecretBroker(providers=[values], catalog=url, key=bytes(range(32)))

        assert opened.audit.verify().ok
        opened.close()
        values.close()

    def test_errors_hold_no_value(self, stored, canary):
        """No error of the lifecycle carries a value, in text, args or context."""
        path, raw = stored
        broker = SecretBroker.local(path, policy=ALLOW)
        other = canary()
        errors = []
        for call in (
            lambda: broker.put("k/1", other),
            lambda: broker.put(other, other),
            lambda: broker.describe(other),
            lambda: broker.rotate("nope", other),
            lambda: broker.lease(f"tyrum://{other}", tool_id="t").__enter__(),
            lambda: broker.put("x/1", other, provider="nope"),
        ):
            with pytest.raises(TyrumError) as caught:
                call()
            errors.append(caught.value)

        def text(error):
            if error is None:
                return ""
            parts = [repr(error), str(vars(error)), text(error.__cause__)]
            return " ".join([*parts, text(error.__context__)])

        for error in errors:
            assert raw not in text(error)
            assert other not in text(error)


class TestArmed:
    def test_the_redactor_knows_what_is_stored(self, stored):
        """A fresh process's redactor hides what an earlier one stored."""
        path, raw = stored

        with SecretBroker.local(path, policy=ALLOW) as broker:
            assert "[REDACTED:k/1]" == broker.redactor.redact_text(raw)

    def test_the_redactor_notices_other_processes(self, stored, canary):
        """A value that another process stores or rotates is hidden at the next look."""
        path, _ = stored
        mine = SecretBroker.local(path, policy=ALLOW)
        assert "x" == mine.redactor.redact_text("x")
        other = SecretBroker.local(path, policy=ALLOW)
        rotated, added = canary(), canary()
        other.rotate("k/1", rotated)
        other.put("k/2", added)

        shown = mine.redactor.redact_text(f"{rotated} {added}")

        assert "[REDACTED:k/1] [REDACTED:k/2]" == shown

    def test_nothing_is_read_twice(self, stored, canary):
        """Looking again costs no provider call and no ledger row."""
        broker = SecretBroker.local(stored[0], policy=ALLOW)
        broker.redactor.redact_text("x")
        before = broker.audit.head()
        broker.put("k/2", canary())

        for _ in range(3):
            broker.redactor.redact_text("x")

        assert before.seq + 1 == broker.audit.head().seq

    def test_an_unreadable_value_fails_closed(self, stored):
        """A redactor that cannot be told of a stored value is not given out."""
        path, _ = stored
        connection = sqlite3.connect(path)
        with connection:
            connection.execute("UPDATE tyrum_values SET sealed = x'00'")
        connection.close()

        with SecretBroker.local(path, policy=ALLOW) as broker:
            with pytest.raises(ProviderError):
                _ = broker.redactor

    def test_the_store_of_the_environment(self, stored, monkeypatch):
        """`TYRUM_STORE` names the store for code as it does for the commands."""
        path, raw = stored
        monkeypatch.setenv("TYRUM_STORE", str(path))

        with SecretBroker.local(policy=ALLOW) as broker:
            assert raw == value_of(broker)

    def test_a_catalog_of_another_schema_is_named(self, stored):
        """A catalog made by another version is refused as it stands."""
        path, _ = stored
        connection = sqlite3.connect(path)
        with connection:
            connection.execute("UPDATE catalog_state SET schema = 99")
        connection.close()

        with pytest.raises(LedgerError, match="schema 99"):
            SecretBroker.local(path)
