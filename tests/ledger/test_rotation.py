"""The master key changes while everybody goes on, and survives a crash at any step."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.broker.rekeying import RotationReport
from langchain_tyrum.errors import ConfigError, KeyMismatch, ProviderError
from langchain_tyrum.ledger.keys import VARIABLE, MasterKey
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import ChainProvider, DatabaseProvider
from langchain_tyrum.providers import database as database_module

ALLOW = SecretPolicy(allow=["*"])
KEYS = [bytes([number]) * 32 for number in range(1, 5)]
IDS = [MasterKey(key).key_id for key in KEYS]

#: Dies at one call of one function, before or after its work, while it rotates.
DIES = """
import importlib, os, signal, sys
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.providers import database
store, module, path, when, nth = sys.argv[1:]
database._BATCH = 3
broker = SecretBroker.local(store)
*owners, name = path.split(".")
owner = importlib.import_module(module)
for part in owners:
    owner = getattr(owner, part)
real, calls = getattr(owner, name), []
def dies(*args, **kwargs):
    calls.append(1)
    if when == "before" and len(calls) == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*args, **kwargs)
    if len(calls) == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, dies)
broker.rotate_master_key(drop_old=True)
"""
WRITE = ("langchain_tyrum.ledger.sources", "replace_key_file")
RENAME = ("langchain_tyrum.ledger.keyfile", "os.rename")
BEGIN = ("langchain_tyrum.providers.sealing", "Sealing.begin")
BATCH = ("langchain_tyrum.providers.sealing", "Sealing.batch")
TURN = ("langchain_tyrum.ledger.audit", "Audit.turn")
KEEP = ("langchain_tyrum.ledger.data_keys", "DataKeys.turn")
PUBLISH = ("langchain_tyrum.ledger.audit", "Audit.publish")

#: Where it dies, whether the new key stands in the key file by then beside the old one,
#: and whether there is something left to complete.
STEPS = {
    "before the file is written": (WRITE, "before", 1, False, False),
    "with a draft of the file": (RENAME, "before", 1, False, False),
    "after the file is written": (WRITE, "after", 1, True, True),
    "before the new key is named": (BEGIN, "before", 1, True, True),
    "before that is committed": (BEGIN, "after", 1, True, True),
    "before the first batch": (BATCH, "before", 1, True, True),
    "before a batch is committed": (BATCH, "after", 2, True, True),
    "between two batches": (BATCH, "before", 3, True, True),
    "before the ledger turns": (TURN, "before", 1, True, True),
    "before that is committed too": (KEEP, "after", 1, True, True),
    "after that is committed": (PUBLISH, "before", 1, True, False),
    "after it is published": (PUBLISH, "after", 1, True, False),
    "before the old key is dropped": (WRITE, "before", 2, True, False),
    "with a second draft": (RENAME, "before", 2, True, False),
    "after all": (WRITE, "after", 2, False, False),
}

#: Leases all values again and again; tells of the first wrong one.
READS = """
import os, sys
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy
broker = SecretBroker.local(sys.argv[1], policy=SecretPolicy(allow=["*"]))
rounds = 0
print("reading", flush=True)
while not os.path.exists(sys.argv[2]):
    for number in range(10):
        with broker.lease(f"k/{number}", tool_id="t") as value:
            assert value.reveal() == f"value-of-{number}-0123", number
    rounds += 1
print(rounds)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tyrum.db"


@pytest.fixture
def key_file(path):
    return path.with_suffix(".keys") / "master.key"


@pytest.fixture
def opened(path):
    """A maker of brokers over one database file."""
    brokers = []

    def make(**options) -> SecretBroker:
        brokers.append(SecretBroker.local(path, policy=ALLOW, **options))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def filled(opened):
    """A broker with ten values."""
    broker = opened()
    for number in range(10):
        broker.put(f"k/{number}", f"value-of-{number}-0123")
    return broker


def values(broker, count=10) -> list[str]:
    found = []
    for number in range(count):
        with broker.lease(f"k/{number}", tool_id="t") as value:
            found.append(value.reveal())
    return found


ALL = [f"value-of-{number}-0123" for number in range(10)]


def ids_in(key_file) -> list[str]:
    keys = map(base64.b64decode, key_file.read_text().split())
    return [MasterKey(key).key_id for key in keys]


def sealing_keys(path) -> set[str]:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT DISTINCT key_id FROM tyrum_values"))
        ids = set(found.scalars())
    engine.dispose()
    return ids


def sealed_with(path, key, label="database") -> DatabaseProvider:
    return DatabaseProvider(f"sqlite:///{path}", key=key, label=label)


class TestRotation:
    def test_every_value_is_sealed_anew(self, filled, opened, path, key_file):
        """All versions open under the new key alone, and the ledger goes on."""
        old = filled.master_key_ids
        filled.rotate("k/3", "another-value-0123")

        report = filled.rotate_master_key(drop_old=True)

        assert RotationReport(11, ids_in(key_file)[0]) == report
        assert {report.key_id} == sealing_keys(path)
        assert (report.key_id,) == filled.master_key_ids != old
        for broker in (filled, opened()):
            assert "another-value-0123" == values(broker)[3]
            assert broker.audit.verify().ok

    def test_several_times(self, filled, opened):
        """Every epoch verifies under its own key, however many there were."""
        seen = {filled.rotate_master_key().key_id for _ in range(3)}
        filled.put("k/10", "value-of-10-0123")

        report = opened().audit.verify()

        assert (3, ()) == (len(seen), report.problems)
        rotations = [
            row
            for row in filled.audit.tail(100)
            if row["action"] == "rotate_master_key"
        ]
        assert 3 == len(rotations)

    def test_fingerprints_stay(self, filled, opened):
        """To put the same value again is a no-op, also after two rotations."""
        before = filled.describe("k/1")
        filled.rotate_master_key()
        filled.rotate_master_key()

        for broker in (filled, opened()):
            broker.put("k/1", ALL[1])
            assert before == broker.describe("k/1")

    def test_lasting_keys_stay(self, filled, opened):
        """Keys for other purposes outlive the master key that they came from."""
        keys = [filled.audit.lasting_key(label) for label in ("seal", "fingerprint")]
        filled.rotate_master_key()
        again = opened().audit

        assert keys == [again.lasting_key(label) for label in ("seal", "fingerprint")]

    async def test_twin(self, filled):
        """The async twin does the same."""
        report = await filled.arotate_master_key()

        assert (10, ALL) == (report.rewrapped, values(filled))

    def test_in_memory(self):
        """A broker that forgets everything rotates the key of its ledger."""
        broker = SecretBroker.in_memory({"k/0": ALL[0]}, policy=ALLOW)
        report = broker.rotate_master_key()

        assert RotationReport(0, broker.master_key_ids[0]) == report
        assert values(broker, 1) == ALL[:1]
        assert broker.audit.verify().ok

    def test_an_empty_store(self, opened, path):
        """Where nothing is stored yet, the next value is sealed under the new key."""
        late, broker = opened(), opened()
        report = broker.rotate_master_key()
        late.put("k/0", ALL[0])

        assert {report.key_id} == sealing_keys(path)
        assert values(opened(), 1) == ALL[:1]

    def test_a_lost_key_without_values(self, opened, key_file):
        """A store that holds only a ledger gets no other key either."""
        opened().record("note", "ok")
        key_file.unlink()

        with pytest.raises(KeyMismatch, match="restore the key"):
            opened()
        assert not key_file.exists()

    def test_values_behind_a_chain(self, path):
        """Values are found where a chain of providers holds them."""
        chain = ChainProvider([sealed_with(path, KEYS[0])], label="chain")
        broker = SecretBroker(
            providers=[chain], catalog=f"sqlite:///{path}", key=KEYS[0], policy=ALLOW
        )
        broker.put("k/0", ALL[0])

        assert 1 == broker.rotate_master_key(key=KEYS[1]).rewrapped
        assert values(broker, 1) == ALL[:1]

    def test_values_under_a_key_of_their_own(self, path):
        """A provider with another key than the broker's keeps it."""
        store = sealed_with(path, KEYS[2])
        broker = SecretBroker(
            providers=[store], catalog=f"sqlite:///{path}", key=KEYS[0], policy=ALLOW
        )
        broker.put("k/0", ALL[0])

        assert 0 == broker.rotate_master_key(key=KEYS[1]).rewrapped
        assert {IDS[2]} == sealing_keys(path)

    def test_a_value_that_does_not_open(self, filled, path, key_file):
        """Nothing is sealed anew while some value does not open; it is named."""
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            change = "UPDATE tyrum_values SET sealed = x'00' WHERE rowid = 10"
            connection.execute(text(change))
        engine.dispose()
        before = filled.master_key_ids

        with pytest.raises(ProviderError, match="altered"):
            filled.rotate_master_key()

        assert set(before) == sealing_keys(path)
        assert ALL[:9] == values(filled, 9)
        assert 2 == len(ids_in(key_file))

    def test_a_key_file_that_cannot_be_written(self, filled, key_file, monkeypatch):
        """Where the new key cannot be kept, nothing is sealed under it."""
        before = filled.master_key_ids

        def full(*_, **__):
            raise OSError(28, "no space left")

        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", full)
            with pytest.raises(ConfigError, match="cannot be replaced"):
                filled.rotate_master_key()

        assert list(before) == ids_in(key_file)
        assert [key_file, key_file.parent / "ledger.head"] == sorted(
            key_file.parent.iterdir(), reverse=True
        )
        assert ALL == values(filled)


class TestGivenKeys:
    def test_the_environment(self, path, opened, monkeypatch):
        """Processes that have both keys, the new one first, go on throughout."""
        old, new = (base64.b64encode(key).decode() for key in KEYS[:2])
        monkeypatch.setenv(VARIABLE, old)
        broker = opened()
        for number, value in enumerate(ALL):
            broker.put(f"k/{number}", value)
        monkeypatch.setenv(VARIABLE, f"{new} {old}")
        both = opened()
        both.put("k/3", "before-0123", replace=True)
        assert {IDS[0]} == sealing_keys(path)

        report = both.rotate_master_key()
        both.put("k/4", "after-0123", replace=True)

        assert (IDS[1], 11) == (report.key_id, report.rewrapped)
        assert VARIABLE in report.next_step
        assert {IDS[1]} == sealing_keys(path)
        assert ["before-0123", "after-0123"] == values(both)[3:5]
        monkeypatch.setenv(VARIABLE, new)
        assert "after-0123" == values(opened())[4]

    def test_one_key_in_the_environment(self, opened, monkeypatch):
        """With the old key alone the error says where the new one goes."""
        monkeypatch.setenv(VARIABLE, base64.b64encode(KEYS[0]).decode())

        with pytest.raises(ConfigError, match=f"{VARIABLE}.*before the old one"):
            opened().rotate_master_key()

    def test_a_key_that_is_passed(self, opened, path):
        """A new key may be passed; it is the one that seals from then on."""
        broker = opened(key=KEYS[0])
        broker.put("k/0", ALL[0])

        report = broker.rotate_master_key(key=KEYS[1])
        again = broker.rotate_master_key(key=KEYS[1])

        assert (1, 0, IDS[1]) == (report.rewrapped, again.rewrapped, again.key_id)
        assert "key=" in report.next_step
        assert values(broker, 1) == values(opened(key=KEYS[1]), 1) == ALL[:1]
        with pytest.raises(KeyMismatch):
            opened(key=KEYS[0])

    def test_a_list(self, opened):
        """A list of keys opens what any of them sealed; the order of a mistake too."""
        opened(key=KEYS[0]).put("k/0", ALL[0])
        for keys in (KEYS[:2], KEYS[1::-1]):
            broker = opened(key=keys)
            broker.put("k/0", ALL[0])
            assert values(broker, 1) == ALL[:1]

    def test_a_stale_process_fails_closed(self, opened, path):
        """Who has the old key only neither reads nor writes, and learns what to do."""
        stale = opened(key=KEYS[0])
        stale.put("k/0", ALL[0])
        opened(key=KEYS[0]).rotate_master_key(key=KEYS[1])

        with pytest.raises(KeyMismatch, match="start again with the new one"):
            values(stale, 1)
        with pytest.raises(KeyMismatch):
            stale.put("k/1", ALL[1])
        assert {IDS[1]} == sealing_keys(path)

    def test_a_stale_process_and_an_empty_store(self, opened, path):
        """No value goes into an empty store under a key that was retired."""
        stale = sealed_with(path, KEYS[0])
        opened(key=KEYS[0]).rotate_master_key(key=KEYS[1])

        with pytest.raises(KeyMismatch):
            stale.put("a", "late-value")
        assert {IDS[1]} == sealing_keys(path)

    def test_both_orders_seal_alike_after_a_rotation(self, opened, path):
        """Which key stands first matters no more once the new one is named."""
        opened(key=KEYS[0]).rotate_master_key(key=KEYS[1])
        opened(key=[KEYS[0], KEYS[1]]).put("k/0", ALL[0])

        assert {IDS[1]} == sealing_keys(path)

    def test_another_new_key_meets_one(self, opened):
        """Of two rotations to different keys one wins; the other changes nothing."""
        here, there = opened(key=KEYS[0]), opened(key=KEYS[0])
        here.put("k/0", ALL[0])
        here.rotate_master_key(key=KEYS[1])

        with pytest.raises(KeyMismatch):
            there.rotate_master_key(key=KEYS[2])
        assert values(here, 1) == ALL[:1]
        assert here.audit.verify().ok


class TestSharedKeyFile:
    """Other stores may read their keys in the file that a rotation changes."""

    @pytest.fixture
    def settings(self, tmp_path, monkeypatch):
        monkeypatch.delenv("TYRUM_ENVIRONMENT", raising=False)
        monkeypatch.delenv(VARIABLE, raising=False)
        brokers = []

        def make(text):
            file = tmp_path / "tyrum.toml"
            file.write_text(text)

            def opened(environment):
                broker = SecretBroker.from_config(
                    file, environment=environment, policy=ALLOW
                )
                brokers.append(broker)
                return broker

            return opened

        yield make
        for broker in brokers:
            broker.close()

    @pytest.fixture(params=["catalogs", "values"])
    def environments(self, request, settings):
        """Two environments under one key file, each with a database of its own."""
        catalogs = (
            '[catalog]\nkey_file="keys/master.key"\nurl="sqlite:///dev.db"\n'
            "[environments.development]\n"
            '[environments.production.catalog]\nurl="sqlite:///prod.db"\n'
        )
        stores = (
            '[providers.vals]\nkind="database"\nurl="sqlite:///dev-values.db"\n'
            "[environments.development]\n"
            '[environments.production.providers.vals]\nurl="sqlite:///prod-values.db"\n'
        )
        return settings(catalogs if request.param == "catalogs" else stores)

    def test_the_other_environment_opens(self, environments):
        """What one environment rotates away from still opens the other's values."""
        environments("production").put("db/pw", "kq7-of-production-01")
        dev = environments("development")
        dev.put("dev/pw", "kq7-of-development-1")
        for _ in range(2):
            report = dev.rotate_master_key()
            assert "key drop" in report.next_step

        late = environments("production")
        with late.lease("db/pw", tool_id="t") as value:
            assert "kq7-of-production-01" == value.reveal()
        assert late.audit.verify().ok

    def test_each_is_rotated_then_the_old_ones_go(self, environments):
        """The other store goes to the same key; then that one alone is enough."""
        environments("production").put("db/pw", "kq7-of-production-01")
        dev = environments("development")
        dev.put("dev/pw", "kq7-of-development-1")
        first = dev.rotate_master_key()
        late = environments("production")
        with pytest.raises(ConfigError, match="rotate first"):
            late.drop_old_master_keys()
        second = late.rotate_master_key()

        assert (first.key_id, 1) == (second.key_id, second.rewrapped)
        assert 1 == late.drop_old_master_keys()
        assert 0 == late.drop_old_master_keys()
        assert (first.key_id,) == late.master_key_ids
        assert "drop_master_keys" == late.audit.tail(1)[0]["action"]
        for name, secret in (("production", "db/pw"), ("development", "dev/pw")):
            again = environments(name)
            with again.lease(secret, tool_id="t") as value:
                assert f"kq7-of-{name}" in value.reveal()
            assert (first.key_id,) == again.master_key_ids
            assert again.audit.verify().ok

    def test_an_old_key_seals_no_more(self, filled, opened, path, key_file):
        """A key that stays in the file opens, and nothing is sealed under it."""
        old = filled.master_key_ids
        report = filled.rotate_master_key()
        opened().put("k/10", "value-of-10-0123")

        assert [report.key_id, *old] == ids_in(key_file)
        assert {report.key_id} == sealing_keys(path)

    def test_keys_where_they_cannot_be_dropped(self, opened):
        """Keys that a program gave are the program's to drop."""
        with pytest.raises(ConfigError, match="drop the old key there"):
            opened(key=KEYS[:2]).drop_old_master_keys()

    def test_a_full_key_file(self, filled, key_file):
        """A key file that could not be read back whole is not written."""
        many = "".join(
            base64.b64encode(bytes([n]) * 32).decode() + "\n" for n in range(91)
        )
        key_file.write_text(key_file.read_text() + many[:-45])
        before = key_file.read_text()
        with pytest.raises(ConfigError, match="key drop"):
            filled.rotate_master_key()
        assert before == key_file.read_text()
        assert ALL == values(filled)

    def test_a_second_store_beside(self, tmp_path):
        """No new store takes over the keys and the kept head of one beside it."""
        SecretBroker.local(tmp_path / "a.db").close()
        with pytest.raises(ConfigError, match="folder of its own"):
            SecretBroker.local(tmp_path / "a.sqlite")

        assert not (tmp_path / "a.sqlite").exists()
        (tmp_path / "a.log").write_text("no store")
        SecretBroker.local(tmp_path / "a.db").close()

    def test_a_second_store_from_before(self, tmp_path):
        """Two stores that share a folder of keys already both go on."""
        with SecretBroker.local(tmp_path / "a.db") as broker:
            broker.put("x", "kq7-value-in-a.db")
        (tmp_path / "a.sqlite").touch()

        with SecretBroker.local(tmp_path / "a.sqlite", policy=ALLOW) as broker:
            broker.put("x", "kq7-value-in-the-other")
            broker.rotate_master_key()
        with (
            SecretBroker.local(tmp_path / "a.db", policy=ALLOW) as broker,
            broker.lease("x", tool_id="t") as value,
        ):
            assert "kq7-value-in-a.db" == value.reveal()


class TestCrash:
    @pytest.mark.parametrize("step", STEPS)
    def test_killed(self, step, filled, opened, path, key_file):
        """Killed at any step, all reads, writes and verifies; then it completes."""
        (module, name), when, nth, begun, resumes = STEPS[step]
        old = filled.master_key_ids
        command = [sys.executable, "-c", DIES, path, module, name, when, str(nth)]
        died = subprocess.run(command, check=False, capture_output=True)
        assert (-signal.SIGKILL, b"") == (died.returncode, died.stderr)
        now = ids_in(key_file)
        assert begun == (len(now) == 2)

        for number, broker in enumerate((filled, opened())):
            assert ALL == values(broker)
            broker.put("k/1", ALL[1])  # the same value: a no-op
            broker.put(f"new/{number}", f"new-value-{number}-0123")
            assert broker.audit.verify().ok
        report = filled.rotate_master_key(drop_old=True)

        assert [report.key_id] == ids_in(key_file)
        assert resumes == (report.key_id == now[0])
        assert {report.key_id} == sealing_keys(path)
        assert {"master.key", "ledger.head"} == {
            file.name for file in key_file.parent.iterdir()
        }
        for broker in (filled, opened()):
            assert ALL == values(broker)
            assert broker.audit.verify().ok
        turns = [
            row["name"] for row in filled.audit.tail(200) if "rotate_" in row["action"]
        ]
        assert report.key_id == turns[-1]
        assert old[0] not in turns
        assert len(turns) == len(set(turns))


class TestMeanwhile:
    def test_readers_never_notice(self, filled, path, tmp_path, monkeypatch):
        """Processes that lease all the time see no error and only right values."""
        monkeypatch.setattr(database_module, "_BATCH", 2)
        done = tmp_path / "done"
        readers = [
            subprocess.Popen(
                [sys.executable, "-W", "error", "-c", READS, path, done],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        assert ["reading\n"] * 2 == [reader.stdout.readline() for reader in readers]
        late = sealed_with(path, KEYS[0], label="other")
        late.put("mine", "untouched-0123")

        for _ in range(5):
            filled.rotate_master_key()
        done.touch()

        told = [reader.communicate() for reader in readers]
        assert [0, 0] == [reader.returncode for reader in readers], told
        assert all(int(out) > 0 for out, _ in told)
        assert "untouched-0123" == late.get("mine")
        assert filled.audit.verify().ok

    def test_writers_never_use_the_old_key(self, filled, opened, path, monkeypatch):
        """Values that are put during rotations are all there, under the last key."""
        monkeypatch.setattr(database_module, "_BATCH", 1)
        writer, over, puts = opened(), threading.Event(), []

        def write() -> None:
            while not over.is_set():
                puts.append(f"value-{len(puts)}-0123")
                writer.put("k/0", puts[-1], replace=True)

        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write)
            reports = []
            while len(reports) < 4 or (len(puts) < 3 and not written.done()):
                reports.append(filled.rotate_master_key())
            over.set()
            written.result()

        assert len(puts) > 1
        assert puts[-1] == values(opened())[0]
        assert {reports[-1].key_id} == sealing_keys(path)
        assert filled.audit.verify().ok

    def test_two_rotations_at_once(self, filled, opened, path, key_file):
        """Of rotations at the same time each completes or is told of the other."""
        code = (
            "import sys\n"
            "from langchain_tyrum.broker import SecretBroker\n"
            "from langchain_tyrum.errors import ConfigError\n"
            "broker = SecretBroker.local(sys.argv[1])\n"
            "done = 0\n"
            "for _ in range(5):\n"
            "    try: broker.rotate_master_key(drop_old=True)\n"
            "    except ConfigError as error: assert 'another' in str(error), error\n"
            "    else: done += 1\n"
            "print(done)"
        )
        running = [
            subprocess.Popen(
                [sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True
            )
            for _ in range(3)
        ]
        done = [int(process.communicate()[0]) for process in running]

        turns = [row for row in filled.audit.tail(200) if "rotate_" in row["action"]]
        assert sum(done) == len(turns) > 0
        assert 1 == len(ids_in(key_file))
        assert ALL == values(filled) == values(opened())
        assert filled.audit.verify().ok

    def test_threads_of_one_broker(self, filled):
        """A second thread that rotates meanwhile is told so."""
        with pytest.raises(KeyboardInterrupt), filled.audit.ring.rotation():
            with pytest.raises(ConfigError, match="another thread"):
                filled.rotate_master_key()
            raise KeyboardInterrupt

        assert ALL == values(filled)

    def test_the_lock_is_the_systems(self, filled, opened):
        """While one process rotates, another is told to wait; no lock is left."""
        other = opened()
        with pytest.raises(KeyboardInterrupt), filled.audit.ring.rotation():
            with pytest.raises(ConfigError, match="another process"):
                other.rotate_master_key()
            raise KeyboardInterrupt

        assert other.rotate_master_key().rewrapped == 10
