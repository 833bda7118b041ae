"""Every string of every chunk: no letter of a value comes out before it is known."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, MessagesState, StateGraph

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.membrane import protect
from langchain_tyrum.models import MessageStreamGuard, guard_model
from langchain_tyrum.policy import SecretPolicy
from langchain_tyrum.redaction import Redactor

#: No other string of these chunks has its first two letters, or its last four.
VALUE = "qz-42-kites"
TEXT = f"so-{VALUE}-on"
SPLITS = range(1, len(TEXT))
CALL = {"args": "", "id": None, "name": None, "index": 0, "type": "tool_call_chunk"}


def _block(at: int, text: str, key: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "index": at, **more, key: text}


#: All fields of a chunk that may grow, with the text in them.
FIELDS: dict[str, Any] = {
    "text": lambda t: {"content": [_block(0, t, "text")]},
    "block": lambda t: {"content": [_block(1, t, "query")]},
    "type": lambda t: {"content": [_block(2, t, "type")]},
    "id": lambda t: {"content": [_block(3, t, "id")]},
    "name": lambda t: {"content": [_block(4, t, "name")]},
    "citation": lambda t: {
        "content": [_block(5, "", "text", citations=[_block(0, t, "cited")])]
    },
    "apart": lambda t: {"content": [{"type": "image", "url": t}]},
    "kwargs": lambda t: {"additional_kwargs": {"other": t}},
    "function": lambda t: {"additional_kwargs": {"function_call": {"name": t}}},
    "words": lambda t: {"additional_kwargs": {"words": [t]}},
    "key": lambda t: {"additional_kwargs": {"inner": {"id": t, "value": 1}}},
    "metadata": lambda t: {"response_metadata": {"model_name": t}},
    "provider": lambda t: {"response_metadata": {"model_provider": t}},
    "logprobs": lambda t: {
        "response_metadata": {
            "logprobs": {
                "content": [{"token": t, "logprob": 0.5, "bytes": list(t.encode())}]
            }
        }
    },
    "args": lambda t: {"tool_call_chunks": [{**CALL, "args": t}]},
    "tool": lambda t: {"tool_call_chunks": [{**CALL, "name": t, "index": 1}]},
    "call": lambda t: {"tool_call_chunks": [{**CALL, "id": t, "index": 2}]},
    "whole call": lambda t: {"tool_call_chunks": [{**CALL, "args": t, "index": None}]},
    "message name": lambda t: {"name": t},
}


#: What LangChain takes from the first chunk, or does not join.
UNMERGED = {"type", "id", "call", "message name"}


def _chunk(text: str, names: Any = FIELDS) -> AIMessageChunk:
    fields: dict[str, Any] = {"content": [], "id": "lc_run--1"}
    for name in names:
        for key, more in FIELDS[name](text).items():
            old = fields.get(key)
            if isinstance(old, list):
                fields[key] = [*old, *more]
            else:
                fields[key] = {**old, **more} if isinstance(old, dict) else more
    return AIMessageChunk(**fields)


def _strings(obj: Any) -> list[str]:
    if isinstance(obj, str):
        return [obj]
    if isinstance(obj, dict):
        return [
            s for key, each in obj.items() for s in (*_strings(key), *_strings(each))
        ]
    if isinstance(obj, list | tuple):
        if obj and all(type(each) is int for each in obj):
            return [bytes(obj).decode()]
        return [s for each in obj for s in _strings(each)]
    if isinstance(obj, AIMessageChunk):
        return _strings(dict(obj))
    return _strings(vars(obj)) if hasattr(obj, "__dict__") else []


def _check(chunks: list[Any]) -> None:
    """No letters of the value are anywhere, and markers stand where it stood."""
    said = _strings(chunks)
    for part in (VALUE[:2], VALUE[-4:], VALUE[3:8]):
        assert not [text for text in said if part in text]
    assert [text for text in said if "[REDACTED" in text]


def _merged(chunks: list[Any]) -> Any:
    total = chunks[0]
    for chunk in chunks[1:]:
        total = total + chunk
    return total


@pytest.fixture
def exact():
    """A redactor that knows the value."""
    made = Redactor()
    made.register("api/key", VALUE)
    return made


class TestEachField:
    @pytest.mark.parametrize("name", FIELDS)
    def test_at_each_split_point(self, exact, name):
        """Two pieces, cut anywhere: what is shown is what the whole would show."""
        for at in SPLITS:
            pieces = [_chunk(TEXT[:at], [name]), _chunk(TEXT[at:], [name])]
            last = AIMessageChunk("", id="lc_run--1", chunk_position="last")
            guard = MessageStreamGuard(exact)
            shown = [guard.feed(each) for each in (*pieces, last)]

            _check(shown)
            assert [] == guard.flush()

    @pytest.mark.parametrize("name", FIELDS)
    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_in_many_pieces(self, exact, name, size):
        """Letter by letter, and flushed because the provider broke off."""
        guard = MessageStreamGuard(exact)
        texts = [TEXT[at : at + size] for at in range(0, len(TEXT), size)]
        shown = [guard.feed(_chunk(text, [name])) for text in texts]

        _check([*shown, *guard.flush()])

    @pytest.mark.parametrize("name", sorted(FIELDS.keys() - UNMERGED))
    def test_what_is_clean_is_merged_alike(self, exact, name):
        """What waits comes with a later chunk, and the sum is what it was."""
        text = "plain-letters-q"
        for at in range(1, len(text)):
            pieces = [_chunk(text[:at], [name]), _chunk(text[at:], [name])]
            pieces.append(AIMessageChunk("", id="lc_run--1", chunk_position="last"))
            guard = MessageStreamGuard(exact)

            assert _merged(pieces) == _merged([guard.feed(each) for each in pieces])


class TestNames:
    def test_a_name_comes_whole(self, exact):
        """With the next piece of its call, if its end may begin a value."""
        calls = [
            {**CALL, "name": "fetch_q", "id": None},
            {**CALL, "args": '{"a": '},
            {**CALL, "args": "1}"},
        ]
        chunks = [AIMessageChunk("", id="1", tool_call_chunks=[each]) for each in calls]
        guard = MessageStreamGuard(exact)
        shown = [guard.feed(each).tool_call_chunks for each in chunks]

        assert [[], [{**calls[0], "args": '{"a": '}], [calls[2]]] == shown

    @pytest.mark.parametrize("word", ["call_abcdefghij0123q", "made-by-hand"])
    def test_what_is_certain_does_not_wait(self, exact, word):
        """A name that begins no value, and an id that providers make up."""
        call = {**CALL, "name": "get_weather", "id": word}
        guard = MessageStreamGuard(exact)
        shown = guard.feed(AIMessageChunk("", id="1", tool_call_chunks=[call]))

        assert [call] == shown.tool_call_chunks

    def test_public_words_do_not_wait(self, exact):
        """The types of blocks and the reasons to stop are shown at once."""
        exact.register("odd", "e-41-owls-and-bats")
        about = {"finish_reason": "end_turn", "model_provider": "google"}
        block = {"type": "tool_use", "index": 0}
        chunk = AIMessageChunk([block], id="1", response_metadata=about)
        (other,) = [AIMessageChunk([], id="1", response_metadata={"a": "tool_use"})]
        shown = MessageStreamGuard(exact).feed(chunk)

        assert chunk == shown
        assert other == MessageStreamGuard(exact).feed(other)

    def test_pieces_apart_are_told_after_one_without_a_name(self, exact):
        """What was shown of a name counts when more of it comes late."""
        texts = (VALUE[:2], None, VALUE[2:])
        guard = MessageStreamGuard(exact)
        shown = [
            guard.feed(AIMessageChunk("", tool_call_chunks=[{**CALL, "name": text}]))
            for text in texts
        ]

        assert VALUE[2:] not in repr(shown)


class Spelling(BaseChatModel):
    """Streams the text in two chunks, in all fields at once."""

    at: int
    info: bool = False

    @property
    def _llm_type(self) -> str:
        return "spelling"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(self, *args: Any, **kwargs: Any) -> Any:
        for text in (TEXT[: self.at], TEXT[self.at :]):
            info = {"more": text, "name": text} if self.info else None
            yield ChatGenerationChunk(message=_chunk(text), generation_info=info)


async def _taken(source: Any) -> list[Any]:
    return [each async for each in source]


class TestModels:
    @pytest.mark.parametrize("info", [False, True])
    def test_sync_and_async(self, exact, info):
        """Whatever a guarded model streams, also beside its messages."""
        for at in SPLITS:
            model = guard_model(Spelling(at=at, info=info), exact)
            _check(list(model.stream("go")))
            _check(asyncio.run(_taken(model.astream("go"))))

    def test_the_unguarded_one_says_it(self):
        """Else there were nothing to see."""
        with pytest.raises(AssertionError):
            _check(list(Spelling(at=6).stream("go")))


def _graph(at: int, broker: Any = None) -> Any:
    model = Spelling(at=at, info=True)

    def call(state: Any) -> Any:
        return {"messages": [model.invoke("go")]}

    async def acall(state: Any) -> Any:
        return {"messages": [await model.ainvoke("go")]}

    builder = StateGraph(MessagesState)
    builder.add_node("model", RunnableLambda(call, acall))
    builder.add_edge(START, "model")
    graph = builder.compile()
    return protect(graph, broker) if broker else graph


class TestGraphs:
    @pytest.fixture
    def broker(self):
        """One that holds the value."""
        made = SecretBroker.in_memory(
            {"api/key": VALUE}, policy=SecretPolicy(allow=["*"])
        )
        yield made
        made.close()

    def test_messages(self, broker):
        """The `messages` mode, sync and async."""
        for at in SPLITS:
            graph = _graph(at, broker)
            _check([c for c, _ in graph.stream({}, stream_mode="messages")])
            taken = asyncio.run(_taken(graph.astream({}, stream_mode="messages")))
            _check([chunk for chunk, _ in taken])

    def test_events(self, broker):
        """`astream_events`, all events of it."""
        for at in SPLITS:
            graph = _graph(at, broker)
            events = asyncio.run(_taken(graph.astream_events({}, version="v2")))
            chunks = [e for e in events if e["event"] == "on_chat_model_stream"]

            assert len(chunks) > 1
            _check([event["data"] for event in chunks])
            assert not [text for text in _strings(events) if VALUE in text]
