"""On a server too the master key changes while everybody goes on."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from langchain_tyrum.errors import KeyMismatch
from langchain_tyrum.ledger.master import MasterKey
from langchain_tyrum.providers import database as database_module

OLD, NEW, OTHER = (bytes([number]) * 32 for number in (1, 2, 3))

#: Leases and puts until it is told to stop; knows the new key and the old one.
WORKS = """
import sys, threading
from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.providers import DatabaseProvider
url, name = sys.argv[1:]
keys = [bytes([2]) * 32, bytes([1]) * 32]
broker = SecretBroker(
    providers=[DatabaseProvider(url, key=keys)], catalog=url, key=keys,
    policy=SecretPolicy(allow=["*"]),
)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set())).start()
print("working", flush=True)
rounds = 0
while not over.is_set():
    for number in range(10):
        with broker.lease(f"k/{number}", tool_id="t") as value:
            assert value.reveal() == f"value-of-{number}-0123", number
    rounds += 1
    broker.put(name, f"round-{rounds}-0123", replace=True)
print(rounds)
"""


def sealing_keys(store) -> set[str]:
    return {row[0] for row in store.run("SELECT DISTINCT key_id FROM tyrum_values")}


class TestRotation:
    @pytest.fixture(autouse=True)
    def _small_batches(self, monkeypatch):
        monkeypatch.setattr(database_module, "_BATCH", 2)

    @pytest.fixture
    def filled(self, postgres):
        broker = postgres.open(key=OLD)
        for number in range(10):
            broker.put(f"k/{number}", f"value-of-{number}-0123")
        return broker

    def test_processes_with_both_keys_never_notice(self, filled, postgres):
        """Processes that lease and put all the time see no error, only right values."""
        running = [
            subprocess.Popen(
                [sys.executable, "-W", "error", "-c", WORKS, postgres.url, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in ("one", "two")
        ]
        assert ["working\n"] * 2 == [process.stdout.readline() for process in running]

        report = filled.rotate_master_key(key=NEW)

        told = [process.communicate("") for process in running]
        assert [0, 0] == [process.returncode for process in running], told
        assert report.rewrapped >= 10
        assert {MasterKey(NEW).key_id} == sealing_keys(postgres)
        again = postgres.open(key=NEW)
        for name, (out, _) in zip(("one", "two"), told, strict=True):
            with again.lease(name, tool_id="t") as value:
                assert f"round-{int(out)}-0123" == value.reveal()
        assert again.audit.verify().ok

    def test_of_two_rotations_one_wins(self, filled, postgres):
        """Of two rotations at once, to different keys, one changes nothing."""

        def rotate(key):
            try:
                return postgres.open(key=OLD).rotate_master_key(key=key).key_id
            except KeyMismatch:
                return None

        with ThreadPoolExecutor(2) as pool:
            won = set(pool.map(rotate, (NEW, OTHER))) - {None}

        assert 1 == len(won)
        assert won == sealing_keys(postgres)
        key = NEW if won == {MasterKey(NEW).key_id} else OTHER
        assert postgres.open(key=key).audit.verify().ok
