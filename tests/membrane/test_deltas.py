"""`MessageDeltas`: what the `messages` mode shows of whole messages and of chunks."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage

from langchain_tyrum.membrane.deltas import MessageDeltas, ToolDeltas
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state.view import RunView


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


class TestLateChunks:
    @pytest.mark.parametrize("late", ["a", "b", None])
    def test_what_comes_after_the_last_chunk_ends_no_value(self, deltas, value, late):
        """A call that goes on after its end is the same call, whatever its ids."""
        metadata, texts = {"langgraph_step": 1}, (value[:9], "", value[9:])
        chunks = [AIMessageChunk(text, id="a") for text in texts]
        chunks[1].chunk_position = "last"
        chunks[2].id = late

        fed = [pair for each in chunks for pair in deltas.feed((), (each, metadata))]
        told = [message for message, _ in fed]
        told += [message for _, (message, _) in deltas.rest()]

        said = "".join(message.content for message in told)
        assert f"{value[:9]}[REDACTED:k]" == said

    def test_so_do_events(self, deltas, value):
        """A delta after the end of its message is read behind it."""
        metadata = {"run_id": "1"}
        texts = [
            {"type": "text-delta", "text": each} for each in (value[:9], value[9:])
        ]
        delta = {"event": "content-block-delta", "index": 0}
        end = {"event": "message-finish"}
        events = [{**delta, "delta": texts[0]}, end, {**delta, "delta": texts[1]}, end]

        fed = [pair for each in events for pair in deltas.feed((), (each, metadata))]

        said = "".join(each.get("delta", {}).get("text", "") for each, _ in fed)
        assert f"{value[:9]}[REDACTED:k]" == said

    def test_few_calls_that_ended_are_kept(self, deltas):
        """However many models a run asks, memory is bounded."""
        raws = [{"langgraph_step": step} for step in range(200)]
        for raw in raws:
            list(deltas.feed((), (AIMessageChunk("a", chunk_position="last"), raw)))

        assert 64 == len(deltas._ended)
        assert not deltas._calls


class TestComputedText:
    @pytest.fixture
    def later(self):
        """An object that holds nothing, and says what its class says."""

        class Later:
            says = "calm"

            def __repr__(self):
                return self.says

        return Later()

    def test_of_a_whole_message(self, deltas, later, value):
        """An artifact that is clean now says the same when it is written later."""
        message = ToolMessage("t", tool_call_id="1", artifact=later)

        ((shown, metadata),) = deltas.feed((), (message, {"note": later}))
        type(later).says = value

        assert value in repr(message)
        assert "calm" in repr(shown.artifact)
        assert value not in repr((shown, metadata))

    def test_of_a_chunk(self, deltas, later, value):
        """What stands in a chunk, or beside it, too."""
        chunk = AIMessageChunk("t", additional_kwargs={"odd": later})

        ((shown, metadata),) = deltas.feed((), (chunk, {"note": later}))
        type(later).says = value

        assert value in repr(chunk)
        assert "calm" in repr(shown.additional_kwargs)
        assert value not in repr((shown, metadata))

    @pytest.mark.parametrize("key", ["output", "delta"])
    def test_of_a_tool(self, deltas, later, value, key):
        """What a tool hands over says the same when it is written later."""
        kind = "tool-finished" if key == "output" else "tool-output-delta"
        event = {"event": kind, "tool_call_id": "a", key: {"odd": later}}

        (shown,) = ToolDeltas(deltas._view).feed((), event)
        type(later).says = value

        assert value in repr(event)
        assert "calm" in repr(shown)
        assert value not in repr(shown)
