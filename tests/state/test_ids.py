"""Made-up ids need no search while no value is of their letters, and get one else."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.errors import RawSecretFound, WeakSecret
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.ids import are_beyond
from langchain_tyrum.redaction.text import TextGuard
from langchain_tyrum.state import GuardedSerializer, guard_checkpointer
from langchain_tyrum.state.view import RunView

UUID = "3d2f8a61-9c4e-4b70-8f15-a6e09c7d2b34"
ID = f"lc_run--{UUID}-12"


def standing_in(text):
    """All that a value could be, to stand in a text."""
    lengths = (3, 4, 8, 9, 12, 13, 14, 21, 32, len(text))
    return [
        text[start : start + length]
        for length in lengths
        for start in range(len(text) - length + 1)
    ]


class TestByTheirLetters:
    @pytest.mark.parametrize("short", [False, True])
    def test_no_value_that_stands_in_an_id_is_missed(self, short):
        """Whatever part of an id is registered, ids are searched from then on."""
        tried = 0
        for value in standing_in(ID):
            redactor = Redactor()
            try:
                redactor.register("k", value, allow_short=short)
            except WeakSecret:
                continue
            tried += 1
            assert not are_beyond(redactor, [ID]), value

        assert tried > 100

    def test_other_values_leave_them_beyond_doubt(self, redactor):
        """Values of other letters stand in no id, in none of their forms."""
        redactor.register("token", "Qx7Zp2Lw9Rt4Vn8Ks3Hd")
        redactor.register("text", "correct horse battery")
        redactor.register("number", "4929 1234 5678 9012")

        assert are_beyond(redactor, [UUID, ID, UUID])

    def test_a_value_registered_later(self, redactor):
        """It counts from then on."""
        assert are_beyond(redactor, [UUID])

        redactor.register("pin", "9c4e-4b70")

        assert not are_beyond(redactor, [UUID])

    @pytest.mark.parametrize(
        "other",
        ["", "a", UUID[:-1], UUID.upper(), f"{UUID}\n", f"x{UUID}", 7, None, {}],
    )
    def test_what_is_no_made_up_id(self, redactor, other):
        """Of anything else nothing is told."""
        assert not are_beyond(redactor, [UUID, other])


class TestWhereTheyStand:
    """With a registered id: refused as a key, never written, never shown."""

    @pytest.fixture
    def redactor(self):
        redactor = Redactor()
        redactor.register("k", UUID)
        return redactor

    @pytest.mark.parametrize("key", ["thread_id", "checkpoint_ns", "checkpoint_id"])
    def test_in_a_config(self, redactor, key):
        """A saver refuses it."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", key: UUID}}

        with pytest.raises(RawSecretFound, match=key):
            saver.put(config, empty_checkpoint(), {}, {})
        with pytest.raises(RawSecretFound, match=key):
            saver.get_tuple(config)

    def test_as_the_id_of_a_checkpoint(self, redactor):
        """A saver refuses it."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

        with pytest.raises(RawSecretFound, match="id of the checkpoint"):
            saver.put(config, {**empty_checkpoint(), "id": UUID}, {}, {})

    @pytest.mark.parametrize("name", [UUID, ID])
    def test_as_the_id_of_a_message(self, redactor, name):
        """It is neither shown nor written, new or set later."""
        view, serde = RunView(redactor), GuardedSerializer(redactor)
        first, later = AIMessage("a", id=name), HumanMessage("b")
        assert later is view.redact([later])[0]
        serde.dumps_typed([first, later])

        later.id = name
        shown = view.redact([first, later])
        data = serde.dumps_typed([first, later])[1]

        assert ["a", "b"] == [message.content for message in shown]
        assert UUID not in repr(shown)
        assert 2 == data.count(b"[REDACTED")
        assert UUID.encode() not in data


class TestTheirCost:
    def test_nothing_is_searched(self, redactor, monkeypatch):
        """Ids that are new at each step ask no engine for anything."""
        view = RunView(redactor)
        messages = [
            AIMessage("the same text", id=f"lc_run--{UUID}-{n}") for n in (1, 2)
        ]
        view.redact(messages[:1])
        asked = []
        for name in ("spans", "holds"):
            monkeypatch.setattr(
                TextGuard, name, lambda *args, **options: asked.append(args)
            )

        assert view.redact(messages[1:])[0] is messages[1]
        messages[1].id = UUID
        assert view.redact(messages)[1] is messages[1]
        assert [] == asked
