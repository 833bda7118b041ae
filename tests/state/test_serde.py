"""The guarded serializer: what it writes, what comes back."""

from __future__ import annotations

import dataclasses
import enum
import logging
import pickle
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel, SecretBytes, SecretStr

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.handles import SecretHandle, SecretRecord, SecretReference, new_id
from langchain_tyrum.state import GuardedSerializer, guard_checkpointer, guard_serde

UNREGISTERED = "never told to anybody"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Pair(NamedTuple):
    left: Any
    right: Any


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Box:
    inner: object


class Login(BaseModel):
    password: SecretStr
    key: SecretBytes | None = None
    note: str = ""


class Reversing(CipherProtocol):
    def encrypt(self, plaintext):
        return "rev", plaintext[::-1]

    def decrypt(self, ciphername, ciphertext):
        return ciphertext[::-1]


@pytest.fixture
def serde(redactor):
    return GuardedSerializer(redactor)


CLEAN = [
    None,
    "text",
    b"bytes",
    bytearray(b"more"),
    {"a": [1, 2.5, None, True], 3: "x"},
    {"a"},
    ("a", 1),
    Pair("l", "r"),
    NOW,
    UUID(int=7),
    Color.RED,
    Box({"x": 1}),
    HumanMessage("hi", id="1"),
    AIMessage("x", tool_calls=[{"name": "f", "args": {}, "id": "1"}]),
]


class TestClean:
    """Without a value in it, nothing changes."""

    @pytest.mark.parametrize("obj", CLEAN, ids=repr)
    def test_same_bytes(self, obj, serde):
        """The bytes are those of LangGraph's own serializer."""
        assert JsonPlusSerializer().dumps_typed(obj) == serde.dumps_typed(obj)

    @pytest.mark.parametrize("obj", CLEAN, ids=repr)
    def test_round_trip(self, obj, serde):
        """What is read back is what LangGraph's own serializer reads back."""
        written = serde.dumps_typed(obj)

        assert JsonPlusSerializer().loads_typed(written) == serde.loads_typed(written)


class TestValues:
    """Registered values."""

    def test_types_survive(self, serde, canary, leaks):
        """Repairing keeps every type around the value."""
        stored = [
            HumanMessage(f"say {canary}", id="1"),
            Box({canary: b"x" + canary.encode()}),
            Pair(canary, UUID(int=7)),
            {"when": NOW, "who": Color.RED, "set": {canary}},
        ]

        kind, data = serde.dumps_typed(stored)
        message, box, pair, rest = serde.loads_typed((kind, data))

        assert [] == leaks(data)
        mark = "[REDACTED:vault/canary]"
        assert HumanMessage(f"say {mark}", id="1") == message
        assert Box({mark: b"x" + mark.encode()}) == box
        assert Pair(mark, UUID(int=7)) == pair
        assert {"when": NOW, "who": Color.RED, "set": {mark}} == rest

    def test_bytes(self, serde, canary, leaks):
        """Plain bytes are repaired as bytes."""
        for obj in (canary.encode(), bytearray(canary.encode())):
            written = serde.dumps_typed(obj)
            assert [] == leaks(bytes(written[1]))
            assert type(obj) is type(serde.loads_typed(written))

    def test_live_objects_are_not_edited(self, serde, canary):
        """The object that was written keeps its value."""
        message = HumanMessage(canary)

        serde.dumps_typed([message])

        assert canary == message.content

    def test_constructors_do_not_run(self, serde, canary):
        """Repairing runs no constructor of the classes in the state."""
        made = []

        class Loud(BaseModel):
            text: str

            def model_post_init(self, context):
                made.append(1)

        loud = Loud(text=canary)
        made.clear()
        serde.dumps_typed(loud)

        assert [] == made

    def test_what_no_walk_reaches(self, serde, canary, redactor, monkeypatch):
        """Bytes that stay raw after the walk are not handed out."""
        monkeypatch.setattr(redactor, "redact", lambda obj: obj)

        with pytest.raises(RawSecretFound) as refused:
            serde.dumps_typed({"a": canary})

        assert canary not in str(refused.value)
        assert refused.value.__context__ is None

    def test_pickle_fallback(self, redactor, canary, leaks):
        """What is pickled is guarded too."""
        serde = GuardedSerializer(redactor, pickle_fallback=True)
        stored = {"odd": complex(1, 2), "raw": canary, "s": SecretStr(UNREGISTERED)}

        kind, data = serde.dumps_typed(stored)

        assert "pickle" == kind
        assert [] == leaks(data, canary, UNREGISTERED)
        assert "[REDACTED:vault/canary]" == pickle.loads(data)["raw"]
        assert complex(1, 2) == serde.loads_typed((kind, data))["odd"]


class TestSecretStr:
    """pydantic's own way to mark a secret."""

    @pytest.mark.parametrize(
        "make",
        [
            SecretStr,
            lambda v: SecretBytes(v.encode()),
            lambda v: {"deep": [SecretStr(v)]},
            lambda v: Login(password=v, key=v.encode()),
            lambda v: Box(Login(password=v)),
            lambda v: HumanMessage("x", additional_kwargs={"k": SecretStr(v)}),
            lambda v: {SecretStr(v)},
        ],
    )
    def test_never_in_clear(self, make, serde, canary, leaks):
        """A SecretStr is written as a marker, registered or not, however deep."""
        for value in (UNREGISTERED, canary):
            assert leaks(JsonPlusSerializer().dumps_typed(make(value))[1], value)

            _, data = serde.dumps_typed(make(value))

            assert [] == leaks(data, value)
            assert b"[REDACTED" in data

    def test_class_survives(self, serde):
        """It comes back as a SecretStr, holding a marker."""
        loaded = serde.loads_typed(serde.dumps_typed(Login(password=UNREGISTERED)))

        assert "[REDACTED]" == loaded.password.get_secret_value()

    def test_handle_stays(self, serde):
        """A handle in a SecretStr is no value and stays readable."""
        handle = f"tyrum://{new_id('h_')}"
        loaded = serde.loads_typed(serde.dumps_typed(SecretStr(handle)))

        assert handle == loaded.get_secret_value()


class TestNesting:
    """Beside other serializers."""

    def test_inside_encryption(self, redactor, canary, leaks):
        """Encryption stays outermost; what it encrypts is guarded."""
        plain = EncryptedSerializer(Reversing())
        serde = guard_serde(plain, redactor)

        kind, data = serde.dumps_typed({"a": canary})

        assert "msgpack+rev" == kind
        assert [] == leaks(data[::-1])
        assert {"a": "[REDACTED:vault/canary]"} == serde.loads_typed((kind, data))
        assert leaks(plain.dumps_typed({"a": canary})[1][::-1])

    def test_users_subclass(self, redactor, canary, leaks):
        """A serializer that somebody derived keeps what it adds."""

        class Tagging(JsonPlusSerializer):
            def dumps_typed(self, obj):
                kind, data = super().dumps_typed(obj)
                return kind, data + b""

            tag = "mine"

        serde = guard_serde(Tagging(pickle_fallback=True), redactor)

        assert isinstance(serde, Tagging)
        assert ("mine", True) == (serde.tag, serde.pickle_fallback)
        stored = [canary, SecretStr(UNREGISTERED)]
        assert [] == leaks(serde.dumps_typed(stored)[1], canary, UNREGISTERED)

    def test_foreign(self, redactor, canary):
        """A serializer of another make gets objects with markers."""

        class Packing:
            extra = 1

            def dumps_typed(self, obj):
                return "packed", pickle.dumps(obj)[::-1]

            def loads_typed(self, data):
                return pickle.loads(data[1][::-1])

        serde = guard_serde(Packing(), redactor)
        written = serde.dumps_typed({"a": canary})

        assert {"a": "[REDACTED:vault/canary]"} == serde.loads_typed(written)
        assert 1 == serde.extra

    def test_given_one_is_untouched(self, redactor, canary):
        """The given serializer goes on as before."""
        plain = JsonPlusSerializer()

        guard_serde(plain, redactor)

        assert type(plain) is JsonPlusSerializer
        assert canary.encode() in plain.dumps_typed(canary)[1]


class TestStrict:
    """Strict msgpack."""

    @pytest.fixture
    def nouns(self):
        handle = SecretHandle(handle_id=new_id("h_"), name="n")
        record = SecretRecord(
            handle_id=handle.handle_id,
            name="n",
            provider="memory",
            scope="n",
            created_at=NOW,
            updated_at=NOW,
        )
        reference = SecretReference(secret_ref_id="r", allowed_tool_ids=("t",))
        return [handle, record, reference]

    def test_our_types(self, redactor, nouns):
        """The package's nouns come back as what they were, also when strict."""
        serde = GuardedSerializer(redactor, allowed_msgpack_modules=None)

        assert nouns == serde.loads_typed(serde.dumps_typed(nouns))

    def test_in_a_guarded_saver(self, redactor, nouns):
        """A strict saver reads them too once it is guarded."""
        strict = JsonPlusSerializer(allowed_msgpack_modules=None)
        saver = guard_checkpointer(InMemorySaver(serde=strict), redactor)
        saver = saver.with_allowlist([("some.module", "Type")])

        assert nouns == saver.serde.loads_typed(saver.serde.dumps_typed(nouns))

    def test_other_types_stay_blocked(self, redactor):
        """Nothing else is allowed by it."""
        serde = GuardedSerializer(redactor, allowed_msgpack_modules=None)

        assert {"inner": 1} == serde.loads_typed(serde.dumps_typed(Box(1)))

    def test_handle_of_a_blocked_type(self, nouns):
        """What a strict reader without our list yields still parses as the handle."""
        plain = JsonPlusSerializer(allowed_msgpack_modules=None)
        loaded = plain.loads_typed(plain.dumps_typed(nouns[0]))

        assert nouns[0] == SecretHandle.parse(loaded)

    def test_derived_copy(self, redactor, canary, leaks):
        """The copy with a longer allow-list is guarded as well."""
        serde = GuardedSerializer(redactor, allowed_msgpack_modules=None)
        copied = serde.with_msgpack_allowlist([Box])

        assert Box("[REDACTED:vault/canary]") == copied.loads_typed(
            copied.dumps_typed(Box(canary))
        )

    def test_repr_and_logs(self, serde, canary, caplog):
        """Neither its repr nor its logs show a value."""
        with caplog.at_level(logging.DEBUG):
            serde.dumps_typed(canary)

        assert canary not in repr(serde) + caplog.text
