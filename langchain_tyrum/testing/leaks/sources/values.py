"""Rows: the shapes a value may have in state, each returned by a node."""

from __future__ import annotations

import re
from collections import defaultdict, deque, namedtuple
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import BaseModel, SecretStr

from langchain_tyrum.testing.leaks.runs import Case
from langchain_tyrum.testing.leaks.sources.base import Gap, Kit, Source, returning

if TYPE_CHECKING:
    from collections.abc import Callable


class Person(BaseModel):
    """A model with a plain and a secret field."""

    note: str = ""
    hidden: SecretStr | None = None


@dataclass
class Card:
    """A dataclass."""

    note: Any


@dataclass(frozen=True, slots=True)
class Sealed:
    """A frozen dataclass without `__dict__`."""

    note: Any


Pair = namedtuple("Pair", ["left", "right"])  # noqa: PYI024 - that kind is tested


class Masked(str):
    """A string that hides itself when shown, and is stored in clear."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"


def _held(make: Callable[[str], Any], kit: Kit) -> Case:
    return returning(kit, make(kit.text))


def _message(make: Callable[[str], Any], kit: Kit) -> Case:
    graph = kit.flow(lambda _: {"messages": [make(kit.text)]})
    return Case(graph, [{"data": 1}])


def _failed(text: str) -> Exception:
    error = ValueError(f"not {text}")
    error.add_note(f"note: {text}")
    return error


_VALUES: dict[str, Callable[[str], Any]] = {
    "string": lambda v: f"it is {v}!",
    "nested": lambda v: {"a": [{"b": (v, {"c": [v]})}]},
    "depth beyond any limit": lambda v: _deep(v, 30),
    "dict key": lambda v: {"keys": {v: 1}},
    "bytes": lambda v: b"\x00raw " + v.encode(),
    "bytearray": lambda v: bytearray(v.encode()),
    "set": lambda v: {v, "other"},
    "frozenset in a list": lambda v: [frozenset({v})],
    "deque": lambda v: deque([v]),
    "tuple": lambda v: (1, v),
    "named tuple": lambda v: Pair(1, v),
    "dataclass": Card,
    "frozen dataclass with slots": lambda v: Sealed([v]),
    "pydantic model": lambda v: Person(note=v),
    "SecretStr": SecretStr,
    "pydantic model with SecretStr": lambda v: Person(hidden=SecretStr(v)),
    "str subclass": Masked,
    "path": lambda v: Path("folder", v.replace("/", "_")),
    "pattern": lambda v: re.compile(f"(?x)#{v}"),
    "exception": _failed,
    "document": lambda v: Document(page_content=v, metadata={v: v}),
}

_MESSAGES: dict[str, Callable[[str], Any]] = {
    "human text": lambda v: HumanMessage(f"see {v} there"),
    "system text": lambda v: SystemMessage(f"the key is {v}"),
    "content blocks": lambda v: HumanMessage(
        [{"type": "text", "text": v}, {"type": "image", "url": f"https://x/{v}"}]
    ),
    "tool message": lambda v: ToolMessage(f"found {v}", tool_call_id="c1"),
    "artifact": lambda v: ToolMessage("ok", tool_call_id="c1", artifact={"raw": v}),
    "additional_kwargs": lambda v: AIMessage("ok", additional_kwargs={"echo": v}),
    "response_metadata": lambda v: AIMessage("ok", response_metadata={"echo": v}),
    "tool call arguments": lambda v: AIMessage(
        "", tool_calls=[{"name": "t", "args": {"a": v}, "id": "c1"}]
    ),
    "invalid tool call": lambda v: AIMessage(
        "",
        invalid_tool_calls=[
            {"name": "t", "args": f"a={v}", "id": "c1", "error": f"bad {v}"}
        ],
    ),
    "message name": lambda v: HumanMessage("hi", name=f"user {v}"),
    "message id": lambda v: HumanMessage("hi", id=f"id {v}"),
    "reasoning block": lambda v: AIMessage(
        [{"type": "reasoning", "reasoning": v}, {"type": "text", "text": "ok"}]
    ),
    "chunk": lambda v: AIMessageChunk(content=v),
}


_GAPS: defaultdict[str, tuple[Gap, ...]] = defaultdict(
    tuple,
    {
        "message id": (
            Gap(
                "ids are structure and keep what merely has a shape",
                kinds=frozenset(
                    {"github-pat", "aws-key", "slack-token", "jwt", "private-key"}
                ),
            ),
        )
    },
)


#: Where the field that holds the marker masks itself too.
_HIDDEN = frozenset({"pydantic model with SecretStr"})


def _deep(value: str, levels: int) -> Any:
    return {"d": _deep(value, levels - 1)} if levels else value


ROWS: tuple[Source, ...] = (
    *(
        Source(name, "value in state", partial(_held, make), marked=name not in _HIDDEN)
        for name, make in _VALUES.items()
    ),
    *(
        Source(name, "message in state", partial(_message, make), gaps=_GAPS[name])
        for name, make in _MESSAGES.items()
    ),
)
