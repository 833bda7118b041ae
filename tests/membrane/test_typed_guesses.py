"""A right guess of somebody else's value is kept like a wrong one, of any type."""

import re
import uuid
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from langchain_tyrum import SecretBroker, SecretPolicy, from_configurable, protect

ID = uuid.UUID("6f1c2a44-1b1e-4c7e-9d53-3b8f0a7c1d21")
WORD = "zebra-quartz-7719"


class State(TypedDict, total=False):
    x: Any


@pytest.fixture
def graph() -> Any:
    broker = SecretBroker.in_memory(
        policy=SecretPolicy(allow=["*"]), identity=from_configurable("user_id")
    )
    for name, value in (
        ("word", WORD),
        ("number", "9182736450"),
        ("id", str(ID)),
        ("address", "172.16.254.13"),
    ):
        broker.put(name, value, owner="eve")
    builder = StateGraph(State)
    builder.add_node("n", lambda state: {"x": state["x"]})
    builder.add_edge(START, "n")
    return protect(builder.compile(checkpointer=InMemorySaver()), broker)


CONFIG = {"configurable": {"thread_id": "1", "user_id": "ada"}}


class TestRightGuess:
    @pytest.mark.parametrize(
        "guess",
        [
            Decimal(9182736450),
            ID,
            re.compile(WORD, re.IGNORECASE),
            re.compile(WORD.encode()),
            re.compile(re.escape(WORD)),
            IPv4Address("172.16.254.13"),
        ],
    )
    def test_it_is_read_back(self, graph: Any, guess: Any) -> None:
        """What was sealed reads back as what it was, and no value is stored."""
        assert {"x": guess} == graph.invoke({"x": guess}, CONFIG)
        assert {"x": guess} == graph.get_state(CONFIG).values
        stored = repr(graph.checkpointer.blobs) + repr(graph.checkpointer.writes)
        for value in (WORD, "9182736450", str(ID), "172.16.254.13"):
            assert value not in stored

    @pytest.mark.parametrize("kind", [complex, Fraction])
    @pytest.mark.parametrize("number", [9182736450, 9182736451])
    def test_what_cannot_be_stored(self, graph: Any, kind: Any, number: int) -> None:
        """What no serializer takes fails whether or not it is a value."""
        with pytest.raises(TypeError, match="not msgpack serializable"):
            graph.invoke({"x": kind(number)}, CONFIG)
