"""Texts found clean are not looked at again, until more values are known."""

from __future__ import annotations

import copy

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import guard_checkpointer
from langchain_tyrum.state.guard import Guard, guard_of, refuse_each


class TestKnown:
    """What a guard found clean."""

    def test_until_a_value_is_registered(self, redactor):
        """It is kept in one generation only."""
        guard = Guard((redactor,))
        refuse_each(guard, [("a name", "a")])
        assert {"a"} == guard.known.texts

        redactor.register("late", "late owl 91 harbour")

        assert set() == guard.known.texts

    def test_of_each_redactor(self, redactor):
        """A value that any of them learns makes all unknown."""
        second = Redactor()
        guard = Guard((redactor, second))
        refuse_each(guard, [("a name", "a")])
        assert {"a"} == guard.known.texts

        second.register("late", "late owl 91 harbour")

        assert set() == guard.known.texts

    def test_whether_ids_pass(self, redactor):
        """They do until a value is of their letters."""
        guard = Guard((redactor, Redactor()))
        passed = [guard.known.ids_pass]

        guard.redactors[1].register("k", "9c4e-4b70")
        passed.append(guard.known.ids_pass)

        assert [True, False] == passed

    def test_of_long_ones_a_fingerprint(self, redactor):
        """A run that stores much text keeps little of it."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

        def stored(text):
            versions = {"text": 1}
            checkpoint = empty_checkpoint() | {"channel_versions": versions}
            checkpoint["channel_values"] = {"text": text}
            metadata = {"note": text, "deep": [text]}
            found = saver.put(config, checkpoint, metadata, versions)
            saved = saver.get_tuple(found)
            return [saved.checkpoint["channel_values"]["text"], *saved.metadata.items()]

        for page in range(20):
            text = f"page {page} of many " * 1000
            assert [text, ("note", text), ("deep", [text])] == stored(text)

        assert 20_000 > len(repr(guard_of(saver).known.texts))

    def test_in_a_deep_copy(self, redactor):
        """A deep copy of a guarded saver is guarded by the same."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        config = {"configurable": {"thread_id": "late owl 91 harbour"}}
        assert saver.get_tuple(config) is None

        copied = copy.deepcopy(saver)
        redactor.register("late", "late owl 91 harbour")

        with pytest.raises(RawSecretFound):
            copied.get_tuple(config)

    def test_bounded(self, redactor):
        """It does not grow without end, and says no text of it."""
        guard = Guard((redactor,))
        for number in range(9_000):
            guard.known.texts.add(f"a text {number}")

        assert 0 < len(guard.known.texts) <= 4097
        assert f"CleanTexts({len(guard.known.texts)})" == repr(guard.known)


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
