"""What guards of durable state are given by mistake is told where they are built."""

import operator
from typing import Annotated, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import (
    GuardedSerializer,
    guard_cache,
    guard_checkpointer,
    guard_store,
    guarded,
    guarded_messages,
)

PAT = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


@pytest.fixture
def value(canary):
    return canary


@pytest.fixture
def redactor(value):
    made = Redactor()
    made.register("key", value)
    return made


def graph_of(reducer, lines):
    class State(TypedDict):
        lines: Annotated[list, reducer]

    builder = StateGraph(State).add_node("a", lambda _: {"lines": lines})
    return builder.add_edge(START, "a").compile()


class TestModes:
    @pytest.mark.parametrize("make", [guarded, guarded_messages])
    @pytest.mark.parametrize("mode", ["nope", "refuze", "", None])
    def test_an_unknown_mode_is_an_error_at_build(self, redactor, make, mode):
        """A misspelled mode never makes a key that guards less than was meant."""
        options = {"redactor": redactor, "mode": mode}
        with pytest.raises(ConfigError, match="'refuse', 'redact' or 'observe'"):
            make(**options)

    @pytest.mark.parametrize(
        ("mode", "shown"),
        [
            ("redact", ["[REDACTED:key]", "[REDACTED:github-pat]"]),
            ("observe", ["[REDACTED:key]", PAT]),
        ],
    )
    def test_observe_lets_shapes_pass_alone(self, redactor, value, mode, shown):
        """A key in mode `observe` keeps shapes and hides registered values."""
        add = guarded(operator.add, redactor, mode=mode)
        graph = graph_of(add, [value, PAT])
        assert shown == graph.invoke({"lines": []})["lines"]

    def test_refuse_refuses_both(self, redactor, value):
        """A key in mode `refuse` refuses shapes and registered values alike."""
        graph = graph_of(guarded(operator.add, redactor), [])
        for raw in (value, PAT):
            with pytest.raises(RawSecretFound):
                graph.invoke({"lines": [raw]})


class TestGuards:
    @pytest.mark.parametrize(
        ("guard", "mend"),
        [
            (guard_cache, "compile\\(cache="),
            (guard_store, "compile\\(store="),
            (guard_checkpointer, "compile\\(checkpointer="),
        ],
    )
    @pytest.mark.parametrize("given", [None, "memory", InMemorySaver, object()])
    def test_what_is_none_of_langgraphs_is_an_error(self, redactor, guard, mend, given):
        """A guard over nothing says what belongs into it."""
        with pytest.raises(ConfigError, match=mend):
            guard(given, redactor)

    @pytest.mark.parametrize("given", [None, "x", 5])
    @pytest.mark.parametrize(
        "make",
        [
            GuardedSerializer,
            lambda given: guard_checkpointer(InMemorySaver(), given),
            lambda given: guard_store(InMemoryStore(), given),
        ],
    )
    def test_what_is_no_redactor_is_an_error(self, make, given):
        """A guard that nobody told the values says where a redactor comes from."""
        with pytest.raises(ConfigError, match=r"broker\.redactor"):
            make(given)

    def test_a_key_with_no_redactor_in_its_place_is_an_error(self):
        """`guarded` takes a broker or redactor, and says so before any run."""
        with pytest.raises(ConfigError, match=r"broker\.redactor"):
            guarded(operator.add, "x")

    def test_a_broker_stands_for_its_redactor(self, memory_broker, value):
        """The serializer, too, takes a broker."""
        serde = GuardedSerializer(memory_broker({"db/password": value}))
        _, data = serde.dumps_typed({"text": value})
        assert value.encode() not in data
        assert b"[REDACTED:db/password]" in data
