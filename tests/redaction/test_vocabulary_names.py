"""LangGraph's and LangChain's own names, read from what is installed."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path

import langchain_core.messages as messages
import langgraph
import langgraph._internal._constants as private
import langgraph.checkpoint.base as checkpoints
import langgraph.checkpoint.serde.types as writes
import langgraph.constants as constants
import pytest
from langchain_core.messages import content
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.schema import StandardStreamEvent
from langgraph import runtime, types

from langchain_tyrum.errors import WeakSecret
from langchain_tyrum.redaction import Redactor

#: What is shorter is refused anyway.
LEAST = 3
_METADATA = re.compile(r"[\"'](langgraph_(?!sdk)[a-z_]+)[\"']")


def texts_of(module):
    """Constants that are strings: channels, keys, tags, ids of nothing."""
    for name, value in vars(module).items():
        if isinstance(value, str) and not name.startswith("__"):
            yield value


def classes_of(module):
    return [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__
    ]


def fields_of(cls):
    """What a class declares, and the literals that a field may hold."""
    for name, kind in inspect.get_annotations(cls).items():
        yield name
        if "Literal[" in str(kind):
            yield from re.findall(r"[\"']([A-Za-z_-]+)[\"']", str(kind))


def declared():
    for module in (types, runtime, checkpoints, content):
        for cls in classes_of(module):
            yield from fields_of(cls)
    for keys in (RunnableConfig, StandardStreamEvent):
        yield from keys.__annotations__
    for alias in (types.StreamMode, types.Durability):
        yield from typing.get_args(alias)


def metadata_keys():
    """What LangGraph puts into the metadata of every run, and into its configs."""
    for path in Path(langgraph.__path__[0]).glob("pregel/*.py"):
        yield from _METADATA.findall(path.read_text(encoding="utf-8"))


def message_names():
    for name in messages.__all__:
        cls = getattr(messages, name)
        if inspect.isclass(cls) and issubclass(cls, messages.BaseMessage):
            yield name
            yield from cls.model_fields


def names(source):
    return sorted(
        {
            name
            for name in source
            if len(name) >= LEAST and not name.startswith("__orig")
        }
    )


CONSTANTS = names(
    text for module in (private, constants, writes) for text in texts_of(module)
)
METADATA, DECLARED = names(metadata_keys()), names(declared())
MESSAGES = names(message_names())
SOURCES = (*CONSTANTS, *METADATA, *DECLARED, *MESSAGES)


def is_refused(word):
    try:
        Redactor(detectors=[]).register("name", word, allow_short=True)
    except WeakSecret:
        return True
    return False


class TestNames:
    def test_names_are_read(self):
        """What is read from the installed packages is what it is taken for."""
        assert {"__start__", "__end__", "__interrupt__", "__resume__"} <= set(CONSTANTS)
        assert {"__error__", "__pregel_push", "__pregel_tasks"} <= set(CONSTANTS)
        assert {"langgraph_step", "langgraph_triggers"} <= set(METADATA)
        assert {"interrupts", "parent_config", "triggers", "updates"} <= set(DECLARED)
        assert {"AIMessage", "usage_metadata", "tool_call_id"} <= set(MESSAGES)

    def test_every_name_is_refused(self):
        """No name that graphs, states, streams and messages consist of is a value."""
        assert [name for name in SOURCES if not is_refused(name)] == []

    @pytest.mark.parametrize(
        "word", ['"__interrupt__"', "__START__", " __pregel_push\n", "'triggers':"]
    )
    def test_they_are_refused_however_they_are_written(self, word):
        """Quotes, case and blanks make no other word of a name."""
        assert is_refused(word)

    @pytest.mark.parametrize(
        "value", ["__interrupt__7Qm2Zp", "langgraph_k7Qm2Zp", "my-parent_config-9x"]
    )
    def test_what_only_holds_one_is_a_value(self, value):
        """A value that holds such a name among other characters is taken and hidden."""
        redactor = Redactor(detectors=[])
        redactor.register("name", value)

        assert redactor.redact_text(f"so {value}.") == "so [REDACTED:name]."
        assert redactor.redact_text("so __interrupt__.") == "so __interrupt__."
