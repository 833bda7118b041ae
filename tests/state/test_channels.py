"""`guarded`: what a state key sees, and what it costs."""

from __future__ import annotations

import operator
from typing import Annotated, Any, NotRequired

import pytest
from langchain_core.messages import AnyMessage, HumanMessage, RemoveMessage
from langgraph.channels import EphemeralValue, Topic, UntrackedValue
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, Overwrite
from pydantic import SecretStr, TypeAdapter, create_model
from typing_extensions import TypedDict

from langchain_tyrum.errors import ConfigError, RawSecretFound, TyrumError
from langchain_tyrum.state import (
    bind_channels,
    guard_checkpointer,
    guarded,
    guarded_messages,
    is_guarded,
)

CONFIG = {"configurable": {"thread_id": "t"}}


def _schema(**keys):
    return TypedDict("schema", keys, total=False)


def _graph(annotation, update=None, **options):
    builder = StateGraph(_schema(key=annotation))
    builder.add_node("work", lambda state: update() if update else None)
    builder.add_edge(START, "work")
    return builder.compile(**options)


SPELLINGS = {
    "plain": lambda v: v,
    "overwrite": Overwrite,
    "overwrite dict": lambda v: {"__overwrite__": v},
    "overwrite erased": lambda v: {"type": "__overwrite__", "value": v},
}
TYPES = [Any, str | None, SecretStr, list, str, dict]


class TestRefuse:
    """The default mode."""

    @pytest.mark.parametrize("typ", TYPES)
    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_first_value(self, typ, spelling, redactor, canary):
        """The first value is seen, whatever the type and the spelling."""
        key = Annotated[typ, guarded(lambda old, new: new, redactor)]
        graph = _graph(key)

        with pytest.raises(RawSecretFound, match="'key'") as refused:
            graph.invoke({"key": SPELLINGS[spelling]([canary])})

        assert canary not in str(refused.value)
        assert refused.value.rule

    @pytest.mark.parametrize("spelling", SPELLINGS)
    @pytest.mark.parametrize("reducer", [None, operator.add, UntrackedValue])
    def test_update_of_a_node(self, spelling, reducer, redactor, canary):
        """What a node returns is seen, under any reducer."""
        key = Annotated[list, guarded(reducer, redactor)]
        graph = _graph(key, lambda: {"key": SPELLINGS[spelling]([canary])})

        with pytest.raises(RawSecretFound):
            graph.invoke({"key": ["fine"]})

    @pytest.mark.parametrize("reducer", [EphemeralValue, UntrackedValue, Topic])
    def test_other_channels(self, reducer, redactor, canary):
        """LangGraph's other channel classes can be guarded."""
        graph = _graph(Annotated[str, guarded(reducer, redactor)])

        with pytest.raises(RawSecretFound):
            graph.invoke({"key": canary})
        graph.invoke({"key": "fine"})

    async def test_ainvoke(self, redactor, canary):
        """An async run is guarded by the same channel."""
        graph = _graph(Annotated[list, guarded(operator.add, redactor)])

        assert {"key": ["fine"]} == await graph.ainvoke({"key": ["fine"]})
        with pytest.raises(RawSecretFound):
            await graph.ainvoke({"key": [canary]})

    def test_command(self, redactor, canary):
        """A `Command(update=...)` is seen."""
        key = Annotated[list, guarded(operator.add, redactor)]
        graph = _graph(key, lambda: Command(update={"key": [canary]}))

        with pytest.raises(RawSecretFound):
            graph.invoke({"key": []})

    def test_path(self, redactor, canary):
        """The error names the place inside the update."""
        graph = _graph(Annotated[list, guarded(operator.add, redactor)])

        with pytest.raises(RawSecretFound) as refused:
            graph.invoke({"key": [{"token": canary}]})

        assert "token" in refused.value.path

    def test_shape(self, redactor, shaped):
        """A credential that nobody registered is known by its shape."""
        graph = _graph(Annotated[list, guarded(operator.add, redactor)])

        with pytest.raises(RawSecretFound):
            graph.invoke({"key": [shaped]})

    def test_run_goes_on_after_a_refusal(self, redactor, canary, leaks, memory_bytes):
        """With a guarded saver a refused write does not poison the thread."""
        saver = guard_checkpointer(InMemorySaver(), redactor)
        key = Annotated[list, guarded(operator.add, redactor)]
        graph = _graph(key, lambda: {"key": [canary]}, checkpointer=saver)
        with pytest.raises(RawSecretFound):
            graph.invoke({"key": ["first"]}, CONFIG, durability="sync")

        graph.invoke(None, CONFIG, durability="sync")

        stored = graph.get_state(CONFIG).values["key"]
        assert ["first", "[REDACTED:vault/canary]"] == stored
        assert [] == leaks(memory_bytes(saver))


class TestRedact:
    """`mode="redact"`."""

    @pytest.mark.parametrize("spelling", SPELLINGS)
    def test_marker(self, spelling, redactor, canary):
        """A marker takes the place of the value, under every spelling."""
        key = Annotated[list, guarded(operator.add, redactor, mode="redact")]
        graph = _graph(key, lambda: {"key": SPELLINGS[spelling]([canary])})

        state = graph.invoke({"key": []})

        assert ["[REDACTED:vault/canary]"] == state["key"]

    def test_messages(self, redactor, canary):
        """A list of messages keeps LangGraph's semantics: ids, replacing, removing."""
        key = Annotated[list[AnyMessage], guarded_messages(redactor, mode="redact")]
        saver = InMemorySaver()
        graph = _graph(key, checkpointer=saver)

        graph.invoke({"key": [HumanMessage("a", id="1"), ("user", canary)]}, CONFIG)
        graph.invoke({"key": [HumanMessage("b", id="1")]}, CONFIG)
        state = graph.get_state(CONFIG).values["key"]

        assert ["b", "[REDACTED:vault/canary]"] == [m.content for m in state]
        graph.invoke({"key": [RemoveMessage("1")]}, CONFIG)
        assert 1 == len(graph.get_state(CONFIG).values["key"])


class TestField:
    """What LangGraph makes of the annotation."""

    def test_type_of_the_field(self, redactor):
        """The channel gets the field's type, and starts from its empty value."""
        graph = _graph(Annotated[list[str], guarded(operator.add, redactor)])

        assert list[str] == graph.channels["key"].ValueType
        assert {"key": ["a"]} == graph.invoke({"key": ["a"]})

    def test_not_required(self, redactor, canary):
        """`NotRequired` may stand inside and outside."""
        for key in (
            NotRequired[Annotated[list, guarded(operator.add, redactor)]],
            Annotated[NotRequired[list], guarded(operator.add, redactor)],
        ):
            graph = _graph(key)
            assert {"key": ["a"]} == graph.invoke({"key": ["a"]})
            with pytest.raises(RawSecretFound):
                graph.invoke({"key": [canary]})

    def test_pydantic_state(self, redactor, canary):
        """A pydantic state can be guarded."""
        key = Annotated[list, guarded(operator.add, redactor)]
        builder = StateGraph(create_model("State", key=(key, [])))
        builder.add_node("work", lambda state: {"key": ["b"]})
        builder.add_edge(START, "work")
        graph = builder.compile()

        assert {"key": ["a", "b"]} == graph.invoke({"key": ["a"]})
        with pytest.raises(RawSecretFound):
            graph.invoke({"key": [canary]})

    def test_json_schema(self, redactor):
        """The schema of a guarded key is that of the plain one."""
        plain = _schema(key=Annotated[list[str], operator.add])
        ours = _schema(key=Annotated[list[str], guarded(operator.add)])

        assert TypeAdapter(plain).json_schema() == TypeAdapter(ours).json_schema()

    def test_last_value(self, redactor):
        """Without a reducer the last value stands, and two in a step are an error."""
        key = Annotated[str, guarded(None, redactor)]
        graph = _graph(key, lambda: {"key": "second"})
        assert {"key": "second"} == graph.invoke({"key": "first"})

        channel = graph.channels["key"].from_checkpoint("x")
        with pytest.raises(InvalidUpdateError):
            channel.update(["a", "b"])

    def test_plain_key_cannot_take_its_place(self, redactor):
        """Another schema's plain key of the same name does not drop the guard."""
        ours = _schema(key=Annotated[str, guarded(None, redactor)])
        plain = _schema(key=str)

        builder = StateGraph(ours, input_schema=plain, output_schema=plain)
        assert is_guarded(builder.channels["key"])
        with pytest.raises(ValueError, match="key"):
            StateGraph(plain, input_schema=ours)

    def test_same_key_in_two_schemas(self, redactor):
        """The same annotation in two schemas is one channel."""
        mark = guarded(operator.add, redactor)
        one = _schema(key=Annotated[list, mark])
        two = _schema(key=Annotated[list, mark])

        assert is_guarded(StateGraph(one, input_schema=two).channels["key"])

    def test_delta_channel(self, redactor, canary):
        """A DeltaChannel stays one, and rebuilds its value from guarded writes."""

        def fold(old, new):
            return [*old, *(item for part in new for item in part)]

        saver = guard_checkpointer(InMemorySaver(), redactor)
        key = Annotated[list, guarded(DeltaChannel(fold), redactor)]
        graph = _graph(key, lambda: {"key": ["b"]}, checkpointer=saver)

        assert isinstance(graph.channels["key"], DeltaChannel)
        graph.invoke({"key": ["a"]}, CONFIG)
        graph.invoke({"key": ["c"]}, CONFIG)
        assert ["a", "b", "c", "b"] == graph.get_state(CONFIG).values["key"]
        with pytest.raises(RawSecretFound):
            graph.invoke({"key": [canary]}, CONFIG)

    def test_no_reducer_at_all(self):
        """What is no reducer is refused with the mend."""
        with pytest.raises(ConfigError, match="reducer"):
            guarded(42)


class TestBinding:
    """`guarded(...)` without a redactor."""

    def test_unbound(self):
        """An unbound key fails at its first update, and says how to bind it."""
        graph = _graph(Annotated[list, guarded(operator.add)])

        with pytest.raises(TyrumError, match=r"protect\(graph, broker\)"):
            graph.invoke({"key": ["anything"]})

    def test_bound(self, redactor, canary):
        """Binding gives a guarded copy; the given channels stay unbound."""
        graph = _graph(Annotated[list, guarded(operator.add)])
        before = dict(graph.channels)

        bound = bind_channels(graph.channels, redactor)

        assert before == dict(graph.channels)
        assert not is_guarded(graph.channels["key"])
        graph.channels = dict(bound)
        assert {"key": ["a"]} == graph.invoke({"key": ["a"]})
        with pytest.raises(RawSecretFound):
            graph.invoke({"key": [canary]})

    def test_own_redactor_stays(self, redactor):
        """A key that has its redactor keeps it."""
        graph = _graph(Annotated[list, guarded(operator.add, redactor)])

        assert graph.channels is bind_channels(graph.channels, redactor)


class TestCost:
    """The cost follows the update."""

    def test_history_is_not_scanned(self, redactor, monkeypatch):
        """Only the incoming values are looked at, never what has gathered."""
        seen = []
        scan = redactor.scan
        monkeypatch.setattr(redactor, "scan", lambda o: seen.append(o) or scan(o))
        key = Annotated[list, guarded(add_messages, redactor)]
        graph = _graph(key, checkpointer=InMemorySaver())

        for number in range(5):
            graph.invoke({"key": [HumanMessage(str(number))]}, CONFIG)

        assert 5 == len(graph.get_state(CONFIG).values["key"])
        assert [1] * 5 == [len(update) for update in seen]
