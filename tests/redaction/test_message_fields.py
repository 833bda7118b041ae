"""Every field of every message of LangChain, and what LangGraph sends around."""

from __future__ import annotations

import json

import pytest
from langchain_core import messages as lc
from langgraph.types import Command, Interrupt, Overwrite, Send

VALUE = "Zq7-canary_Value.93x/K+w"
MARKED = "[REDACTED:vault/canary]"
CLASSES = [
    cls
    for name in sorted(lc.__all__)
    if isinstance(cls := getattr(lc, name), type)
    and issubclass(cls, lc.BaseMessage)
    and cls not in (lc.BaseMessage, lc.BaseMessageChunk, lc.RemoveMessage)
]
NEEDED = {"ChatMessage": {"role": "r"}, "FunctionMessage": {"name": "f"}}
NEEDED |= {"ToolMessage": {"tool_call_id": "c"}}
#: What may stand in each field that says more than an id.
FIELDS = {
    "content": [
        VALUE,
        [{"type": "text", "text": VALUE}],
        [{"type": "reasoning", "reasoning": VALUE, "extras": {"signature": VALUE}}],
        [{"type": "image", "url": f"https://a.test/?q={VALUE}"}],
        [{"type": "non_standard", "value": {"deep": [{"er": VALUE}]}}],
        ["plain", {"type": "text", "text": "a", "annotations": [{"title": VALUE}]}],
        [{"type": "tool_use", "id": "1", "name": "t", "input": {"q": VALUE}}],
    ],
    "additional_kwargs": [
        {"function_call": {"arguments": json.dumps({"q": VALUE})}},
        {VALUE: 1},
    ],
    "response_metadata": [{"headers": {"x": VALUE}}, {"data": VALUE.encode()}],
    "tool_calls": [[{"name": "t", "args": {"q": [VALUE]}, "id": "1"}]],
    "invalid_tool_calls": [
        [{"name": "t", "args": f'{{"q": "{VALUE}', "id": "1", "error": VALUE}]
    ],
    "tool_call_chunks": [
        [{"name": "t", "args": json.dumps({"q": VALUE}), "id": "1", "index": 0}]
    ],
    "artifact": [{"raw": [VALUE.encode()]}, (VALUE,), ValueError(VALUE)],
    "usage_metadata": [
        {
            "input_tokens": 1,
            "output_tokens": 1,
            "total_tokens": 2,
            "input_token_details": {VALUE: 3},
        }
    ],
    "name": [VALUE],
    "id": [VALUE],
}


def _base(cls):
    name = cls.__name__.removesuffix("Chunk")
    return {"content": "plain", **NEEDED.get(name, {})}


def _cases():
    for cls in CLASSES:
        for field, choices in FIELDS.items():
            if field not in cls.model_fields:
                continue
            for number, shown in enumerate(choices):
                yield pytest.param(
                    cls, field, shown, id=f"{cls.__name__}-{field}-{number}"
                )


class TestEveryField:
    @pytest.mark.parametrize(("cls", "field", "shown"), [*_cases()])
    def test_no_field_holds_a_value(self, redactor, cls, field, shown):
        """In a copy of the same class; the original is as it was."""
        message = cls.model_construct(**_base(cls) | {field: shown})
        before = repr(vars(message))
        hidden = redactor.redact([message])[0]

        assert type(hidden) is cls
        told = f"{hidden!r} {hidden.model_dump()!r} {vars(hidden)!r}"
        assert VALUE in before == repr(vars(message))
        assert VALUE not in told
        assert "REDACTED" in told
        assert redactor.scan(hidden) == []

    @pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
    def test_clean_ones_are_themselves(self, redactor, cls):
        """A message that says nothing is the same object."""
        message = cls(**_base(cls))
        assert redactor.redact([message])[0] is message

    def test_all_classes_are_asked(self):
        """Also those that a later LangChain adds to its front door."""
        names = {cls.__name__ for cls in CLASSES}
        assert {"AIMessageChunk", "ToolMessageChunk", "ChatMessage"} <= names
        assert len(CLASSES) >= 12


class TestGraphs:
    @pytest.mark.parametrize(
        "make",
        [
            lambda v: Command(update={"a": v}),
            lambda v: Command(update=[("a", v)]),
            lambda v: Command(resume=v),
            lambda v: Command(goto=[Send("n", {"a": [v]})]),
            lambda v: Send("n", lc.AIMessage(v)),
            lambda v: Interrupt({"q": [v]}, id="1"),
            lambda v: Overwrite({"a": (v,)}),
            lambda v: Command(update={"m": Overwrite([lc.AIMessage(v)])}),
        ],
    )
    def test_what_is_sent_keeps_its_class(self, redactor, make):
        """Commands, sends, interrupts and overwrites differ by the marker only."""
        obj = make(VALUE)
        assert redactor.redact(obj) == make(MARKED)
        assert obj == make(VALUE)
        clean = make("plain")
        assert redactor.redact(clean) is clean
