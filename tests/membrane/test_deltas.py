"""`MessageDeltas`: what the `messages` mode shows of whole messages and of chunks."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_tyrum.membrane.deltas import MessageDeltas
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state.view import RunView


@pytest.fixture
def value(canary):
    return canary()


@pytest.fixture
def deltas(value):
    redactor = Redactor()
    redactor.register("k", value)
    return MessageDeltas(RunView(redactor))


class TestWholeMessages:
    def test_message_and_metadata_are_redacted(self, deltas, value):
        """Of a model that does not stream, the answer comes at once, with metadata."""
        given = AIMessage(f"it is {value}"), {"note": value, "langgraph_step": 1}

        ((message, metadata),) = deltas.feed((), given)

        assert "it is [REDACTED:k]" == message.content
        assert {"note": "[REDACTED:k]", "langgraph_step": 1} == metadata
        assert [] == list(deltas.rest())

    def test_a_clean_one_is_shown_as_it_is(self, deltas):
        """Neither it nor its metadata is copied."""
        given = AIMessage("it is fine"), {"langgraph_step": 1}

        ((message, metadata),) = deltas.feed((), given)

        assert message is given[0]
        assert metadata is given[1]

    def test_what_waits_of_its_call_comes_first(self, deltas, value):
        """A whole message at the end of a call lets go of what was held back."""
        metadata = {"langgraph_step": 1}
        head = AIMessageChunk(content=f"see {value[:6]}")

        ((early, _),) = deltas.feed((), (head, metadata))
        late = [message for message, _ in deltas.feed((), (AIMessage(""), metadata))]

        assert "see " == early.content
        assert [value[:6], ""] == [message.content for message in late]
        assert [] == list(deltas.rest())
