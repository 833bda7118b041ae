"""What a `tyrum.toml` opens: catalog, master key and providers."""

import base64
import contextlib
import os
import sqlite3
import stat
import sys
from importlib.metadata import EntryPoint

import pytest

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.errors import ConfigError, KeyMismatch, TyrumError
from langchain_tyrum.ledger import keys
from langchain_tyrum.providers import kinds

VALUE = "quiet-otter-7713-lamp"
DB = '[providers.db]\nkind = "database"\n[policy]\nallow = ["*"]\n'

THIRD_PARTY = """\
from pathlib import Path

from langchain_tyrum.errors import ProviderError
from langchain_tyrum.providers import BaseProvider


class Acme(BaseProvider):
    def __init__(
        self,
        url: str,
        *,
        label: str = "acme",
        path: "str | Path" = "x",
        retries: int = 1,
        client: "Client | None" = None,
    ) -> None:
        super().__init__(label)
        if retries > 5:
            raise ProviderError(f"too many retries at {url}")
        if retries < 0:
            raise RuntimeError(f"no {url}")
        Acme.made = (url, path, retries)

    def get(self, name, *, version=None):
        return f"{name} of acme, quite long"

    def names(self):
        return []
"""


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TYRUM_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def no_keyring(monkeypatch):
    """A machine without an OS keyring."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.fixture
def write(tmp_path):
    def write(text, name="app/tyrum.toml"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A kind that another package registers."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "tyrum_acme.py").write_text(THIRD_PARTY)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "tyrum_acme", raising=False)
    entries = [
        EntryPoint("acme", "tyrum_acme:Acme", kinds.GROUP),
        EntryPoint("broken", "tyrum_nosuch:Acme", kinds.GROUP),
    ]
    monkeypatch.setattr(kinds, "entry_points", lambda *, group: entries)


def lease(broker, name):
    with broker.lease(name, tool_id="t") as value:
        return value.reveal()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


class TestCatalog:
    def test_relative_paths_are_taken_from_the_files_folder(
        self, write, tmp_path, monkeypatch
    ):
        """Wherever the process runs."""
        file = write(
            '[catalog]\nurl = "sqlite:///data/t.db"\nkey_file = "k/master.key"\n'
            + DB
            + '[providers.other]\nkind = "database"\nurl = "sqlite:///other.db"\n'
        )
        monkeypatch.chdir(tmp_path)

        with SecretBroker.from_config(file) as broker:
            broker.put("a", VALUE)
            broker.put("b", VALUE, provider="other")

        app = file.parent
        names = {str(path.relative_to(app)) for path in app.rglob("*")}
        assert {"data/t.db", "k/master.key", "other.db"} <= names
        assert [file.parent] == list(tmp_path.iterdir())

    def test_an_absolute_path_and_options_stay(self, write, tmp_path):
        """What the URL says beside the path is kept."""
        there = tmp_path / "elsewhere.db"
        file = write(f'[catalog]\nurl = "sqlite:///{there}?timeout=7"\n')

        with SecretBroker.from_config(file) as broker:
            assert "7" == broker.catalog.engine.url.query["timeout"]
        assert there.exists()

    def test_a_catalog_in_memory(self, write):
        """Nothing is left of it, and it needs no key."""
        file = write('[catalog]\nurl = "sqlite://"\n' + DB)

        with SecretBroker.from_config(file) as broker:
            broker.put("a", VALUE)
            assert VALUE == lease(broker, "a")
        assert [file] == list(file.parent.iterdir())

    def test_a_broker_that_fails_leaves_the_catalog_closed(self, write, monkeypatch):
        """No connection stays open behind an error."""
        closed = []
        monkeypatch.setattr(
            "langchain_tyrum.ledger.catalog.Catalog.close",
            lambda self: closed.append(self),  # noqa: PLW0108 - bound as a method
        )
        with pytest.raises(ConfigError, match="policy"):
            SecretBroker.from_config(write(DB), policy="*")
        assert 1 == len(closed)

    def test_a_folder_that_cannot_be_made(self, write):
        """The line is told."""
        write("", "app/file")
        file = write('\n[catalog]\nurl = "sqlite:///file/t.db"\n')
        with pytest.raises(ConfigError, match=r":3: catalog.url: .*name another"):
            SecretBroker.from_config(file)


class TestMasterKey:
    def test_it_lies_beside_a_sqlite_catalog(self, write):
        """As with `SecretBroker.local`, for this user alone; so does the head."""
        file = write('[catalog]\nurl = "sqlite:///t.db"\n' + DB)

        with SecretBroker.from_config(file) as broker:
            broker.put("a", VALUE)
        with SecretBroker.from_config(file) as broker:
            assert VALUE == lease(broker, "a")

        keys_ = file.parent / "t.keys"
        assert {"master.key", "ledger.head"} == {path.name for path in keys_.iterdir()}
        assert (0o700, 0o600, 0o600) == (
            mode(keys_),
            mode(keys_ / "master.key"),
            mode(file.parent / "t.db"),
        )
        assert VALUE.encode() not in b"".join(
            path.read_bytes() for path in file.parent.rglob("*") if path.is_file()
        )

    def test_local_opens_the_same_store(self, write):
        """A provider that is labelled `database` shares its values too."""
        file = write('[providers.database]\nkind = "database"\n[policy]\nallow=["*"]\n')
        with SecretBroker.local(file.parent / "tyrum.db") as broker:
            broker.put("a", VALUE)

        with SecretBroker.from_config(file) as broker:
            assert VALUE == lease(broker, "a")

    @pytest.mark.usefixtures("no_keyring")
    def test_a_lost_key_is_never_made_anew(self, write):
        """Not while values are sealed, in the catalog or in another database."""
        for url in ("", 'url = "sqlite:///values.db"\n'):
            folder = "own" if url else "shared"
            file = write(
                DB.replace("[policy]", f"{url}[policy]"), f"{folder}/tyrum.toml"
            )
            with SecretBroker.from_config(file) as broker:
                broker.put("a", VALUE)
            (file.parent / "tyrum.keys" / "master.key").unlink()

            with pytest.raises(KeyMismatch, match=r"tyrum.toml:\d+: "):
                SecretBroker.from_config(file)

    @pytest.mark.usefixtures("no_keyring")
    @pytest.mark.parametrize("left", ["ledger", "values", "values elsewhere"])
    def test_whatever_needs_the_lost_key_keeps_another_from_being_made(
        self, write, left
    ):
        """A ledger, values beside it and values in another database: each alone."""
        url = 'url = "sqlite:///values.db"\n' if left == "values elsewhere" else ""
        file = write(DB.replace("[policy]", f"{url}[policy]"))
        with SecretBroker.from_config(file) as broker:
            if left != "ledger":
                broker.put("a", VALUE)
        if left == "values":
            with contextlib.closing(sqlite3.connect(file.parent / "tyrum.db")) as there:
                there.executescript("DELETE FROM ledger; DELETE FROM ledger_head")
        if left == "values elsewhere":
            (file.parent / "tyrum.db").unlink()
        key = file.parent / "tyrum.keys" / "master.key"
        key.unlink()

        with pytest.raises(KeyMismatch, match=r"tyrum.toml:\d+: "):
            SecretBroker.from_config(file)
        assert not key.exists()

    def test_the_variable_comes_first(self, write, monkeypatch):
        """`TYRUM_MASTER_KEY` beats the key file, and none is made."""
        text = base64.b64encode(bytes(range(32))).decode()
        monkeypatch.setenv("TYRUM_MASTER_KEY", text)
        file = write(DB)

        with SecretBroker.from_config(file) as broker:
            broker.put("a", VALUE)

        assert not (file.parent / "tyrum.keys" / "master.key").exists()
        monkeypatch.setenv("TYRUM_MASTER_KEY", "bm9uZQ==")
        with pytest.raises(TyrumError) as caught:
            SecretBroker.from_config(file)
        assert "bm9uZQ" not in str(caught.value)

    @pytest.mark.usefixtures("no_keyring")
    def test_a_catalog_on_a_server_is_told_where(self, write, monkeypatch):
        """No key is made in some folder: other machines would lack it."""
        from langchain_tyrum.broker.config import stores

        monkeypatch.setattr(stores, "_local_file", lambda url: None)
        place = file_url(write("", "server.db"))
        file = write(f'[catalog]\nurl = "{place}"\n' + DB)

        with pytest.raises(ConfigError, match=r"key_file.*TYRUM_MASTER_KEY") as caught:
            SecretBroker.from_config(file)
        assert "tyrum.toml:1: catalog: " in str(caught.value)
        assert [file] == list(file.parent.iterdir())

        file = write(f'[catalog]\nurl = "{place}"\nkey_file = "k/m.key"\n' + DB)
        with SecretBroker.from_config(file) as broker:
            broker.put("a", VALUE)
        assert (file.parent / "k" / "m.key").exists()
        assert keys.VARIABLE == "TYRUM_MASTER_KEY"


def file_url(path):
    return f"sqlite:///{path}"


class TestProviders:
    def test_values_go_to_the_first_writable_one_of_the_file(self, write):
        """The order of the file counts, not that of the alphabet."""
        file = write(
            '[providers.z_env]\nkind = "env"\n[providers.z]\nkind = "memory"\n'
            '[providers.a]\nkind = "database"\n'
        )
        with SecretBroker.from_config(file) as broker:
            assert "z" == broker.put("x", VALUE).provider

    def test_a_database_shares_the_catalogs_engine(self, write):
        """Unless it has a URL of its own; labels keep values apart."""
        file = write(DB + '[providers.two]\nkind = "database"\n')
        with SecretBroker.from_config(file) as broker:
            broker.put("a", VALUE)
            broker.put("b", f"{VALUE}-2", provider="two")
            assert (VALUE, f"{VALUE}-2") == (lease(broker, "a"), lease(broker, "b"))
            one, two = (broker._core.providers[label] for label in ("db", "two"))
            assert (1, 1) == (len(one.names()), len(two.names()))

    def test_a_chain_asks_those_it_names(self, write, monkeypatch):
        """In its order, also when they stand below it."""
        monkeypatch.setenv("X_VALUE", VALUE)
        file = write(
            '[providers.c]\nkind = "chain"\nproviders = ["m", "e"]\n'
            '[providers.e]\nkind = "env"\n[providers.m]\nkind = "memory"\n'
            '[secrets.x]\nprovider = "c"\nref = "X_VALUE"\n[policy]\nallow = ["*"]\n'
        )
        with SecretBroker.from_config(file) as broker:
            assert VALUE == lease(broker, "x")
            assert ["c", "e", "m"] == list(broker._core.providers)

    @pytest.mark.parametrize(
        ("providers", "told"),
        [
            ('["c"]', "providers.c.providers[0]: a chain cannot contain itself"),
            ('["m", "mm"]', "providers.c.providers[1]: there is no such provider"),
            ("[]", "at least one provider"),
        ],
    )
    def test_chains_that_lead_nowhere(self, write, providers, told):
        """The place in the list is told, once."""
        file = write(
            f'[providers.c]\nkind = "chain"\nproviders = {providers}\n'
            '[providers.m]\nkind = "memory"\n'
        )
        with pytest.raises(ConfigError) as caught:
            SecretBroker.from_config(file)
        assert told in str(caught.value)
        assert 1 == str(caught.value).count("tyrum.toml:")

    def test_the_environments_variables(self, write, monkeypatch):
        """A table of names reaches the provider."""
        monkeypatch.setenv("GH", VALUE)
        file = write(
            '[providers.e]\nkind = "env"\nvariables = {"github/token" = "GH"}\n'
            '[secrets."github/token"]\nprovider = "e"\n[policy]\nallow = ["*"]\n'
        )
        with SecretBroker.from_config(file) as broker:
            assert VALUE == lease(broker, "github/token")


@pytest.mark.usefixtures("acme")
class TestOtherKinds:
    HEAD = '[providers.other]\nkind = "acme"\n'

    def test_options_are_the_constructors(self, write, monkeypatch):
        """Its label is the table's name; paths start at the file's folder."""
        monkeypatch.setenv("HOST", "acme.example")
        file = write(
            f'{self.HEAD}url = "https://${{HOST}}"\npath = "x/y"\nretries = 2\n'
            '[secrets.x]\nprovider = "other"\n[policy]\nallow = ["*"]\n'
        )

        with SecretBroker.from_config(file) as broker:
            assert "x of acme, quite long" == lease(broker, "x")
            provider = broker._core.providers["other"]

        assert "other" == provider.label
        wanted = ("https://acme.example", str(file.parent / "x/y"), 2)
        assert wanted == type(provider).made

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("", "providers.other: this kind of provider needs 'url'"),
            (
                'url = "u"\nretrys = 1',
                "did you mean 'retries'? known: path, retries, u",
            ),
            ('url = "u"\nretries = "1"', "providers.other.retries: must be a number"),
            ('url = "u"\nretries = true', "providers.other.retries: must be a number"),
            ('url = 1\nlabel = "x"', "providers.other.label: this kind"),
            ('url = "u"\nclient = "x"', "providers.other.client: this kind"),
        ],
    )
    def test_options_are_checked_against_its_signature(self, write, text, told):
        """What it does not take, or cannot be written in a file, is refused."""
        with pytest.raises(ConfigError) as caught:
            SecretBroker.from_config(write(self.HEAD + text))
        assert told in str(caught.value)

    @pytest.mark.parametrize("retries", [9, -1])
    def test_what_it_raises_repeats_no_value(self, write, monkeypatch, retries):
        """Its own errors are masked; of a stranger's only the class is told."""
        monkeypatch.setenv("CANARY", VALUE)
        file = write(f'{self.HEAD}url = "u-${{CANARY}}"\nretries = {retries}\n')

        with pytest.raises(TyrumError) as caught:
            SecretBroker.from_config(file)

        told = "u-${CANARY}" if retries > 0 else "RuntimeError"
        assert told in str(caught.value)
        assert "tyrum.toml:1: providers.other: " in str(caught.value)
        assert VALUE not in repr(caught.value)
        assert caught.value.__context__ is None

    def test_one_that_cannot_be_loaded(self, write):
        """The package that is missing is told."""
        with pytest.raises(ConfigError, match=r":2: .*tyrum_nosuch"):
            SecretBroker.from_config(write('[providers.b]\nkind = "broken"\n'))

    def test_a_credential_of_it_is_registered(self, write, monkeypatch):
        """An option that holds one by its name is covered by the redactor."""
        monkeypatch.setenv("TOKEN", VALUE)
        monkeypatch.setattr(
            "langchain_tyrum.broker.config.kinds._wrong_type", lambda *_: ""
        )
        file = write('[providers.other]\nkind = "acme"\nurl = "https://u:${TOKEN}@h"\n')
        with SecretBroker.from_config(file) as broker:
            assert "[REDACTED:other/url]" == broker.redactor.redact_text(VALUE)
