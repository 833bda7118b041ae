"""`MessageStreamGuard` and `EventStreamGuard`: hold-back per part of a message."""

from __future__ import annotations

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessageChunk,
    ToolMessageChunk,
)

from langchain_tyrum.models import EventStreamGuard, MessageStreamGuard

MARKER = "[REDACTED:api/key]"


def _merged(chunks):
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total


class TestMessages:
    def test_every_split_point(self, redactor, value):
        """Wherever the text is cut in two, it says what the whole text says."""
        text = f"a {value} b"
        for at in range(len(text) + 1):
            guard = MessageStreamGuard(redactor)
            chunks = [
                guard.feed(AIMessageChunk(text[:at], id="1")),
                guard.feed(AIMessageChunk(text[at:], id="1")),
                guard.feed(AIMessageChunk("", id="1", chunk_position="last")),
            ]
            assert f"a {MARKER} b" == "".join(chunk.content for chunk in chunks)

    def test_messages_interleaved(self, redactor, value):
        """Two messages that stream at once do not mix."""
        guard = MessageStreamGuard(redactor)
        shown = {"1": "", "2": ""}
        other = "nothing to hide here.."
        for mine, theirs in zip(value, other, strict=True):
            for key, letter in (("1", mine), ("2", theirs)):
                shown[key] += guard.feed(AIMessageChunk(letter, id=key)).content
        for key in shown:
            last = AIMessageChunk("", id=key, chunk_position="last")
            shown[key] += guard.feed(last).content

        assert {"1": MARKER, "2": other} == shown

    @pytest.mark.parametrize("kind", ["text", "reasoning"])
    def test_content_blocks(self, kind, redactor, value):
        """Blocks are held back one by one, by their index."""
        guard = MessageStreamGuard(redactor)
        chunks = []
        for letter in f"a {value}":
            block = {"type": kind, kind: letter, "index": 0}
            still = {"type": "text", "text": ".", "index": 1}
            chunks.append(guard.feed(AIMessageChunk([block, still], id="1")))
        chunks.append(guard.feed(AIMessageChunk([], id="1", chunk_position="last")))
        total = _merged(chunks)

        assert value not in repr(chunks)
        assert f"a {MARKER}" == total.content[0][kind]
        assert "." * len(f"a {value}") == total.content[1]["text"]
        assert 2 == len(total.content)

    def test_nested_parts(self, redactor, value):
        """Provider fields deep in `additional_kwargs` are held back and merged."""
        guard = MessageStreamGuard(redactor)
        chunks = [
            guard.feed(
                AIMessageChunk(
                    "",
                    id="1",
                    additional_kwargs={
                        "reasoning_content": letter,
                        "tool_calls": [{"index": 0, "function": {"arguments": letter}}],
                    },
                )
            )
            for letter in value
        ]
        chunks.append(guard.feed(AIMessageChunk("", id="1", chunk_position="last")))
        total = _merged(chunks)

        assert value not in repr(total)
        assert MARKER == total.additional_kwargs["reasoning_content"]
        (call,) = total.additional_kwargs["tool_calls"]
        assert {"index": 0, "function": {"arguments": MARKER}} == call

    def test_derived_fields(self, redactor, value):
        """Tool calls that LangChain derives from a chunk are derived anew."""
        chunk = AIMessageChunk(
            "",
            id="1",
            chunk_position="last",
            tool_call_chunks=[
                {"name": "t", "args": f'{{"a": "{value}"}}', "id": "c", "index": 0}
            ],
        )
        shown = MessageStreamGuard(redactor).feed(chunk)

        assert value in repr(chunk.tool_calls)
        assert value not in repr(shown)
        assert [{"a": MARKER}] == [call["args"] for call in shown.tool_calls]

    def test_metadata(self, redactor, value):
        """Fields that come whole are redacted at once; usage stays."""
        usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
        chunk = AIMessageChunk(
            "", id="1", response_metadata={"m": value}, usage_metadata=usage
        )
        shown = MessageStreamGuard(redactor).feed(chunk)

        assert {"m": MARKER} == shown.response_metadata
        assert usage == shown.usage_metadata

    def test_whole_messages(self, redactor, value):
        """A whole message passes through at once; a clean one is the same object."""
        guard = MessageStreamGuard(redactor)
        clean = AIMessage("hi", id="1")

        assert clean is guard.feed(clean)
        assert MARKER == guard.feed(AIMessage(value, id="2")).content

    @pytest.mark.parametrize("kind", [HumanMessageChunk, ToolMessageChunk])
    def test_other_chunks(self, kind, redactor, value):
        """Chunks of other roles are held back and flushed like the model's."""
        more = {"tool_call_id": "c"} if kind is ToolMessageChunk else {}
        guard = MessageStreamGuard(redactor)
        shown = [guard.feed(kind(content=c, id="1", **more)).content for c in value]
        shown += [chunk.content for chunk in guard.flush()]

        assert MARKER == "".join(shown)

    def test_flush(self, redactor, value):
        """A stream that breaks off loses nothing when flushed, and shows no value."""
        guard = MessageStreamGuard(redactor)
        text = value[:10]
        shown = "".join(guard.feed(AIMessageChunk(c, id="1")).content for c in text)
        (tail,) = guard.flush()

        assert text == shown + tail.content
        assert ("1", []) == (tail.id, guard.flush())

    def test_one_message_without_ids(self, redactor, value):
        """With a key of its own a message is one stream, whatever its chunks' ids."""
        guard = MessageStreamGuard(redactor)
        ids = ["first", *[None] * (len(value) - 1)]
        shown = [
            guard.feed(AIMessageChunk(letter, id=each), key="run").content
            for letter, each in zip(value, ids, strict=True)
        ]
        shown += [chunk.content for chunk in guard.flush()]

        assert MARKER == "".join(shown)

    def test_repr(self, redactor, value):
        """The guard prints a count, nothing of what it holds."""
        guard = MessageStreamGuard(redactor)
        guard.feed(AIMessageChunk(value[:5], id="1"))

        assert "MessageStreamGuard(open=1)" == repr(guard)


class TestEvents:
    @pytest.mark.parametrize(
        ("kind", "field"),
        [
            ("text-delta", "text"),
            ("reasoning-delta", "reasoning"),
            ("tool-call-delta", "args"),
        ],
    )
    def test_deltas(self, kind, field, redactor, value):
        """Deltas of two blocks are held back apart and flushed before the finish."""
        guard = EventStreamGuard(redactor)
        events = []
        for letter in value:
            for index, text in ((0, letter), (1, ".")):
                delta = {"type": kind, field: text}
                events += guard.feed(
                    {"event": "content-block-delta", "index": index, "delta": delta}
                )
        for index in (0, 1):
            events += guard.feed({"event": "content-block-finish", "index": index})
        shown = {0: "", 1: ""}
        for event in events:
            if event["event"] == "content-block-delta":
                assert kind == event["delta"]["type"]
                shown[event["index"]] += event["delta"][field]

        assert {0: MARKER, 1: "." * len(value)} == shown
        assert "content-block-finish" == events[-1]["event"]

    def test_other_events(self, redactor, value):
        """Events that come whole are redacted at once."""
        guard = EventStreamGuard(redactor)

        assert [{"event": "message-start", "note": MARKER}] == guard.feed(
            {"event": "message-start", "note": value}
        )
        assert [MARKER] == guard.feed(value)
