"""Objects that compute their text: live between nodes, without values on ways out."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, computed_field
from typing_extensions import TypedDict

from langchain_tyrum.broker import SecretBroker
from langchain_tyrum.membrane import protect

VALUE = "tulip-42-kites-over-zanzibar"
HALVES = (VALUE[:9], VALUE[9:])
MARK = "[REDACTED:db/password]"
MODES = ["values", "updates", "custom", "tasks", "debug"]


class State(TypedDict, total=False):
    live: Any
    done: bool


class Login(BaseModel):
    left: str = HALVES[0]
    right: str = HALVES[1]

    @computed_field
    @property
    def password(self) -> str:
        return self.left + self.right


@dataclasses.dataclass
class Card:
    left: str = HALVES[0]

    def __repr__(self) -> str:
        return f"Card({self.left}{HALVES[1]})"


class Client:
    """It cannot be written, and works all the same."""

    def __init__(self) -> None:
        self.used = 0

    def __repr__(self) -> str:
        raise RuntimeError

    def use(self) -> None:
        self.used += 1


class Pages:
    """It asks for more when it is gone through."""

    asked = 0

    def __init__(self) -> None:
        self.fetch = lambda: None

    def __iter__(self) -> Any:
        self.asked += 1
        yield self.asked


@pytest.fixture
def broker():
    """A broker with one value, which its redactor knows."""
    with SecretBroker.in_memory({"db/password": VALUE}) as made:
        made.arm()
        yield made


def graph_of(first, then):
    builder = StateGraph(State)
    builder.add_node("first", first)
    builder.add_node("then", then)
    builder.add_edge(START, "first")
    builder.add_edge("first", "then")
    return builder.compile()


def shown(parts):
    """Everything that a client may write of what it was streamed."""
    text = f"{parts!r}{parts}"
    return text + json.dumps(parts, default=lambda o: vars(o) | _dump(o))


def _dump(obj):
    return obj.model_dump() if isinstance(obj, BaseModel) else {"text": str(obj)}


class TestStreams:
    @pytest.mark.parametrize("kind", [Login, Card])
    def test_no_mode_shows_a_value(self, broker, kind, capsys):
        """Written, returned and told of: each part says a marker in its place."""
        seen = []

        def first(_: Any) -> Any:
            get_stream_writer()({"with": kind()})
            dispatch_custom_event("login", kind())
            return {"live": kind()}

        def then(state: Any) -> Any:
            seen.append(state["live"])
            return {"done": True}

        graph = protect(graph_of(first, then), broker)
        bare = shown([*graph_of(first, then).stream({}, stream_mode=MODES)])
        parts = [*graph.stream({}, stream_mode=MODES, print_mode="updates")]

        assert VALUE in bare
        assert VALUE not in shown(parts) + capsys.readouterr().out
        assert {*MODES} == {mode for mode, _ in parts if MARK in shown([mode, _])}
        assert [kind, kind] == [type(each) for each in seen]
        assert MARK in repr(seen[-1])

    @pytest.mark.parametrize("kind", [Login, Card])
    async def test_no_event_shows_a_value(self, broker, kind):
        """The same in async streams and events."""

        async def first(_: Any) -> Any:
            get_stream_writer()({"with": kind()})
            await adispatch_custom_event("login", kind())
            return {"live": kind()}

        async def then(_: Any) -> Any:
            return {"done": True}

        graph = protect(graph_of(first, then), broker)
        parts = [part async for part in graph.astream({}, stream_mode=MODES)]
        events = [e["data"] async for e in graph.astream_events({}, version="v2")]

        assert VALUE not in shown(parts) + shown(events)
        assert {*MODES} == {mode for mode, _ in parts if MARK in shown([mode, _])}
        assert MARK in shown(events)
        assert ("updates", {"then": {"done": True}}) in parts


class TestLiveObjects:
    @pytest.mark.parametrize("kind", [Client, Pages])
    def test_they_pass_between_nodes(self, broker, kind):
        """What nobody can look into is replaced in what leaves, and nowhere else."""
        live = kind()
        seen = []

        def then(state: Any) -> Any:
            seen.append(state["live"])
            return {"done": True}

        graph = protect(graph_of(lambda _: {"live": live}, then), broker)
        parts = [*graph.stream({}, stream_mode="updates")]

        assert [live] == seen
        assert {"first": {"live": "[REDACTED]"}} == parts[0]
        assert 0 == Pages.asked
        assert live is graph.invoke({})["live"]
