"""State is serialized in pieces, which make the bytes of the whole."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import ormsgpack
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send
from pydantic import BaseModel, Field

from langchain_tyrum.state import GuardedSerializer
from langchain_tyrum.state.known import Known, Marks
from langchain_tyrum.state.pieces import Repair, head


class Aliased(BaseModel):
    inner: int = Field(alias="outer")


class Own(BaseModel):
    text: str

    def model_dump(self, **options):
        return {"text": "as it likes"}


MESSAGES = [
    HumanMessage("hi", id="1"),
    SystemMessage([{"type": "text", "text": "a"}, "b"]),
    AIMessage("x", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}], odd=1),
    AIMessageChunk("y", tool_call_chunks=[]),
    ToolMessage("z", tool_call_id="1", artifact={"a": {1, 2}}),
    ChatMessage("w", role="odd"),
    RemoveMessage(id="1"),
]


def checkpoint(**values):
    return {**empty_checkpoint(), "channel_values": values, "more": [1]}


WHOLES = [
    [],
    {},
    MESSAGES,
    MESSAGES * 20,
    list(range(100)),
    [0.5] * 70_000,
    ["text"] * 70_000,
    [{"a": n} for n in range(33)],
    dict.fromkeys(map(str, range(70_000)), 1),
    {n: [n] for n in range(40)},
    {(1, 2): {"a": {"b": {"c": {"d": {"e": ["f"]}}}}}},
    {"content": [{"type": "text", "text": "a"}, "b"], None: 1, 2.5: "x"},
    {UUID(int=1): 1, datetime(2026, 1, 2, tzinfo=UTC): [2]},
    checkpoint(messages=MESSAGES, files={"a": "b"}, n=1, tasks=[Send("n", {"a": []})]),
    checkpoint(),
    [Aliased(outer=1), Own(text="t")],
]


class TestBytes:
    @pytest.mark.parametrize("whole", WHOLES, ids=range(len(WHOLES)))
    def test_are_langgraphs(self, whole, redactor):
        """Joined, the pieces are what LangGraph's own serializer writes."""
        expected = JsonPlusSerializer().dumps_typed(whole)

        serde = GuardedSerializer(redactor)

        assert expected == serde.dumps_typed(whole)
        assert expected == serde.dumps_typed(whole)  # known by now

    @pytest.mark.parametrize("whole", WHOLES, ids=range(len(WHOLES)))
    def test_of_a_repair_too(self, whole, redactor):
        """Where one piece is repaired, the others stay as they were."""
        encode = JsonPlusSerializer().dumps_typed
        repair = Repair(lambda made_of: encode(made_of)[1])

        repair.add(whole)

        assert encode(whole)[1] == repair.written()

    def test_keys_that_become_one(self, redactor, canary, other_canary):
        """Keys that become the same marker leave a map that can be read."""
        redactor.unregister("vault/other")
        redactor.register("vault/canary", other_canary)
        serde, stored = GuardedSerializer(redactor), {canary: "a", other_canary: "b"}

        loaded = serde.loads_typed(serde.dumps_typed([stored, {"x": stored}]))
        alone = serde.loads_typed(serde.dumps_typed({**stored, "c": [1], "d": 2}))

        assert canary not in repr(loaded) + repr(alone)
        assert ([1], 2) == (alone["c"], alone["d"])
        assert [2, 4] == [len(loaded[0]), len(alone)]

    @pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
    @pytest.mark.parametrize("is_map", [True, False])
    def test_heads(self, count, is_map):
        """Heads of lists and maps are msgpack's, at each length."""
        whole = dict.fromkeys(range(count), 1) if is_map else [1] * count
        packed = ormsgpack.packb(whole, option=ormsgpack.OPT_NON_STR_KEYS)

        made = head(count, is_map=is_map)

        assert packed.startswith(made)
        assert len(packed) - len(made) == count * (1 + 2 * is_map) or is_map


class TestKnown:
    def test_forgets_with_each_registration(self):
        """Under another key nothing is known."""
        known = Known()
        known.at(1).add([b"a"])

        assert (True, False) == (b"a" in known.at(1), b"a" in known.at(2))

    def test_keeps_what_was_used_last(self):
        """It is bounded, and what goes on being used stays."""
        marks = Marks()
        for start in range(0, 400_000, 1000):
            marks.add([b"stays"] if b"stays" not in marks else [])
            marks.add(b"%d" % n for n in range(start, start + 1000))

        assert b"stays" in marks
        assert len(marks) < 100_000
        assert b"1" not in marks
