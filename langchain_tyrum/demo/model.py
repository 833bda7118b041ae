"""A scripted chat model: it does what the story needs, from what it is shown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from langchain_core.runnables import Runnable

#: It streams in pieces this short, so that every value is split over several.
_PIECE = 7
_QUOTED = re.compile(r"assword is '([^']+)'")


class ScriptedModel(BaseChatModel):
    """Calls the tools of the story in turn, then repeats what they said.

    It takes a password out of the user's message when a tool asks for one, and quotes
    tool results in its answer: what an obliging model does.
    """

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(
        self, tools: Sequence[Any], **kwargs: Any
    ) -> Runnable[Any, AIMessage]:
        """Show the model its tools."""
        return self.bind(
            tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs
        )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager
        reply = _reply(messages, kwargs.get("tools", []))
        return ChatResult(generations=[ChatGeneration(message=reply)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del stop
        reply = _reply(messages, kwargs.get("tools", []))
        for chunk in _chunks(reply):
            generation = ChatGenerationChunk(message=chunk)
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.content), chunk=generation)
            yield generation


class ModelWitness(BaseCallbackHandler):
    """Writes down what reaches the model, as the model's own callback."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.calls = 0

    def on_chat_model_start(
        self, serialized: Any, messages: list[list[BaseMessage]], **kwargs: Any
    ) -> None:
        """One call: the messages and the tools offered with them."""
        del serialized
        self.calls += 1
        shown = [[message.model_dump() for message in batch] for batch in messages]
        told = kwargs.get("invocation_params", {})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(shown, default=repr)}\n{told!r}\n")


def _reply(messages: list[BaseMessage], tools: list[dict[str, Any]]) -> AIMessage:
    done = [message for message in messages if isinstance(message, ToolMessage)]
    usage = UsageMetadata(input_tokens=9, output_tokens=9, total_tokens=18)
    if not done:
        calls = [
            _call("open_issue", "call_1", title="Payment page is down"),
            _call("login", "call_2", **_login_arguments(messages, tools)),
        ]
    elif len(done) == 2:
        calls = [_call("deploy", "call_3", target="staging")]
    else:
        said = "; ".join(f"{message.name}: {message.content}" for message in done)
        return AIMessage(f"All done. {said}", usage_metadata=usage)
    return AIMessage("", tool_calls=calls, usage_metadata=usage)


def _login_arguments(
    messages: list[BaseMessage], tools: list[dict[str, Any]]
) -> dict[str, str]:
    functions = {tool["function"]["name"]: tool["function"] for tool in tools}
    wanted = functions.get("login", {}).get("parameters", {}).get("properties", {})
    found = _QUOTED.search(" ".join(str(message.content) for message in messages))
    arguments = {"page": "status"}
    if "password" in wanted:
        arguments["password"] = found.group(1) if found else "unknown"
    return arguments


def _call(name: str, id_: str, **arguments: str) -> Any:
    return {"name": name, "args": arguments, "id": id_, "type": "tool_call"}


def _chunks(reply: AIMessage) -> Iterator[AIMessageChunk]:
    text = str(reply.content)
    for start in range(0, len(text), _PIECE):
        yield AIMessageChunk(content=text[start : start + _PIECE])
    for index, call in enumerate(reply.tool_calls):
        arguments = json.dumps(call["args"])
        for start in range(0, len(arguments), _PIECE):
            first = start == 0
            piece = {
                "name": call["name"] if first else None,
                "args": arguments[start : start + _PIECE],
                "id": call["id"] if first else None,
                "index": index,
                "type": "tool_call_chunk",
            }
            yield AIMessageChunk(content="", tool_call_chunks=[piece])
    yield AIMessageChunk(
        content="", usage_metadata=reply.usage_metadata, chunk_position="last"
    )
