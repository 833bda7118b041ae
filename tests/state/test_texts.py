"""Texts found clean are not looked at again, until more values are known."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.state import guard_checkpointer
from langchain_tyrum.state.guard import Guard
from langchain_tyrum.state.texts import CleanTexts


class TestCleanTexts:
    """The set."""

    def test_known(self):
        """What was added is known, in its generation only."""
        texts = CleanTexts()
        texts.add(1, {"a"})

        assert {"b"} == texts.unknown(1, ["a", "b"])
        assert {"a", "b"} == texts.unknown(2, ["a", "b"])

    def test_bounded(self):
        """It does not grow without end."""
        texts = CleanTexts()
        for number in range(10_000):
            texts.add(1, {number})

        assert len(texts._known[1]) <= 4096


class TestInASaver:
    """Config and ids."""

    def test_value_registered_later(self, redactor):
        """An id that was clean is refused once it is a registered value."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        config = {"configurable": {"thread_id": "late owl 91 harbour"}}
        assert saver.get_tuple(config) is None

        redactor.register("late", "late owl 91 harbour")

        with pytest.raises(RawSecretFound):
            saver.get_tuple(config)

    def test_withheld_whole(self, redactor, monkeypatch):
        """A redactor that withholds a whole structure does not replace it."""
        monkeypatch.setattr(redactor, "redact", lambda obj: "[REDACTED]")

        with pytest.raises(RawSecretFound, match="plain data"):
            Guard((redactor,)).clean({"a": 1}, "a checkpoint")
