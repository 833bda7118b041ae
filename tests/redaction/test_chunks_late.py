"""Messages that go on after the chunk that says it is the last."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.chunks import (
    EventStreamGuard,
    InfoStream,
    MessageStreamGuard,
)

VALUE = "qz-42-kites"
TEXT = f"so-{VALUE}-on"
#: Where both pieces hold letters of the value.
SPLITS = range(len("so-") + 1, len(f"so-{VALUE}"))
LAST = AIMessageChunk("", id="m", chunk_position="last")
CALL = {"args": "", "id": None, "name": None, "index": 0, "type": "tool_call_chunk"}
FIELDS: dict[str, Any] = {
    "text": lambda t: {"content": t},
    "block": lambda t: {"content": [{"type": "text", "index": 0, "text": t}]},
    "name": lambda t: {"content": [{"type": "x", "index": 0, "name": t}]},
    "args": lambda t: {"content": "", "tool_call_chunks": [{**CALL, "args": t}]},
    "tool": lambda t: {"content": "", "tool_call_chunks": [{**CALL, "name": t}]},
    "kwargs": lambda t: {"content": "", "additional_kwargs": {"other": t}},
    "metadata": lambda t: {"content": "", "response_metadata": {"model": t}},
    "tokens": lambda t: {
        "content": "",
        "response_metadata": {"logprobs": {"content": [{"token": t}]}},
    },
}


@pytest.fixture
def redactor():
    """A redactor that knows the value."""
    made = Redactor()
    made.register("api/key", VALUE)
    return made


def _chunk(name: str, text: str) -> AIMessageChunk:
    return AIMessageChunk(id="m", **FIELDS[name](text))


def _strings(obj: Any) -> list[str]:
    if isinstance(obj, str):
        return [obj]
    if isinstance(obj, dict):
        return [text for each in obj.values() for text in _strings(each)]
    if isinstance(obj, list):
        return [text for each in obj for text in _strings(each)]
    return _strings(dict(obj)) if isinstance(obj, AIMessageChunk) else []


def _said(name: str, chunks: list[Any]) -> str:
    """All that is said in one field, put together."""
    fields = ["response_metadata", "additional_kwargs", "tool_call_chunks", "content"]
    return "".join(
        text
        for chunk in chunks
        for field in fields
        for text in _strings(getattr(chunk, field))
        if text not in {"text", "x", "tool_call_chunk"}
    )


@pytest.mark.parametrize("name", FIELDS)
class TestFields:
    def test_a_late_piece_ends_no_value(self, redactor, name):
        """Cut anywhere by the last chunk, the end of a value is not shown."""
        for at in SPLITS:
            given = [_chunk(name, TEXT[:at]), LAST, _chunk(name, TEXT[at:]), LAST]
            guard = MessageStreamGuard(redactor)
            said = _said(name, [guard.feed(each) for each in given])

            assert TEXT == _said(name, given)
            assert TEXT[3:at] in said
            assert TEXT[at : -len("-on")] not in said.partition(TEXT[3:at])[2]
            assert "[REDACTED" in said

    def test_nor_do_many_after_a_flush(self, redactor, name):
        """Letter by letter, after what was held back was asked for."""
        guard = MessageStreamGuard(redactor)
        shown = [guard.feed(_chunk(name, TEXT[:9])), *guard.flush()]
        shown += [guard.feed(_chunk(name, letter)) for letter in TEXT[9:]]
        said = _said(name, [*shown, *guard.flush()])

        assert TEXT[3:9] in said
        assert TEXT[9:-3] not in said
        assert [] == guard.flush()

    def test_what_is_clean_is_all_shown(self, redactor, name):
        """A clean text that goes on after its end loses and repeats nothing."""
        text = "plain-letters-qz-42"
        for at in range(1, len(text)):
            given = [_chunk(name, text[:at]), LAST, _chunk(name, text[at:]), LAST]
            guard = MessageStreamGuard(redactor)

            assert text == _said(name, [guard.feed(each) for each in given])


class TestEnds:
    @pytest.mark.parametrize("end", ["{}", "{}'", "{} and on"])
    def test_a_credential_that_was_hidden_goes_on(self, redactor, end):
        """The rest of what a shape hid before the end is hidden too."""
        before, after = "password=hunter2x", "yzWinter2026"
        texts = before, end.format(after)
        chunks = [AIMessageChunk(text, id="m") for text in texts]
        guard = MessageStreamGuard(redactor)
        shown = [guard.feed(each).content for each in (chunks[0], LAST, chunks[1])]
        shown += [tail.content for tail in guard.flush()]

        assert "".join(shown).startswith("password=[REDACTED:password]")
        assert after not in "".join(shown)
        assert "".join(shown).endswith(end.format(""))

    def test_a_longer_value_than_the_one_that_was_hidden(self, redactor):
        """Its marker is shown whole, behind that of the other."""
        redactor.register("api/longer", f"{VALUE}-and-owls")
        texts = f"so {VALUE}", "", "-and-owls, yes"
        chunks = [AIMessageChunk(text, id="m") for text in texts]
        chunks[1] = LAST
        guard = MessageStreamGuard(redactor)
        shown = [guard.feed(each).content for each in chunks]
        shown += [tail.content for tail in guard.flush()]

        assert "so [REDACTED:api/key][REDACTED:api/longer], yes" == "".join(shown)

    def test_long_before_and_after(self, redactor):
        """Only the last of what came before is read again, and none of it is shown."""
        text = "the quick brown fox; " * 4000
        pieces = [f"{text}{VALUE[:8]}", f"{VALUE[8:]} {text}"]
        guard = MessageStreamGuard(redactor)
        given = [AIMessageChunk(pieces[0]), LAST.model_copy(update={"id": None})]
        shown = [guard.feed(each) for each in [*given, AIMessageChunk(pieces[1])]]
        said = "".join(each.content for each in [*shown, *guard.flush()])

        assert f"{text}{VALUE[:8]}[REDACTED:api/key] {text}" == said

    def test_few_ended_messages_are_kept(self, redactor):
        """However many messages one stream carries, memory is bounded."""
        guard = MessageStreamGuard(redactor)
        for at in range(200):
            guard.feed(AIMessageChunk(f"{at}", id=f"m{at}"))
            guard.feed(LAST.model_copy(update={"id": f"m{at}"}))

        assert "MessageStreamGuard(open=0)" == repr(guard)
        assert 64 == len(guard._ended)

    def test_what_stands_beside_a_message(self, redactor):
        """The info of a generation is held to the same."""
        info = InfoStream(redactor)
        shown = [info.feed({"reason": TEXT[:9]}, last=True)]
        shown.append(info.feed({"reason": TEXT[9:]}, last=True))

        assert TEXT[:9] == shown[0]["reason"]
        assert TEXT[9:-3] not in str(shown)

    def test_events(self, redactor):
        """A delta after the end of its block is read behind the block."""
        guard = EventStreamGuard(redactor)
        delta = {"event": "content-block-delta", "index": 0}
        texts = [{"type": "text-delta", "text": text} for text in (TEXT[:9], TEXT[9:])]
        given = [{**delta, "delta": each} for each in texts]
        given.insert(1, {"event": "content-block-finish", "index": 0, "content": {}})
        given.append({"event": "message-finish"})
        shown = [each for event in given for each in guard.feed(event)]
        said = "".join(each.get("delta", {}).get("text", "") for each in shown)

        assert said.startswith(TEXT[:9])
        assert TEXT[9:-3] not in said
        assert "[REDACTED:api/key]-on" in said
