"""A list-backed chat model and a redactor that knows one value."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from langchain_tyrum.redaction import Redactor

VALUE = "tulip orbit lantern 93"
SHAPE = "ghp_" + "a1B2c3D4e5F6" * 3


class ListModel(BaseChatModel):
    """Answers from a list, whole or in chunks, and keeps what it was asked."""

    answers: list[Any]
    asked: list[Any] = Field(default_factory=list)
    size: int = 5

    @property
    def _llm_type(self) -> str:
        return "list"

    def bind_tools(self, tools, **kwargs):
        return self.bind(tools=[convert_to_openai_tool(t) for t in tools], **kwargs)

    def _next(self, messages, kwargs):
        self.asked.append((messages, kwargs))
        answer = self.answers[(len(self.asked) - 1) % len(self.answers)]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        answer = self._next(messages, kwargs)
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(self, messages, stop=None, run_manager=None, **kwargs):
        answer = self._next(messages, kwargs)
        for at in range(0, len(answer.content), self.size):
            piece = answer.content[at : at + self.size]
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        for index, call in enumerate(answer.additional_kwargs.get("raw_calls", ())):
            yield from self._call(index, call)

    def _call(self, index, call):
        head = {"name": call["name"], "args": "", "id": call["id"], "index": index}
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[head]))
        for at in range(0, len(call["args"]), self.size):
            piece = {"name": None, "args": call["args"][at : at + self.size]}
            yield ChatGenerationChunk(
                message=AIMessageChunk(
                    "", tool_call_chunks=[{**piece, "id": None, "index": index}]
                )
            )


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.register("api/key", VALUE)
    return made


@pytest.fixture
def model():
    """Make a model that gives these answers."""
    return lambda *answers, **more: ListModel(
        answers=[AIMessage(a) if isinstance(a, str) else a for a in answers],
        asked=[],
        **more,
    )


@pytest.fixture
def value() -> str:
    return VALUE


@pytest.fixture
def shape() -> str:
    return SHAPE
