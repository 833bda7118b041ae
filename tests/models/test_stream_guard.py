"""`MessageStreamGuard` and `EventStreamGuard`: hold-back per part of a message."""

from __future__ import annotations

import random
from string import ascii_letters

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


def _block(**fields):
    return {"content": [{"index": 0, **fields}]}


UNKNOWN = {
    "additional_kwargs": lambda text: {"additional_kwargs": {"other": text}},
    "nested": lambda text: {"additional_kwargs": {"a": {"b": text}}},
    "response_metadata": lambda text: {"response_metadata": {"z": text}},
    "query": lambda text: _block(type="web_search_call", query=text),
    "executable": lambda text: _block(type="x", executable_code=text),
    "signature": lambda text: _block(type="thinking", signature=text),
    "citation": lambda text: _block(
        type="text", citations=[{"index": 0, "cited_text": text}]
    ),
    "image": lambda text: _block(type="image", base64=text),
}


def _streamed(redactor, texts, fields):
    guard = MessageStreamGuard(redactor)
    made = [AIMessageChunk(**{"content": "", "id": "1"} | fields(t)) for t in texts]
    return [*(guard.feed(chunk) for chunk in made), *guard.flush()]


class TestUnknownFields:
    @pytest.mark.parametrize("size", [1, 3, 7, 100])
    @pytest.mark.parametrize("fields", UNKNOWN.values(), ids=UNKNOWN)
    def test_a_value_spelled_chunk_by_chunk(self, fields, size, redactor, value):
        """Any field that chunks join says what the whole field says."""
        text = f"so {value} and on"
        texts = [text[at : at + size] for at in range(0, len(text), size)]
        total = _merged(_streamed(redactor, texts, fields))
        whole = AIMessageChunk(**{"content": "", "id": "1"} | fields(text))

        assert MARKER in repr(total)
        assert redactor.redact(whole) == total

    @pytest.mark.parametrize("at", range(1, 25))
    def test_nothing_is_shown_ahead(self, at, redactor, value):
        """What looks like a whole word shows no letter of a value either."""
        text = f"so-{value}/on"
        fields = UNKNOWN["additional_kwargs"]
        total = _merged(_streamed(redactor, [text[:at], text[at:]], fields))

        assert f"so-{MARKER}/on" == total.additional_kwargs["other"]

    @pytest.mark.parametrize("word", ["stop", "text", "gpt-5-mini", "openai"])
    def test_words_that_come_whole(self, word, redactor):
        """A word is shown as it is by the chunk that brings it, also if repeated."""
        fields = UNKNOWN["response_metadata"]
        chunks = _streamed(redactor, [word, word], fields)

        assert [{"z": word}] * 2 == [c.response_metadata for c in chunks[:2]]
        assert not any(chunk.response_metadata for chunk in chunks[2:])

    def test_words_that_may_begin_a_value(self, redactor):
        """One whose last letter begins a value comes later, but whole."""
        fields = UNKNOWN["response_metadata"]
        chunks = _streamed(redactor, ["claude-sonnet"] * 2, fields)
        shown = [c.response_metadata["z"] for c in chunks]

        assert ["", "claude-sonnet", "claude-sonnet"] == shown

    def test_lists_that_come_whole(self, redactor):
        """What chunks append and do not join is not held back if it is certain."""
        about = {"kinds": ["text", "stop"], "parts": [{"text": "by defaults"}]}
        (chunk,) = _streamed(redactor, [about], lambda m: {"response_metadata": m})

        assert about == chunk.response_metadata

    def test_lists_that_may_spell_a_value(self, redactor, value):
        """Tokens of the answer wait for the next ones, and are withheld then."""
        parts = [f"so {value[:6]}", value[6:], " on"]
        items = [{"token": text, "logprob": -0.5, "bytes": [1]} for text in parts]
        chunks = _streamed(
            redactor,
            items,
            lambda item: {"response_metadata": {"logprobs": {"content": [item]}}},
        )
        clean = redactor.redact(_merged(chunks))

        assert value[:6] not in repr(chunks)
        assert value[6:] not in repr(chunks)
        assert 3 == len(clean.response_metadata["logprobs"]["content"])

    def test_large_data(self, redactor, value):
        """Data too large to be held passes; a value across two pieces does not."""
        data = "".join(random.Random(1).choices(ascii_letters, k=100_000))
        image = UNKNOWN["image"]
        clean = _merged(_streamed(redactor, [data, data], image))
        at = len(value) // 2
        pieces = [f"{data} {value[:at]}", f"{value[at:]} {data}"]
        hidden = _merged(_streamed(redactor, pieces, image)).content[0]["base64"]

        assert data + data == clean.content[0]["base64"]
        assert f"{data} {MARKER} {data}" == hidden

    def test_keys_and_names_in_tails(self, redactor, value):
        """What is held comes out under a clean key, beside clean names."""
        guard = MessageStreamGuard(redactor)
        block = {"type": value, "id": value, value: f"so {value[:9]}"}
        guard.feed(AIMessageChunk("", id="1", additional_kwargs={"a": block}))
        (tail,) = guard.flush()

        assert value[:9] in repr(tail)
        assert value not in repr(tail)


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

    def test_unknown_deltas(self, redactor, value):
        """A field of a delta that nobody knows is held back where it stands."""
        guard = EventStreamGuard(redactor)
        events = []
        for letter in value:
            delta = {"type": "odd-delta", "more": {"deep": letter}}
            events += guard.feed(
                {"event": "content-block-delta", "index": 0, "delta": delta}
            )
        events += guard.feed({"event": "content-block-finish", "index": 0})
        deltas = [event["delta"] for event in events[:-1]]

        assert MARKER == "".join(delta["more"]["deep"] for delta in deltas)
        assert {"odd-delta"} == {delta["type"] for delta in deltas}

    def test_other_events(self, redactor, value):
        """Events that come whole are redacted at once."""
        guard = EventStreamGuard(redactor)

        assert [{"event": "message-start", "note": MARKER}] == guard.feed(
            {"event": "message-start", "note": value}
        )
        assert [MARKER] == guard.feed(value)
