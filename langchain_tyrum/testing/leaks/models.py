"""A chat model that answers from a list, so that no run needs a key or a network."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 3


class ListModel(BaseChatModel):
    """Answers from a list, the last one for ever; in small pieces when streamed.

    A list, not an iterator: tracers serialize models, which would empty an iterator.

    Attributes:
        answers: What it says, in order.
        got: The messages of each call: what the provider would have been sent.
        bound: The tools and options it was given.
    """

    answers: list[Any]
    got: list[Any] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)
    note: str = ""

    @property
    def _llm_type(self) -> str:
        return "list"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        """Keep the tools as a provider would get them."""
        self.bound.append([[convert_to_openai_tool(each) for each in tools], kwargs])
        return self

    def _next(self, messages: list[BaseMessage], **options: Any) -> AIMessage:
        self.got.append([list(messages), options])
        answer = self.answers[min(len(self.got), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        named = answer.id or f"run-{uuid.uuid4()}"
        made: AIMessage = answer.model_copy(update={"id": named})
        return made

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:  # fmt: skip
        del run_manager
        answer = self._next(messages, stop=stop, **kwargs)
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:  # fmt: skip
        for chunk in _chunks(self._next(messages, stop=stop, **kwargs)):
            piece = ChatGenerationChunk(message=chunk)
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.text), chunk=piece)
            yield piece


def _chunks(answer: AIMessage) -> Iterator[AIMessageChunk]:
    kept = {"id": answer.id, "name": answer.name}
    if isinstance(answer.content, str):
        for start in range(0, len(answer.content), _PIECE):
            yield AIMessageChunk(content=answer.content[start : start + _PIECE], **kept)
    else:
        for block in answer.content:
            yield AIMessageChunk(content=[block], **kept)
    for index, call in enumerate(answer.tool_calls):
        arguments = json.dumps(call["args"])
        for start in range(0, len(arguments), _PIECE):
            head = start == 0
            part = {
                "name": call["name"] if head else None,
                "id": call["id"] if head else None,
                "index": index,
                "args": arguments[start : start + _PIECE],
                "type": "tool_call_chunk",
            }
            yield AIMessageChunk(content="", tool_call_chunks=[part], **kept)
    yield AIMessageChunk(
        content="",
        additional_kwargs=answer.additional_kwargs,
        response_metadata=answer.response_metadata,
        tool_call_chunks=[
            {
                "name": call["name"],
                "args": call["args"],
                "id": call["id"],
                "index": None,
                "type": "tool_call_chunk",
            }
            for call in answer.invalid_tool_calls
        ],
        **kept,
    )
