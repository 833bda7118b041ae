"""The master key: found beside a catalog's file, and known to the redactor."""

import base64
import os
import stat
from urllib.parse import quote

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError, KeyMismatch
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import ChainProvider, DatabaseProvider, MemoryProvider

VALUE = "quiet-otter-7713-lamp-rail"
ALLOW = SecretPolicy(allow=["*"])


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("TYRUM_MASTER_KEY", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def raw():
    return os.urandom(32)


def opened(file, **options):
    return SecretBroker(
        providers=[MemoryProvider()],
        catalog=f"sqlite:///{file}",
        policy=ALLOW,
        **options,
    )


def forms(raw):
    """The key as it may stand in text."""
    text = base64.b64encode(raw).decode()
    return [
        text,
        f"export TYRUM_MASTER_KEY='{text}'",
        base64.urlsafe_b64encode(raw).decode(),
        text.rstrip("="),
        raw.hex(),
        quote(text, safe=""),
        repr({"TYRUM_MASTER_KEY": text}),
    ]


def hidden(broker, raw):
    """The forms that the redactor lets through; a plain text it must."""
    assert "as it was" == broker.redactor.redact_text("as it was")
    return [
        form
        for form in forms(raw)
        if "[REDACTED:master-key" not in broker.redactor.redact_text(f"see {form} ok")
    ]


class TestACatalogsFile:
    def test_its_key_is_made_and_found_again(self, tmp_path):
        """As with `local`: a new store makes a key, the next process finds it."""
        file = tmp_path / "sub" / "c.db"
        with opened(file) as broker:
            broker.put("x", VALUE)
            ledger_id = broker.audit.ledger_id
        key = file.with_suffix(".keys") / "master.key"
        kept = key.read_bytes()
        with opened(file) as broker:
            assert ledger_id == broker.audit.ledger_id
            assert "x" == broker.describe("x").name
            assert broker.audit.verify().ok

        assert kept == key.read_bytes()
        for made in (file, key):
            assert 0 == stat.S_IMODE(made.stat().st_mode) & 0o077

    def test_a_store_that_lost_its_key_gets_no_other(self, tmp_path):
        """A new key would open nothing and sign over what the lost one signed."""
        file = tmp_path / "c.db"
        opened(file).close()
        (tmp_path / "c.keys" / "master.key").unlink()

        with pytest.raises(KeyMismatch, match="needs a master key"):
            opened(file)
        assert not (tmp_path / "c.keys" / "master.key").exists()

    def test_local_and_this_are_one_store(self, tmp_path):
        """What `local` made opens by its URL, and the head is kept on."""
        file = tmp_path / "c.db"
        with SecretBroker.local(file, policy=ALLOW) as broker:
            broker.put("x", VALUE)
        with opened(file) as broker:
            broker.put("y", f"{VALUE}-y")
        with SecretBroker.local(file) as broker:
            assert {"x", "y"} == {record.name for record in broker.records()}
            assert broker.audit.verify().ok

    def test_a_given_key_makes_no_file(self, tmp_path, monkeypatch, raw):
        """`key=` and `TYRUM_MASTER_KEY` come first; nothing is put beside the file."""
        opened(tmp_path / "a.db", key=raw).close()
        monkeypatch.setenv("TYRUM_MASTER_KEY", base64.b64encode(raw).decode())
        opened(tmp_path / "b.db").close()

        assert [] == [path for path in tmp_path.iterdir() if path.is_dir()]

    def test_where_there_is_no_place_for_one(self, tmp_path):
        """A URI with options names no plain file: the error tells what to give."""
        with pytest.raises(ConfigError, match="needs key=… or TYRUM_MASTER_KEY"):
            SecretBroker(
                providers=[MemoryProvider()],
                catalog=f"sqlite:///file:{tmp_path}/c.db?uri=true",
            )


class TestTheRedactor:
    def test_knows_the_key_of_the_environment(self, tmp_path, monkeypatch, raw):
        """As it stands in TYRUM_MASTER_KEY, and the forms that follow from it."""
        monkeypatch.setenv("TYRUM_MASTER_KEY", base64.b64encode(raw).decode())
        with SecretBroker.local(tmp_path, policy=ALLOW) as broker:
            broker.put("x", VALUE)
            assert [] == hidden(broker, raw)

    @pytest.mark.parametrize("chained", [False, True])
    def test_knows_the_key_of_a_provider(self, raw, chained):
        """A provider tells what it is opened with, alone or in a chain."""
        values = DatabaseProvider("sqlite://", key=raw)
        with SecretBroker(
            providers=[ChainProvider([values]) if chained else values],
            catalog="sqlite://",
            policy=ALLOW,
        ) as broker:
            assert [] == hidden(broker, raw)

    def test_knows_the_key_of_the_ledger(self, tmp_path, raw):
        """Also where no value is sealed by it."""
        with opened(tmp_path / "c.db", key=raw) as broker:
            assert [] == hidden(broker, raw)

    def test_knows_the_key_that_a_rotation_brought(self, tmp_path, raw):
        """The old one stays covered: what was written under it may still be read."""
        new = os.urandom(32)
        with SecretBroker.local(tmp_path, policy=ALLOW, key=raw) as broker:
            broker.put("x", VALUE)
            broker.rotate_master_key(new)

            assert ([], []) == (hidden(broker, raw), hidden(broker, new))

    def test_a_key_that_is_no_random_one_stands_in_nobodys_way(self):
        """Such as tests use: it cannot be told from plain text, and opens the store."""
        values = DatabaseProvider("sqlite://", key=bytes(32))
        with SecretBroker(providers=[values], catalog="sqlite://") as broker:
            assert broker.put("x", VALUE).name == "x"

    def test_a_key_that_cannot_be_found_yet(self):
        """Opening goes on; the first value that is sealed says what is wrong."""

        def nowhere():
            raise KeyMismatch("there is no key")

        values = DatabaseProvider("sqlite://", key=nowhere)
        with (
            SecretBroker(providers=[values], catalog="sqlite://") as broker,
            pytest.raises(KeyMismatch),
        ):
            broker.put("x", VALUE)
