"""Ids of streamed messages: those that providers make up come through."""

from __future__ import annotations

import random
import string
from functools import reduce
from operator import add
from uuid import UUID

import pytest
from langchain_core.messages import AIMessageChunk

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.chunks import MessageStreamGuard

VALUE = "qz-42-kites"
_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


def _letters(rng: random.Random, size: int, letters: str = _WORD) -> str:
    return "".join(rng.choices(letters, k=size))


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


PROVIDERS = {
    "anthropic": lambda rng: f"msg_01{_letters(rng, 22)}",
    "bedrock": lambda rng: f"msg_bdrk_01{_letters(rng, 22)}",
    "vertex": lambda rng: f"msg_vrtx_01{_letters(rng, 22)}",
    "openai chat": lambda rng: f"chatcmpl-{_letters(rng, 29)}",
    "openai response": lambda rng: f"resp_{_letters(rng, 48, _HEX)}",
    "openai message": lambda rng: f"msg_{_letters(rng, 48, _HEX)}",
    "groq": lambda rng: f"chatcmpl-{_uuid(rng)}",
    "gemini": lambda rng: _letters(rng, 22, f"{_WORD}-_"),
    "mistral": lambda rng: _letters(rng, 32, _HEX),
    "openrouter": lambda rng: f"gen-1755000000-{_letters(rng, 20)}",
    "xai": lambda rng: f"{_uuid(rng)}_us-east-1",
    "uuid": _uuid,
    "langchain": lambda rng: f"lc_run--{_uuid(rng)}",
    "run": lambda rng: f"run--{_uuid(rng)}",
    "own": lambda rng: f"assistant_message_{_letters(rng, 4)}",
}


@pytest.fixture
def redactor():
    """A redactor that knows the value."""
    made = Redactor()
    made.register("api/key", VALUE)
    return made


def _ids(redactor: Redactor, *ids: str | None) -> list[str | None]:
    guard = MessageStreamGuard(redactor)
    chunks = [AIMessageChunk("a", id=ident) for ident in ids]
    return [guard.feed(each, key="call").id for each in chunks]


class TestProviders:
    @pytest.mark.parametrize("provider", PROVIDERS)
    def test_each_id_survives_stream_and_sum(self, redactor, provider):
        """Whatever letters a provider draws, chunks and their sum have its id."""
        rng = random.Random(provider)
        for _ in range(40):
            ident = PROVIDERS[provider](rng)
            guard = MessageStreamGuard(redactor)
            given = [AIMessageChunk(text, id=ident) for text in "abc"]
            given.append(AIMessageChunk("", id=ident, chunk_position="last"))
            shown = [guard.feed(each) for each in given]

            assert {ident} == {each.id for each in shown}
            assert ident == reduce(add, shown).id

    def test_langchain_names_some_of_the_chunks(self, redactor):
        """Two ids of one message, in turns, both come through."""
        rng = random.Random(7)
        for _ in range(40):
            ids = PROVIDERS["langchain"](rng), PROVIDERS["bedrock"](rng)
            given = [ids[0], None, ids[1], ids[1], ids[0]]

            assert given == _ids(redactor, *given)


class TestValues:
    def test_the_beginning_of_a_value_is_no_id(self, redactor):
        """Neither alone nor behind what looks like an id of a provider."""
        for head in ("", "msg_bdrk_01", "chatcmpl-abcdefghijkl", "made-by-hand-"):
            for size in range(4, len(VALUE)):
                assert [None] == _ids(redactor, head + VALUE[:size])

    def test_a_value_is_shown_as_a_marker(self, redactor):
        """An id that holds one is redacted."""
        assert ["msg_[REDACTED:api/key]"] == _ids(redactor, f"msg_{VALUE}")

    def test_two_ids_spell_no_value(self, redactor):
        """So few letters that begin anything are followed by no rest of a value."""
        for size in range(1, 4):
            head, rest = f"msg_bdrk_01abcdef{VALUE[:size]}", VALUE[size:]

            assert [head, None] == _ids(redactor, head, rest)

    def test_many_ids_take_bounded_memory(self, redactor):
        """A stream that names each chunk anew is remembered by its last letters."""
        rng = random.Random(1)
        guard = MessageStreamGuard(redactor)
        for _ in range(300):
            ident = f"msg_bdrk_01{_letters(rng, 22)}"
            guard.feed(AIMessageChunk("a", id=ident), key="call")
        (parts, _) = guard._open["call"]

        assert 4096 >= sum(map(len, parts._named.values()))
