"""What tells a message that was looked at from one that was edited since."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_tyrum.state.witness import witnesses

EDITS = [
    lambda message: message.additional_kwargs.update(note="raw"),
    lambda message: message.response_metadata.update(note="raw"),
    lambda message: setattr(message, "name", "raw"),
    lambda message: setattr(message, "content", "raw"),
    lambda message: message.__pydantic_extra__.update(more="raw"),
]


def told(message):
    marks, alive = witnesses([message])
    assert alive
    return marks[0]


class TestWitness:
    @pytest.mark.parametrize("edit", EDITS)
    @pytest.mark.parametrize("content", ["hi", [{"type": "text", "text": "hi"}]])
    def test_an_edit_is_told(self, edit, content):
        """A message edited in place, in any field, is another one."""
        message = HumanMessage(content, additional_kwargs={"a": 1})
        before, again = told(message), told(message)

        edit(message)

        assert (True, False) == (before == again, before == told(message))

    def test_tool_calls_and_blocks_are_told(self):
        """Arguments of a call and blocks of a content are looked into."""
        answer = AIMessage("", tool_calls=[{"name": "t", "args": {"a": 1}, "id": "1"}])
        blocks = HumanMessage([{"type": "text", "text": "hi"}])
        before = told(answer), told(blocks)

        answer.tool_calls[0]["args"]["a"] = "raw"
        blocks.content[0]["text"] = "raw"

        assert [False, False] == [
            before[0] == told(answer),
            before[1] == told(blocks),
        ]

    def test_odd_artifacts_are_never_known(self):
        """A message that holds more than data has no witness."""
        assert told(ToolMessage("ok", tool_call_id="1", artifact=object())) is None
