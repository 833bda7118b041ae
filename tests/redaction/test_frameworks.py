from __future__ import annotations

import json

import pytest
from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.prompt_values import ChatPromptValue
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.types import Command, Interrupt, Overwrite, Send, StateSnapshot

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.detectors import spell

VALUE = "Zq7-canary_Value.93x/K+w"
MARKED = "[REDACTED:vault/canary]"
CALL = {"name": "search", "args": {"q": VALUE}, "id": "call_1", "type": "tool_call"}


class TestLangGraph:
    def test_commands_and_sends(self, redactor):
        """Command and Send survive with their class, target and redacted payload."""
        command = Command(
            graph=Command.PARENT,
            update={"a": VALUE},
            goto=[Send("node", {"b": [VALUE]}), "other"],
            resume={"id": VALUE},
        )
        hidden = redactor.redact(command)

        assert hidden == Command(
            graph=Command.PARENT,
            update={"a": MARKED},
            goto=[Send("node", {"b": [MARKED]}), "other"],
            resume={"id": MARKED},
        )
        assert command.update == {"a": VALUE}

    def test_interrupts_and_overwrites(self, redactor):
        """Interrupt keeps its id, Overwrite its meaning."""
        assert redactor.redact(Interrupt(value=[VALUE], id="i1")) == Interrupt(
            [MARKED], id="i1"
        )
        assert redactor.redact(Overwrite([VALUE])) == Overwrite([MARKED])

    def test_bubble_ups(self, redactor):
        """The exceptions LangGraph steers by keep class and meaning."""
        bubble = redactor.redact(GraphInterrupt((Interrupt(VALUE, id="i"),)))
        parent = redactor.redact(ParentCommand(Command(update={"a": VALUE})))

        assert type(bubble) is GraphInterrupt
        assert bubble.args[0][0].value == MARKED
        assert parent.args[0].update == {"a": MARKED}

    def test_snapshots(self, redactor):
        """A state snapshot is a named tuple and stays one."""
        snapshot = StateSnapshot({"a": VALUE}, (), {}, None, None, None, (), ())
        hidden = redactor.redact(snapshot)
        assert isinstance(hidden, StateSnapshot)
        assert hidden.values == {"a": MARKED}


class TestMessages:
    @pytest.mark.parametrize(
        "message",
        [
            HumanMessage(VALUE),
            HumanMessage([{"type": "text", "text": VALUE}]),
            SystemMessage("x", additional_kwargs={"a": [VALUE]}),
            AIMessage("", tool_calls=[CALL]),
            AIMessage("", response_metadata={"h": VALUE}),
            AIMessage("x", name=VALUE, id=VALUE),
            AIMessage(
                "",
                invalid_tool_calls=[
                    {
                        "name": "t",
                        "args": f'{{"a": "{VALUE}',
                        "id": "1",
                        "error": VALUE,
                        "type": "invalid_tool_call",
                    }
                ],
            ),
            ToolMessage(VALUE, tool_call_id="c", artifact={"raw": VALUE.encode()}),
            Document(VALUE, metadata={"source": VALUE}),
            LLMResult(generations=[[ChatGeneration(message=AIMessage(VALUE))]]),
            ChatResult(generations=[ChatGeneration(message=AIMessage(VALUE))]),
            ChatPromptValue(messages=[HumanMessage(VALUE)]),
        ],
    )
    def test_no_field_holds_a_value(self, redactor, message):
        """All fields of messages, results and documents are looked into."""
        hidden = redactor.redact(message)

        assert type(hidden) is type(message)
        assert VALUE not in repr(hidden)
        assert MARKED in repr(hidden)
        assert redactor.scan(hidden) == []
        assert VALUE.encode() not in JsonPlusSerializer().dumps_typed(hidden)[1]

    def test_structure_is_no_shape(self):
        """Ids, roles and tool names are not rewritten for looking like something."""
        redactor = Redactor()
        odd = spell("ghp_<a36>")
        call = {"name": odd, "args": {}, "id": odd, "type": "tool_call"}
        messages = [
            AIMessage("", tool_calls=[call], id=odd),
            ToolMessage("x", tool_call_id=odd, name=odd),
        ]
        assert redactor.redact(messages) is messages
        assert redactor.redact(AIMessage(odd)).content == "[REDACTED:github-pat]"

    def test_chunks_stay_consistent(self, redactor):
        """The parsed tool calls of a chunk say what its raw ones say."""
        arguments = json.dumps({"q": VALUE, "n": 1})
        chunk = AIMessageChunk(
            content="",
            tool_call_chunks=[{"name": "s", "args": arguments, "id": "1", "index": 0}],
        )
        hidden = redactor.redact(chunk)

        assert hidden.tool_call_chunks[0]["args"] == json.dumps({"q": MARKED, "n": 1})
        assert hidden.tool_calls[0]["args"] == {"q": MARKED, "n": 1}
        assert type(hidden + chunk) is AIMessageChunk

    def test_clean_messages_come_back_themselves(self, redactor):
        """A clean conversation is the same list of the same messages."""
        messages = [
            HumanMessage("hi"),
            AIMessage("", tool_calls=[{**CALL, "args": {}}]),
        ]
        assert redactor.redact(messages) is messages


class TestMemo:
    @pytest.fixture
    def counted(self, redactor, monkeypatch):
        """A memoized view, and the sizes of what it searched."""
        view, sizes = redactor.memoized(), []
        spans = view._guard.spans
        monkeypatch.setattr(
            view._guard,
            "spans",
            lambda data, **k: sizes.append(len(data)) or spans(data, **k),
        )
        return view, sizes

    def test_clean_messages_are_looked_at_once(self, counted):
        """A message that was clean and is unchanged is not searched again."""
        view, sizes = counted
        messages = [HumanMessage("word " * 400) for _ in range(5)]

        assert view.redact(messages) is messages
        assert view.redact([*messages, HumanMessage("a new one")])[:5] == messages

        assert sizes[0] >= 2000 > 100 > sizes[1]

    @pytest.mark.parametrize(
        "edit",
        [
            lambda m: setattr(m, "content", VALUE),
            lambda m: m.additional_kwargs.update(a=VALUE),
            lambda m: m.response_metadata["deep"]["list"].append(VALUE),
            lambda m: m.tool_calls[0]["args"].update(q=VALUE),
            lambda m: m.tool_calls.append({**CALL}),
            lambda m: m.response_metadata["deep"].update({VALUE: 1}),
        ],
    )
    def test_an_edited_message_is_looked_at_again(self, redactor, edit):
        """A message that was edited in place does not fool the memo."""
        view = redactor.memoized()
        message = AIMessage(
            "fine",
            tool_calls=[{**CALL, "args": {"q": "x"}}],
            response_metadata={"deep": {"list": ["a"]}},
        )
        assert view.redact([message])[0] is message

        edit(message)

        assert VALUE not in repr(view.redact([message]))

    def test_a_registration_forgets_everything(self, redactor):
        """What was clean is looked at again when a value was registered."""
        view = redactor.memoized()
        messages = [HumanMessage("a later-value-4711x")]
        assert view.redact(messages) is messages

        redactor.register("later", "later-value-4711x")

        assert view.redact(messages)[0].content == "a [REDACTED:later]"

    def test_the_memo_is_bounded(self, redactor):
        """A memo does not grow without end."""
        view = redactor.memoized()
        for _ in range(30):
            view.redact([HumanMessage(f"m{i}") for i in range(1000)])
        assert len(view._memo) <= 20_000

    def test_opaque_fields_are_never_remembered(self, redactor):
        """A message that holds more than plain data is walked each time."""
        view = redactor.memoized()
        holder = type("Holder", (), {})()
        message = ToolMessage("x", tool_call_id="c", artifact=holder)
        assert view.redact([message])[0] is message

        holder.late = VALUE

        assert VALUE not in repr(vars(view.redact([message])[0].artifact))
