"""Results that are no plain data show no value either, or are withheld."""

import collections
import enum
import functools
import operator
import re

import pytest
from langchain_core.messages import ToolMessage
from langgraph.types import Command

from langchain_tyrum.tools import secret_tool


class Spelled:
    """Holds the value letter by letter, and shows it whole."""

    def __init__(self, text):
        self.letters = list(text)

    def __repr__(self):
        return "".join(self.letters)


RESULTS = {
    "match": lambda v: re.match(".*", v, re.DOTALL),
    "pattern": lambda v: {"kind": "a", "n": re.compile(re.escape(v))},
    "partial": lambda v: {"f": functools.partial(print, v)},
    "getter": operator.itemgetter,
    "enum": lambda v: [enum.Enum("E", {"A": v}).A],
    "deque": lambda v: type("Ring", (collections.deque,), {})([v]),
    "blocks": lambda v: [
        {"type": "text", "text": v[:9]},
        {"type": "text", "text": v[9:]},
    ],
    "artifact": lambda v: Command(
        update={
            "messages": [ToolMessage("x", tool_call_id="c", artifact=re.match(".*", v))]
        }
    ),
}


@pytest.fixture
def invoke(broker, tool_call):
    def run(make):
        @secret_tool(broker, token="github/token")
        def fetch(*, token: str):
            """Fetch something."""
            return make(token)

        return fetch.invoke(
            {"type": "tool_call", "name": "fetch", "args": {}, "id": "c"}
        )

    return run


class TestOddResults:
    @pytest.mark.parametrize("kind", RESULTS)
    def test_no_message_shows_a_value(self, invoke, canary, kind):
        """Whatever type a tool returns, the text of its message is clean."""
        message = invoke(RESULTS[kind])

        assert canary not in f"{message!r} {getattr(message, 'text', '')}"
        assert "[REDACTED" in repr(message)

    @pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [x]}])
    def test_what_only_its_text_shows_is_redacted(self, invoke, canary, wrap):
        """A class may put a value together when it is asked for its text."""
        message = invoke(lambda v: wrap(Spelled(v)))

        assert canary not in f"{message!r} {message.text}"
        assert "[REDACTED" in message.text

    def test_clean_objects_pass(self, invoke):
        """An object without a value is what the tool's message says."""
        assert "plain" == invoke(lambda _: Spelled("plain")).content
