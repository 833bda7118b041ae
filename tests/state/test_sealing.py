"""What is stored on somebody's behalf: they read it again, nobody else does."""

from __future__ import annotations

import sqlite3
from typing import Any

import aiosqlite
import pytest
from cryptography.fernet import Fernet
from langchain_core.messages import HumanMessage
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    CheckpointTuple,
    empty_checkpoint,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.store.memory import InMemoryStore
from pydantic import SecretStr

from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import (
    GuardedSerializer,
    acting,
    compat,
    guard_cache,
    guard_checkpointer,
    guard_store,
)

BOB, CID = Principal("acme", "bob"), Principal("acme", "cid")
VALUE, TEXT = "anns-value-3c4d", "is it anns-value-3c4d?"
CONFIG: dict[str, Any] = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


@pytest.fixture
def redactor():
    redactor = Redactor()
    redactor.seal_with(b"k" * 32)
    redactor.register("ann", VALUE, tenant="acme", owner="ann")
    redactor.register("n", "40712345678", tenant="acme", owner="ann")
    redactor.register("pin", "8123", tenant="acme", owner="ann", allow_short=True)
    return redactor


@pytest.fixture
def bob(redactor):
    return redactor.stored_for(BOB)


@pytest.fixture
def cid(redactor):
    return redactor.stored_for(CID)


class Keeping(BaseCheckpointSaver[str]):
    """A saver of another make: it keeps objects and serializes nothing."""

    def __init__(self):
        super().__init__()
        self.rows = []

    def put(self, config, checkpoint, metadata, new_versions):
        self.rows.append((config, checkpoint, metadata, []))
        return config

    def put_writes(self, config, writes, task_id, task_path=""):
        self.rows[-1][3].extend((task_id, *write) for write in writes)

    def get_tuple(self, config):
        return next(self.list(config), None)

    def list(self, config, **asked):
        for given, checkpoint, metadata, writes in reversed(self.rows):
            yield CheckpointTuple(given, checkpoint, metadata, None, writes)


def sqlite_saver():
    return SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))


def checkpoint_of(values):
    versions = dict.fromkeys(values, "1")
    return {
        **empty_checkpoint(),
        "channel_values": values,
        "channel_versions": versions,
    }


def keep(saver, values, metadata=None):
    checkpoint = checkpoint_of(values)
    versions = checkpoint["channel_versions"]
    config = saver.put(CONFIG, checkpoint, metadata or {"step": 1}, versions)
    saver.put_writes(config, [("log", values)], "task")
    return config


def kept(saver, config=CONFIG):
    saved = saver.get_tuple(config)
    return saved.checkpoint["channel_values"], saved.metadata, saved.pending_writes


SAVERS = {"memory": InMemorySaver, "sqlite": sqlite_saver, "keeping": Keeping}
VALUES = {
    "text": TEXT,
    "number": 40712345678,
    "list": [TEXT, {VALUE: 40712345678}, HumanMessage(TEXT, id="1")],
    "bytes": b"\x00" + VALUE.encode(),
    "short": "pin 8123",
}


@pytest.mark.parametrize("make", SAVERS.values(), ids=SAVERS)
class TestSavers:
    def test_the_writer_reads_their_own(self, redactor, make, bob):
        """Values, pending writes and metadata come back as they were written."""
        saver = guard_checkpointer(make(), redactor)

        with acting(bob):
            keep(saver, VALUES, {"note": TEXT, "n": 40712345678, "pin": 8123})
            values, metadata, writes = kept(saver)

        assert VALUES == values
        assert TEXT == metadata["note"]
        assert (40712345678, 8123) == (metadata["n"], metadata["pin"])
        assert [("task", "log", VALUES)] == writes

    @pytest.mark.parametrize("reader", ["cid", None])
    def test_others_read_nameless_markers(self, redactor, make, bob, cid, reader):
        """Another principal, and nobody, read a marker in its place."""
        saver = guard_checkpointer(make(), redactor)
        with acting(bob):
            keep(saver, VALUES, {"note": TEXT})

        with acting(cid if reader else None):
            found = kept(saver)
            listed = list(saver.list(CONFIG))

        assert "is it [REDACTED]?" == found[0]["text"] == found[1]["note"]
        for shown in (repr(found), repr(listed)):
            assert VALUE not in shown
            assert "40712345678" not in shown
            assert "[REDACTED:~" not in shown

    def test_nobody_writes_nameless_markers(self, redactor, make, bob):
        """A guard used alone seals nothing; there is nobody to read it again."""
        saver = guard_checkpointer(make(), redactor)
        keep(saver, {"text": TEXT})

        with acting(bob):
            assert "is it [REDACTED]?" == kept(saver)[0]["text"]

    def test_another_broker_s_principal_is_nobody(self, redactor, make):
        """A run of another broker neither seals nor opens what this one guards."""
        other = Redactor()
        other.seal_with(b"k" * 32)
        saver = guard_checkpointer(make(), redactor)

        with acting(other.stored_for(BOB)):
            keep(saver, {"text": TEXT})
            assert "is it [REDACTED]?" == kept(saver)[0]["text"]

    def test_a_filter_finds_what_was_sealed(self, redactor, make, bob, cid):
        """The writer finds by what they wrote, as many as asked for; others nothing."""
        saver = guard_checkpointer(make(), redactor)
        with acting(bob):
            for note in ("x", TEXT, TEXT, "y"):
                keep(saver, {"text": note}, {"note": note, "step": 1})

            asked = {"note": TEXT, "step": 1}
            found = [
                len(list(saver.list(CONFIG, filter=asked, limit=limit)))
                for limit in (None, 1, 0, 5)
            ]
        with acting(cid):
            others = list(saver.list(CONFIG, filter={"note": TEXT}))

        assert [2, 1, 0, 2] == found
        assert [] == others

    def test_what_two_redactors_guard_is_sealed_once(self, redactor, make, bob):
        """A second guard leaves a sealed marker alone, and the first one opens it."""
        second = Redactor()
        second.seal_with(b"x" * 32)
        second.register("other", "others-value-9z", tenant="acme", owner="ann")
        saver = guard_checkpointer(guard_checkpointer(make(), second), redactor)

        with acting(bob):
            keep(saver, {"text": f"{TEXT} others-value-9z"})

            assert f"{TEXT} [REDACTED]" == kept(saver)[0]["text"]

    def test_blocks_that_are_read_and_written_again_stay_hidden(
        self, redactor, make, bob, leaks
    ):
        """A value cut across blocks is sealed again after it was read."""
        saver = guard_checkpointer(make(), redactor)
        blocks = [
            {"type": "text", "text": VALUE[:8]},
            {"type": "text", "text": VALUE[8:]},
        ]

        with acting(bob):
            keep(saver, {"log": [HumanMessage(blocks, id="1")]})
            values = kept(saver)[0]
            keep(saver, values)
            assert [HumanMessage(blocks, id="1")] == kept(saver)[0]["log"]
        again = kept(saver)

        assert VALUE[:8] not in repr(again)
        assert VALUE[8:] not in repr(again)


class TestAsync:
    @pytest.mark.parametrize("kind", ["memory", "sqlite"])
    async def test_the_writer_reads_their_own(self, redactor, bob, cid, kind):
        """The async methods seal and open alike."""
        async with aiosqlite.connect(":memory:") as connection:
            inner = (
                InMemorySaver() if kind == "memory" else AsyncSqliteSaver(connection)
            )
            saver = guard_checkpointer(inner, redactor)
            checkpoint = checkpoint_of(VALUES)
            versions = checkpoint["channel_versions"]
            with acting(bob):
                config = await saver.aput(CONFIG, checkpoint, {"n": TEXT}, versions)
                await saver.aput_writes(config, [("log", VALUES)], "task")
                saved = await saver.aget_tuple(CONFIG)
                found = [s async for s in saver.alist(CONFIG, filter={"n": TEXT})]
            with acting(cid):
                others = await saver.aget_tuple(CONFIG)

        assert VALUES == saved.checkpoint["channel_values"]
        assert [("task", "log", VALUES)] == saved.pending_writes
        assert TEXT == saved.metadata["n"] == found[0].metadata["n"]
        assert "is it [REDACTED]?" == others.checkpoint["channel_values"]["text"]

    async def test_the_config_tells_where_no_context_is_left(self, redactor, bob):
        """A write that comes from a bare thread is sealed for its run all the same."""

        class Run:
            stored = bob

        run = {"__pregel_tyrum_run": Run()}
        config = {"configurable": {**CONFIG["configurable"], **run}}
        saver = guard_checkpointer(InMemorySaver(), redactor)
        await saver.aput(config, checkpoint_of({"text": TEXT}), {}, {"text": "1"})

        with acting(bob):
            assert TEXT == kept(saver)[0]["text"]


class Cipher(CipherProtocol):
    def __init__(self):
        self.box = Fernet(Fernet.generate_key())

    def encrypt(self, plaintext):
        return "fernet", self.box.encrypt(plaintext)

    def decrypt(self, ciphername, ciphertext):
        return self.box.decrypt(ciphertext)


class Reversed:
    """A serializer whose bytes nobody can look into."""

    def __init__(self):
        self.inner = JsonPlusSerializer()

    def dumps_typed(self, obj):
        kind, data = self.inner.dumps_typed(obj)
        return kind, data[::-1]

    def loads_typed(self, data):
        return self.inner.loads_typed((data[0], data[1][::-1]))


class TestSerializers:
    @pytest.mark.parametrize(
        "obj", [*VALUES.values(), VALUES, bytearray(VALUE.encode())]
    )
    def test_the_writer_reads_their_own(self, redactor, bob, obj):
        """The serializer by itself seals what it writes for somebody."""
        serde = GuardedSerializer(redactor)

        with acting(bob):
            written = serde.dumps_typed(obj)
            assert obj == serde.loads_typed(written)

        assert VALUE.encode() not in written[1]
        assert "[REDACTED]" in repr(serde.loads_typed(written)) or obj == 40712345678

    def test_reading_what_is_not_sealed_costs_a_look(self, redactor, bob, monkeypatch):
        """Bytes without a sealed marker are not decoded for it."""
        serde = GuardedSerializer(redactor)
        written = serde.dumps_typed({"clean": ["text"] * 9})
        monkeypatch.setattr(compat, "decode", None)

        with acting(bob):
            assert {"clean": ["text"] * 9} == serde.loads_typed(written)

    @pytest.mark.parametrize(
        "serde", [EncryptedSerializer(Cipher()), Reversed()], ids=["cipher", "foreign"]
    )
    def test_under_other_serializers(self, redactor, bob, cid, serde):
        """Inside an encrypted and before a foreign serializer it is the same."""
        saver = guard_checkpointer(InMemorySaver(serde=serde), redactor)

        with acting(bob):
            keep(saver, {"list": [TEXT]})
            assert {"list": [TEXT]} == kept(saver)[0]
        with acting(cid):
            assert {"list": ["is it [REDACTED]?"]} == kept(saver)[0]

    def test_a_secret_str_stays_hidden_from_all(self, redactor, bob):
        """What a SecretStr holds is a marker to its writer, too, right or wrong."""
        serde = GuardedSerializer(redactor)

        with acting(bob):
            read = [
                serde.loads_typed(serde.dumps_typed(SecretStr(text)))
                for text in (VALUE, "nobodys-value-1")
            ]

        assert [SecretStr("[REDACTED]")] * 2 == read


class TestStores:
    async def test_the_writer_reads_their_own(self, redactor, bob, cid):
        """Items come back as they were put; to others with a marker."""
        inner = InMemoryStore()
        store = guard_store(inner, redactor)
        value = {"text": TEXT, VALUE: [40712345678]}

        with acting(bob):
            store.put(("a",), "k", value)
            await store.aput(("a",), "l", value)
            mine = [store.get(("a",), "k").value, (await store.aget(("a",), "l")).value]
            found = [item.value for item in store.search(("a",), filter={"text": TEXT})]
        with acting(cid):
            others = [item.value for item in store.search(("a",))]
            none = store.search(("a",), filter={"text": TEXT})

        assert [value] * 2 == mine == found
        assert "is it [REDACTED]?" == others[0]["text"]
        assert VALUE not in repr([others, inner._data])
        assert [] == none

    def test_what_the_inner_store_holds_stays_sealed(self, redactor, bob):
        """Opening copies: the store's own items are not edited."""
        inner = InMemoryStore()
        store = guard_store(inner, redactor)

        with acting(bob):
            store.put(("a",), "k", {"text": TEXT})
            store.get(("a",), "k")

        assert "[REDACTED:~" in inner.get(("a",), "k").value["text"]


class TestCaches:
    async def test_another_s_result_is_not_found(self, redactor, bob, cid):
        """A cached value that was sealed for somebody else counts as missing."""
        cache = guard_cache(InMemoryCache(), redactor)
        key = (("ns",), "k")

        with acting(bob):
            cache.set({key: (TEXT, None)})
            mine = [cache.get([key]), await cache.aget([key])]
        with acting(cid):
            others = [cache.get([key]), await cache.aget([key])]

        assert [{key: TEXT}] * 2 == mine
        assert [{}, {}] == others
