"""Where people's own words stand in a graph input, and how they are replaced."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NotRequired

from langchain_core.messages import BaseMessage, ChatMessage, HumanMessage
from langgraph.types import Command
from pydantic import BaseModel
from typing_extensions import TypedDict  # pydantic takes no other before 3.12

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Rewrite = Callable[[str], str]

MESSAGES = "messages"
FLAG = "user_credentials_available"
_HUMAN = ("user", "human")


class CredentialState(TypedDict):
    """Mixin for a graph's state: says that the user gave a credential.

    Attributes:
        user_credentials_available: Set by the intake when it stored a credential.
            Route on it, e.g. to a login step.
    """

    user_credentials_available: NotRequired[bool]


def rewrite_input(obj: Any, rewrite: Rewrite) -> Any:
    """Pass every text that a person wrote through `rewrite`.

    People's words are the text of human messages in any form LangChain takes (object,
    dict, pair, bare string), and all strings of a resume. Other keys of the state and
    other roles are left alone.

    Args:
        obj: A graph input: a state, a list of messages, a `Command`, or plain text.
        rewrite: Returns the text to stand there; the same object to change nothing.

    Returns:
        The same object when nothing changed, else a copy; never edited in place.
    """
    if isinstance(obj, str):
        return rewrite(obj)
    if isinstance(obj, Command):
        return _command(obj, rewrite)
    if isinstance(obj, list | tuple):
        return _messages(obj, rewrite)
    return _state(obj, rewrite)


def with_flag(obj: Any) -> Any:
    """Return the input with `user_credentials_available` set in its state."""
    if isinstance(obj, dict):
        return {**obj, FLAG: True}
    if not isinstance(obj, Command):
        return obj
    update = obj.update or {}
    if isinstance(update, list | tuple):
        return dataclasses.replace(obj, update=[*update, (FLAG, True)])
    return dataclasses.replace(obj, update=with_flag(update))


def _command(command: Command[Any], rewrite: Rewrite) -> Command[Any]:
    update, resume = command.update, command.resume
    changed: dict[str, Any] = {}
    if isinstance(update, list | tuple):
        new = _items(update, lambda pair: _pair(pair, rewrite))
    else:
        new = _state(update, rewrite)
    if new is not update:
        changed["update"] = new
    if (answered := _anything(resume, rewrite)) is not resume:
        changed["resume"] = answered
    return dataclasses.replace(command, **changed) if changed else command


def _pair(pair: Any, rewrite: Rewrite) -> Any:
    """Rewrite one `(key, value)` of an update in list form."""
    if not (isinstance(pair, tuple) and len(pair) == 2 and pair[0] == MESSAGES):
        return _message(pair, rewrite)
    new = _messages(pair[1], rewrite)
    return pair if new is pair[1] else (MESSAGES, new)


def _state(state: Any, rewrite: Rewrite) -> Any:
    if isinstance(state, BaseMessage):
        return _message(state, rewrite)
    if isinstance(state, dict):
        if MESSAGES not in state:
            return _message(state, rewrite) if _is_human(state) else state
        new = _messages(state[MESSAGES], rewrite)
        return state if new is state[MESSAGES] else {**state, MESSAGES: new}
    old = getattr(state, MESSAGES, None)
    new = _messages(old, rewrite)
    if new is old:
        return state
    if isinstance(state, BaseModel):
        return state.model_copy(update={MESSAGES: new})
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return dataclasses.replace(state, **{MESSAGES: new})
    return state


def _messages(messages: Any, rewrite: Rewrite) -> Any:
    single = isinstance(messages, tuple) and _is_role_and_text(messages)
    if single or not isinstance(messages, list | tuple):
        return _message(messages, rewrite)
    return _items(messages, lambda message: _message(message, rewrite))


def _message(message: Any, rewrite: Rewrite) -> Any:
    if isinstance(message, str):
        return rewrite(message)  # a bare string counts as the user's
    if _is_role_and_text(message):
        new = _content(message[1], rewrite) if message[0] in _HUMAN else message[1]
        return message if new is message[1] else type(message)((message[0], new))
    if not _is_human(message):
        return message
    if isinstance(message, dict):
        new = _content(message.get("content"), rewrite)
        unchanged = new is message.get("content")
        return message if unchanged else {**message, "content": new}
    new = _content(message.content, rewrite)
    unchanged = new is message.content
    return message if unchanged else message.model_copy(update={"content": new})


def _is_role_and_text(message: Any) -> bool:
    """Say whether this is a pair such as `("user", "hello")`."""
    return (
        isinstance(message, list | tuple)
        and len(message) == 2
        and isinstance(message[0], str)
        and message[0] in (*_HUMAN, "ai", "assistant", "system", "tool", "developer")
    )


def _is_human(message: Any) -> bool:
    if isinstance(message, dict):
        return "content" in message and (
            message.get("role") in _HUMAN or message.get("type") in _HUMAN
        )
    if isinstance(message, ChatMessage):
        return message.role in _HUMAN
    return isinstance(message, HumanMessage)


def _content(content: Any, rewrite: Rewrite) -> Any:
    if isinstance(content, str):
        return rewrite(content)
    if isinstance(content, list | tuple):
        return _items(content, lambda block: _block(block, rewrite))
    return content


def _block(block: Any, rewrite: Rewrite) -> Any:
    if isinstance(block, str):
        return rewrite(block)
    if not (isinstance(block, dict) and isinstance(block.get("text"), str)):
        return block
    new = rewrite(block["text"])
    return block if new is block["text"] else {**block, "text": new}


def _anything(obj: Any, rewrite: Rewrite) -> Any:
    """Rewrite all strings of an answer; its keys are the program's."""
    if isinstance(obj, str):
        return rewrite(obj)
    if isinstance(obj, dict):
        return _values(obj, lambda value: _anything(value, rewrite))
    if type(obj) in (list, tuple):
        return _items(obj, lambda item: _anything(item, rewrite))
    return _state(obj, rewrite)


def _items(items: Any, change: Callable[[Any], Any]) -> Any:
    new = [change(item) for item in items]
    same = all(a is b for a, b in zip(new, items, strict=True))
    return items if same else type(items)(new)


def _values(mapping: Mapping[Any, Any], change: Callable[[Any], Any]) -> Any:
    new = {key: change(value) for key, value in mapping.items()}
    return mapping if all(new[key] is mapping[key] for key in new) else new
