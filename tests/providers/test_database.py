import multiprocessing
import sqlite3
import threading

import pytest
from sqlalchemy import create_engine, func, select

from langchain_tyrum.errors import (
    ConfigError,
    KeyMismatch,
    ProviderError,
    SecretNotFound,
)
from langchain_tyrum.ledger.engines import make_engine
from langchain_tyrum.ledger.keys import MasterKey
from langchain_tyrum.providers import DatabaseProvider, database, table
from langchain_tyrum.providers.database import VALUES
from langchain_tyrum.providers.sealing import Sealing
from langchain_tyrum.testing import ProviderContract

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
THIRD = bytes(range(2, 34))


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/tyrum.db"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "tyrum.db"


def change(file, statement, *parameters):
    """Change the database behind the provider's back."""
    connection = sqlite3.connect(file)
    with connection:
        changed = connection.execute(statement, parameters).rowcount
    connection.close()
    return changed


def look(file, query):
    """Read the database behind the provider's back."""
    connection = sqlite3.connect(file)
    rows = connection.execute(query).fetchall()
    connection.close()
    return rows


def all_bytes(folder):
    """Read every byte under a folder."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestDatabaseProvider(ProviderContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make_provider(self):
        return DatabaseProvider(f"sqlite:///{self.folder}/contract.db", key=KEY)


class TestDatabaseProviderOnTheCatalogsEngine(TestDatabaseProvider):
    def make_provider(self):
        engine = make_engine(f"sqlite:///{self.folder}/contract.db")
        return DatabaseProvider(engine, key=KEY)


class TestAtRest:
    def test_no_value_on_disk(self, url, tmp_path):
        """No file of the database holds a value, nor did one keep what was deleted."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("name-in-clear", "canary-7f3a9c51e2d84b06")
        provider.put("gone", b"canary-7f3a9c51e2d84b06")
        provider.delete("gone")

        stored = all_bytes(tmp_path)
        assert b"name-in-clear" in stored
        assert b"canary" not in stored

    def test_what_is_deleted_is_overwritten(self, url, file, tmp_path):
        """A deleted version cannot be dug out of the file, not even sealed."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")
        provider.put("a", "second-value")
        (gone,), (kept,) = look(
            file, "select sealed from tyrum_values order by version"
        )
        assert gone in all_bytes(tmp_path)
        provider.delete("a", version=1)
        provider.close()

        assert gone not in all_bytes(tmp_path)
        assert kept in all_bytes(tmp_path)

    def test_overwriting_is_asked_for(self):
        """SQLite is told to overwrite what is deleted, however it was built."""
        connection = sqlite3.connect(":memory:")
        connection.execute("pragma secure_delete=off")
        table._on_connect(connection, None)
        asked = connection.execute("pragma secure_delete").fetchone()
        connection.close()

        assert asked == (1,)

    def test_each_write_has_a_nonce_of_its_own(self, url):
        """The same value stored twice looks different, with 96-bit nonces."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "some-value")
        provider.put("a", "some-value")

        with create_engine(url).connect() as connection:
            rows = connection.execute(select(VALUES)).mappings().all()
        assert {len(row["nonce"]) for row in rows} == {12}
        assert len({row["nonce"] for row in rows}) == len(rows) == 2
        assert len({row["sealed"] for row in rows}) == 2

    def test_text_that_is_no_unicode(self, url):
        """Lone surrogates come back as they were put; no error holds them."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "kq7-value-\ud800")
        assert "kq7-value-\ud800" == provider.get("a")

    def test_the_key_id_is_stored(self, url, file):
        """Each row names the key that sealed it: 16 hex digits of its SHA-256."""
        DatabaseProvider(url, key=KEY).put("a", "some-value")

        stored = look(file, "select key_id from tyrum_values")
        assert [(MasterKey(KEY).key_id,)] == stored

    @pytest.mark.parametrize(
        "move",
        [
            "update tyrum_values set ref = 'b' where ref = 'a'",
            "update tyrum_values set version = 9 where ref = 'a'",
            "update tyrum_values set provider = 'mine' where ref = 'a'",
        ],
    )
    def test_a_moved_row_does_not_open(self, move, url, file):
        """A row opens in its place only: provider, ref and version are bound to it."""
        DatabaseProvider(url, key=KEY).put("a", "some-value")
        assert change(file, move) == 1
        thief = DatabaseProvider(url, key=KEY, label="mine")

        for provider in (thief, DatabaseProvider(url, key=KEY)):
            for name in provider.names():
                with pytest.raises(ProviderError, match="altered, or moved"):
                    provider.get(name)

    def test_swapped_values_do_not_open(self, url, file):
        """Two users' values cannot be exchanged in the table."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("default/ada/h_1", "value-of-ada")
        provider.put("default/bob/h_2", "value-of-bob")
        swap = (
            "update tyrum_values set (nonce, sealed) = (select nonce, sealed from "
            "tyrum_values where ref = 'default/bob/h_2') where ref = 'default/ada/h_1'"
        )
        assert change(file, swap) == 1

        with pytest.raises(ProviderError, match="altered, or moved"):
            provider.get("default/ada/h_1")
        assert provider.get("default/bob/h_2") == "value-of-bob"

    @pytest.mark.parametrize("column", ["nonce", "sealed"])
    def test_an_altered_row_does_not_open(self, column, url, file):
        """A changed or cut ciphertext is an error, never a wrong value."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "some-value")
        assert change(file, f"update tyrum_values set {column} = x'00'") == 1

        with pytest.raises(ProviderError, match="altered, or moved"):
            provider.get("a")


class TestKeys:
    def test_master_key_and_its_bytes_are_one(self, url):
        """What a `MasterKey` sealed, its 32 bytes open, and the other way round."""
        DatabaseProvider(url, key=MasterKey(KEY)).put("a", "some-value")

        assert DatabaseProvider(url, key=KEY).get("a") == "some-value"

    def test_a_wrong_key_reads_nothing(self, url):
        """Another key is `KeyMismatch`, which names the key that is needed."""
        DatabaseProvider(url, key=KEY).put("a", "some-value")

        with pytest.raises(KeyMismatch, match="TYRUM_MASTER_KEY") as caught:
            DatabaseProvider(url, key=OTHER).get("a")
        assert caught.value.key_id == MasterKey(KEY).key_id

    def test_a_wrong_key_writes_nothing(self, url):
        """Another key never seals a value beside those that it cannot open."""
        DatabaseProvider(url, key=KEY).put("a", "some-value")

        with pytest.raises(KeyMismatch):
            DatabaseProvider(url, key=OTHER).put("b", "other-value")
        assert DatabaseProvider(url, key=KEY).names() == ["a"]

    def test_the_key_is_looked_for_late_and_once(self, url):
        """A callable is asked when the first value is sealed, and never again."""
        asked = []
        provider = DatabaseProvider(url, key=lambda: asked.append(1) or KEY)
        assert provider.has_rows() is False
        assert asked == []
        provider.put("a", "some-value")
        provider.get("a")

        assert asked == [1]

    def test_several_keys(self, url):
        """All keys open; what is there already says which one seals."""
        DatabaseProvider(url, key=OTHER).put("a", "some-value")
        provider = DatabaseProvider(url, key=[KEY, OTHER])
        provider.put("b", "other-value")

        assert ["some-value", "other-value"] == [provider.get(x) for x in "ab"]
        assert "other-value" == DatabaseProvider(url, key=OTHER).get("b")
        assert provider.key_ids() == tuple(MasterKey(k).key_id for k in (KEY, OTHER))

    def test_the_newest_key_seals_where_nothing_is_stored(self, url):
        """In an empty store the first of several keys seals."""
        DatabaseProvider(url, key=[KEY, OTHER]).put("a", "some-value")

        assert "some-value" == DatabaseProvider(url, key=KEY).get("a")

    def test_the_key_is_looked_for_again(self, url):
        """A row under an unknown key makes a callable find its key once more."""
        given = [KEY]
        reader = DatabaseProvider(url, key=lambda: list(given))
        reader.put("a", "first-value")
        DatabaseProvider(url, key=KEY).rewrap(OTHER)
        with pytest.raises(KeyMismatch):
            reader.get("a")
        with pytest.raises(KeyMismatch):
            reader.put("b", "other-value")
        given.insert(0, OTHER)

        assert "first-value" == reader.get("a")
        reader.put("b", "other-value")
        assert "other-value" == DatabaseProvider(url, key=OTHER).get("b")

    def test_a_row_that_is_sealed_anew_while_it_is_read(self, url):
        """A row read under a key that is dropped in this moment is read once more."""
        DatabaseProvider(url, key=KEY).put("a", "first-value")

        class Ring:
            keys = (MasterKey(OTHER),)  # the old one was dropped already

            def reload(self):
                DatabaseProvider(url, key=KEY).rewrap(OTHER)

        assert "first-value" == DatabaseProvider(url, key=Ring()).get("a")

    def test_reading_takes_no_lock(self, url, file):
        """A value can be read while somebody else writes."""
        for engine in (url, make_engine(url)):
            provider = DatabaseProvider(engine, key=KEY)
            provider.put("a", "some-value")
            writer = sqlite3.connect(file, isolation_level=None)
            writer.execute("pragma journal_mode=wal").close()
            writer.execute("begin immediate")
            try:
                assert ("some-value", ["a"]) == (provider.get("a"), provider.names())
                assert provider.has_rows()
            finally:
                writer.execute("rollback")
                writer.close()

    def test_a_look_makes_nothing(self, url, file):
        """To look at a store that is not there yet does not make its table."""
        provider = DatabaseProvider(url, key=KEY)
        with pytest.raises(SecretNotFound):
            provider.get("a")

        assert ([], False) == (provider.names(), provider.has_rows())
        assert [] == look(file, "select name from sqlite_master")

    def test_a_short_key_is_refused(self, url):
        """A key of another length is refused, and not repeated."""
        with pytest.raises(ConfigError, match="exactly 32 bytes") as caught:
            DatabaseProvider(url, key=b"canary-7f3a").put("a", "some-value")
        assert "canary" not in str(caught.value)

    def test_has_rows(self, url):
        """It tells whether anything is sealed, under any label, in any version."""
        provider = DatabaseProvider(url, key=KEY)
        assert provider.has_rows() is False
        DatabaseProvider(url, key=KEY, label="other").put("a", "some-value")

        assert provider.has_rows() is True
        DatabaseProvider(url, key=KEY, label="other").delete("a")
        assert provider.has_rows() is False


class TestRewrap:
    def test_every_version_opens_under_the_new_key(self, url):
        """Rotation of the key changes every row and no value."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")
        provider.put("a", b"second\xff")
        provider.put("b", "other-value")

        assert provider.rewrap(MasterKey(OTHER)) == 3
        for reader in (provider, DatabaseProvider(url, key=OTHER)):
            assert reader.get("a", version=1) == "first-value"
            assert reader.get("a") == b"second\xff"
            assert reader.get("b") == "other-value"
        with pytest.raises(KeyMismatch):
            DatabaseProvider(url, key=KEY).get("a")

    def test_what_names_the_key_is_no_secret(self, url):
        """The row that names the new key is not to be seen among the secrets."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")
        provider.rewrap(OTHER)

        assert ["a"] == provider.names()
        with pytest.raises(SecretNotFound):
            provider.get("")
        provider.delete("")
        provider.delete("a")
        assert provider.has_rows()
        with pytest.raises(ConfigError, match="needs a name"):
            provider.put("", "some-value")

    def test_labels_under_the_same_key(self, url):
        """All labels under the old key change with it; one under another key stays."""
        labelled = {
            label: DatabaseProvider(url, key=key, label=label)
            for label, key in (("one", KEY), ("two", KEY), ("three", THIRD))
        }
        for label, provider in labelled.items():
            provider.put("a", f"value-of-{label}")
        assert 2 == labelled["one"].rewrap(OTHER)

        for label, key in (("one", OTHER), ("two", OTHER), ("three", THIRD)):
            provider = DatabaseProvider(url, key=key, label=label)
            assert f"value-of-{label}" == provider.get("a")
        with pytest.raises(KeyMismatch):
            labelled["two"].put("b", "late-value")

    def test_in_batches(self, url, monkeypatch):
        """Many values change in transactions of their own, each one once."""
        monkeypatch.setattr(database, "_BATCH", 3)
        provider = DatabaseProvider(url, key=KEY)
        for number in range(10):
            provider.put(f"n{number}", f"value-{number}")
        sizes = []
        real = Sealing.batch

        def batch(self, new, size, after):
            done = real(self, new, size, after)
            sizes.append(done[0])
            return done

        monkeypatch.setattr(Sealing, "batch", batch)

        assert 10 == provider.rewrap(OTHER)
        assert [3, 3, 3, 1] == sizes
        reader = DatabaseProvider(url, key=OTHER)
        assert [f"value-{n}" for n in range(10)] == [
            reader.get(f"n{n}") for n in range(10)
        ]

    def test_a_value_that_is_replaced_between_batches(self, url, monkeypatch):
        """A version that somebody writes anew meanwhile is never set back."""
        monkeypatch.setattr(database, "_BATCH", 1)
        provider = DatabaseProvider(url, key=KEY)
        for name in "ab":
            provider.put(name, f"value-of-{name}")
        real, calls = Sealing.batch, []

        def batch(self, new, size, after):
            calls.append(after)
            return real(self, new, size, after)

        monkeypatch.setattr(Sealing, "batch", batch)
        begin = Sealing.begin

        def then_replace(self, new):
            begin(self, new)
            self._connection.commit()
            DatabaseProvider(url, key=[OTHER, KEY]).put("b", "newer", version=1)

        monkeypatch.setattr(Sealing, "begin", then_replace)

        assert 1 == provider.rewrap(OTHER)
        assert ["value-of-a", "newer"] == [provider.get(name) for name in "ab"]

    def test_all_or_nothing(self, url, file):
        """When one value does not open, none is sealed anew and the old key stays."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")
        provider.put("b", "other-value")
        change(file, "update tyrum_values set sealed = x'00' where ref = 'b'")

        with pytest.raises(ProviderError, match="'b'"):
            provider.rewrap(OTHER)
        assert provider.get("a") == "first-value"

    def test_the_same_key(self, url):
        """To re-wrap under the same key changes nothing."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")

        assert provider.rewrap(KEY) == 0
        assert provider.get("a") == "first-value"

    def test_repeated(self, url):
        """A rotation that is run again after it succeeded finds nothing to do."""
        DatabaseProvider(url, key=KEY).put("a", "first-value")
        late = DatabaseProvider(url, key=KEY)
        DatabaseProvider(url, key=KEY).rewrap(OTHER)

        assert late.rewrap(OTHER) == 0
        assert late.get("a") == "first-value"

    def test_a_writer_with_the_old_key_is_refused(self, url):
        """A process that still has the old key adds no row that nobody could open."""
        late = DatabaseProvider(url, key=KEY)
        late.put("a", "first-value")
        DatabaseProvider(url, key=KEY).rewrap(OTHER)

        with pytest.raises(KeyMismatch):
            late.put("a", "late-value")
        assert DatabaseProvider(url, key=OTHER).get("a") == "first-value"


class TestBrokenDatabase:
    def test_no_database(self, url, file):
        """A file that is no database is named, and left as it was."""
        file.write_bytes(b"this is no database at all" * 200)
        before = file.read_bytes()
        provider = DatabaseProvider(url, key=KEY)

        for call in (
            lambda: provider.get("a"),
            lambda: provider.put("a", "canary-7f3a"),
            lambda: provider.delete("a"),
            provider.names,
            provider.has_rows,
        ):
            with pytest.raises(ProviderError, match=r"tyrum\.db") as caught:
                call()
            assert caught.value.__context__ is None
            assert "canary" not in str(caught.value)
        assert before == file.read_bytes()

    def test_a_lost_folder(self, tmp_path):
        """A path that does not exist is an error that names it."""
        provider = DatabaseProvider(f"sqlite:///{tmp_path}/no/such/x.db", key=KEY)

        with pytest.raises(ProviderError, match=r"no/such/x\.db"):
            provider.put("a", "some-value")

    def test_a_password_in_the_url_is_not_shown(self):
        """`repr` and errors show the URL without its password."""
        engine = make_engine("sqlite://")
        engine.url = engine.url.set(username="u", password="hunter2", host="db")

        shown = repr(DatabaseProvider(engine, key=KEY))
        assert "hunter2" not in shown
        assert "***" in shown


def put_many(engine, start, count):
    provider = DatabaseProvider(engine, key=KEY)
    for number in range(start, start + count):
        provider.put("shared", f"value-{number}")


class TestClose:
    def test_closes_its_own_engine_only(self, url):
        """An engine that was given stays open; one that it opened is closed."""
        engine = make_engine(url)
        given, own = DatabaseProvider(engine, key=KEY), DatabaseProvider(url, key=KEY)
        given.put("a", "some-value")
        own.put("b", "some-value")
        given.close()
        own.close()

        assert engine.pool.checkedin() == 1
        assert own._DatabaseProvider__engine.pool.checkedin() == 0
        assert own.get("a") == "some-value"


class TestConcurrency:
    @pytest.mark.parametrize("opened", [str, make_engine, create_engine])
    def test_threads_and_processes(self, url, opened):
        """Writers at the same time get versions of their own; no value is lost."""
        assert DatabaseProvider(opened(url), key=KEY).names() == []
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=put_many, args=(url, 0, 10))
        threads = [
            threading.Thread(target=put_many, args=(opened(url), start, 10))
            for start in (100, 200)
        ]
        process.start()
        for thread in threads:
            thread.start()
        for worker in (*threads, process):
            worker.join()

        provider = DatabaseProvider(url, key=KEY)
        stored = {provider.get("shared", version=n) for n in range(1, 31)}
        wanted = {f"value-{start + n}" for start in (0, 100, 200) for n in range(10)}
        assert wanted == stored
        with create_engine(url).connect() as connection:
            assert connection.execute(select(func.count(VALUES.c.ref))).scalar() == 30

    def test_a_version_that_is_taken_is_drawn_anew(self, url, monkeypatch):
        """A write that finds its version taken takes the next, and overwrites none."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")
        draw = DatabaseProvider._next
        stale = [1, 1]

        def late(self, connection, name):
            return stale.pop() if stale else draw(self, connection, name)

        monkeypatch.setattr(DatabaseProvider, "_next", late)
        provider.put("a", "second-value")

        assert stale == []
        assert provider.get("a", version=1) == "first-value"
        assert provider.get("a", version=2) == "second-value"

    def test_a_name_that_stays_busy(self, url, monkeypatch):
        """When no version can be had, the write fails and overwrites none."""
        provider = DatabaseProvider(url, key=KEY)
        provider.put("a", "first-value")
        monkeypatch.setattr(DatabaseProvider, "_next", lambda *_: 1)

        with pytest.raises(ProviderError, match="it is busy"):
            provider.put("a", "second-value")
        assert provider.get("a") == "first-value"

    def test_a_write_waits_for_a_rotation_of_the_key(self, url):
        """A write that meets a rotation never leaves a row under the old key."""
        provider = DatabaseProvider(url, key=KEY)
        for number in range(50):
            provider.put("a", f"value-{number}")
        late = DatabaseProvider(url, key=KEY)
        failed = []

        def write():
            try:
                while True:
                    late.put("b", "late-value")
            except KeyMismatch as error:
                failed.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        provider.rewrap(OTHER)
        writer.join()

        assert len(failed) == 1
        for name in provider.names():
            assert provider.get(name)
        with create_engine(url).connect() as connection:
            used = connection.execute(select(VALUES.c.key_id).distinct()).scalars()
            assert [MasterKey(OTHER).key_id] == used.all()
