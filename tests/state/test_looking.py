"""Each piece of state is looked at once, as it is written."""

from __future__ import annotations

import operator
import random
from pathlib import Path
from typing import Annotated

import pytest
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from pydantic import BaseModel
from typing_extensions import TypedDict

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import GuardedSerializer, acting, guard_checkpointer

MARKED = "use [REDACTED:github-pat]"


@pytest.fixture
def serde(redactor):
    return GuardedSerializer(redactor)


@pytest.fixture
def looked(redactor, monkeypatch):
    """Return the list of all that the redactor was asked to clean."""
    asked = []
    redact = redactor.redact
    monkeypatch.setattr(
        redactor, "redact", lambda obj: asked.append(repr(obj)) or redact(obj)
    )
    return asked


@pytest.fixture
def scanned(redactor, monkeypatch):
    """Return the list of how many bytes the redactor was asked to scan."""
    sizes = []
    contains = redactor.contains
    monkeypatch.setattr(
        redactor, "contains", lambda data: sizes.append(len(data)) or contains(data)
    )
    return sizes


class TestOnce:
    def test_appended(self, serde, looked):
        """Only what was appended is looked at."""
        serde.dumps_typed(["first", "second"])
        looked.clear()

        serde.dumps_typed(["first", "second", "the third one"])

        assert "the third one" in "".join(looked)
        assert "first" not in "".join(looked)

    def test_reordered_and_cut(self, serde, looked):
        """Items are known wherever they stand, in lists of any length."""
        items = [{"text": f"item {n:03}"} for n in range(200)]
        serde.dumps_typed(items)
        looked.clear()

        serde.dumps_typed(items[7:])
        serde.dumps_typed(items[::-1])
        serde.dumps_typed({"channel_versions": {}, "channel_values": {"x": items}})

        assert "item" not in "".join(looked)

    def test_a_write_comes_again_in_the_checkpoint(self, serde, looked):
        """What was looked at as a write is known as a part of a channel."""
        message = HumanMessage("from the node", id="1")
        serde.dumps_typed([message])
        looked.clear()

        serde.dumps_typed([HumanMessage("an older one", id="0"), message])

        assert "an older one" in "".join(looked)
        assert "from the node" not in "".join(looked)

    def test_bytes_are_scanned_once(self, serde, scanned):
        """Of a state that grew, the new bytes are scanned, not the old ones."""
        state = [random.Random(n).randbytes(2000).hex() for n in range(200)]
        serde.dumps_typed(state)
        first = sum(scanned)

        serde.dumps_typed([*state, "one more"])

        assert first > 800_000
        assert sum(scanned) - first < 100

    def test_ids_of_a_checkpoint_cost_no_walk(self, serde, looked, scanned):
        """Names, ids and versions of a checkpoint are scanned, not walked."""
        named = {"id": "an-id", "channel_versions": {"a-name": 1}}
        serde.dumps_typed(named)

        assert "an-id" not in "".join(looked)
        assert sum(scanned) > 20

    @pytest.mark.parametrize("somebody", [None, Principal("default", "bob")])
    def test_a_value_in_a_name_is_found(self, serde, redactor, leaks, canary, somebody):
        """Names and ids are looked at where nobody's run stores, and in a run."""
        stored = somebody and redactor.stored_for(somebody)
        named = {"id": "an-id", "channel_versions": {canary: "1"}}

        with acting(stored):
            assert [] == leaks(serde.dumps_typed(named)[1])


class TestAgain:
    def test_value_registered_later(self, serde, redactor, leaks):
        """A value that is registered after a clean write is found at the next."""
        late = "late owl 91 harbour"
        state = [late, *("filler " * 50 + str(n) for n in range(200))]
        assert leaks(serde.dumps_typed(state)[1], late)

        redactor.register("late", late)

        assert [] == leaks(serde.dumps_typed(state)[1], late)

    def test_value_registered_while_it_looks(self, serde, redactor, leaks, monkeypatch):
        """A value registered during a look makes that look count for nothing."""
        late, redact = "late owl 91 harbour", redactor.redact

        def slow(obj):
            done = redact(obj)
            redactor.register("late", late)
            return done

        monkeypatch.setattr(redactor, "redact", slow)
        serde.dumps_typed([late])
        monkeypatch.setattr(redactor, "redact", redact)

        assert [] == leaks(serde.dumps_typed([late])[1], late)

    @pytest.mark.parametrize("at", [0, 31, 32, 199])
    def test_value_anywhere_in_a_known_state(self, serde, at, canary, leaks):
        """A value in any item of a state that was clean before is found."""
        chunks = [f"{random.Random(n).random()} text" for n in range(200)]
        serde.dumps_typed({"id": 1, "chunks": chunks})
        dirty = [*chunks]
        dirty[at] = f"{dirty[at]} {canary}"

        _, data = serde.dumps_typed({"id": 2, "chunks": dirty})

        assert [] == leaks(data)
        expected = [*chunks]
        expected[at] += " [REDACTED:vault/canary]"
        loaded = serde.loads_typed(("msgpack", data))
        assert {"id": 2, "chunks": expected} == loaded

    def test_raw_item_is_replaced_each_time(self, serde, shaped):
        """An item that holds a value never counts as known."""
        state = ["a", f"use {shaped}", {"b": shaped, shaped: "c"}]

        for _ in range(3):
            loaded = serde.loads_typed(serde.dumps_typed(state))
            mark = "[REDACTED:github-pat]"
            assert ["a", f"use {mark}", {"b": mark, mark: "c"}] == loaded
        assert shaped in state[1]

    @pytest.mark.parametrize(
        "element",
        [
            {"text": "clean"},
            ["clean"],
            HumanMessage("clean"),
            HumanMessage([{"type": "text", "text": "clean"}]),
            Document("clean"),
            ToolMessage("clean", tool_call_id="1", artifact={"deep": ["clean"]}),
        ],
        ids=repr,
    )
    def test_edited_in_place(self, element, serde, shaped, leaks):
        """What was clean and is edited in place is looked at again."""
        state = [element]
        serde.dumps_typed(state)

        if isinstance(element, ToolMessage):
            element.artifact["deep"][0] = shaped
        elif isinstance(element, HumanMessage) and isinstance(element.content, str):
            element.content = f"use {shaped}"
        elif isinstance(element, HumanMessage):
            element.content[0]["text"] = f"use {shaped}"
        elif isinstance(element, Document):
            element.metadata["more"] = [shaped]
        elif isinstance(element, dict):
            element["text"] = shaped
        else:
            element[0] = shaped

        _, data = serde.dumps_typed(state)
        assert [] == leaks(data, shaped)
        assert b"[REDACTED:github-pat]" in data

    def test_views_do_not_share(self, redactor, canary, leaks):
        """What one pair of eyes found clean is not clean for others."""
        alice, bob = Principal("default", "alice"), Principal("default", "bob")
        redactor.register("hers", "alice owns 77 geese", owner="alice")
        state = ["alice owns 77 geese", "more"]
        serdes = [GuardedSerializer(redactor.view(who)) for who in (bob, alice)]

        found = [leaks(each.dumps_typed(state)[1], state[0]) for each in serdes]

        assert [True, False] == list(map(bool, found))

    def test_forked_state(self, serde, canary, leaks):
        """A copy of a known state that went another way is found out."""
        base = [HumanMessage(f"turn {n}", id=str(n)) for n in range(50)]
        serde.dumps_typed(base)
        other = [*base[:20], HumanMessage(f"say {canary}", id="20"), *base[21:]]

        _, data = serde.dumps_typed(other)

        assert [] == leaks(data)
        assert base == serde.loads_typed(serde.dumps_typed(base))

    def test_cut_by_its_class(self, serde, canary):
        """A value that an object is written in parts of is found in the object."""
        _, data = serde.dumps_typed([Path(f"/etc/{canary}/key")])

        assert "/" in canary
        assert canary.partition("/")[0].encode() not in data

    def test_refused_shape(self, shaped):
        """Where shapes are refused, so is a state that holds one, each time."""
        serde = GuardedSerializer(Redactor(shapes="refuse"))

        for _ in range(2):
            with pytest.raises(RawSecretFound) as refused:
                serde.dumps_typed({"messages": ["fine", {"deep": shaped}]})
            assert "github-pat" == refused.value.rule
            assert shaped not in str(refused.value)


class Editing(BaseModel):
    """Does while it is serialized what another thread might do meanwhile."""

    def model_dump(self, **options):
        EDITS.pop()() if EDITS else None
        return {}


EDITS: list = []


class TestMeanwhile:
    """A run edits its state in place while a checkpoint of it is written."""

    @pytest.mark.parametrize("calls", range(4))
    def test_between_looks(self, calls, serde, redactor, shaped, leaks, monkeypatch):
        """Whenever the edit comes, what is written was looked at."""
        redact, state, done = redactor.redact, [{"text": "clean"}], []

        def edited(obj):
            found = redact(obj)
            done.append(1)
            if len(done) == calls:
                state[0]["text"] = f"use {shaped}"
            return found

        monkeypatch.setattr(redactor, "redact", edited)
        state[0]["text"] = state[0]["text"] if calls else f"use {shaped}"

        written = [serde.dumps_typed([*state, f"turn {n}"]) for n in range(4)]

        assert [] == leaks(b"".join(data for _, data in written), shaped)
        assert f"use {shaped}" == state[0]["text"]
        assert [{"text": MARKED}, "turn 3"] == serde.loads_typed(written[-1])
        assert len(done) >= calls

    @pytest.mark.parametrize("times", [1, 2, 3, 40])
    def test_while_it_is_serialized(self, times, serde, shaped, leaks):
        """An edit between the serializing of two items is found in the bytes."""
        state = [{"text": "clean"}, Editing(), {"text": "clean"}]

        def edit():
            state[2]["text"] = f"use {shaped}" if len(EDITS) % 2 else "clean"

        EDITS.extend([edit] * times)
        written = [serde.dumps_typed(state)[1] for _ in range(3)]
        EDITS.clear()

        assert [] == leaks(b"".join(written), shaped)

    def test_edited_all_the_while(self, serde, redactor, shaped, leaks, monkeypatch):
        """A piece that is another one at each look is made clean by its bytes."""
        state, redact, count = {"text": f"0 {shaped}", "n": 0}, redactor.redact, []

        def edited(obj):
            state["text"] = "clean"
            found = redact(obj)
            count.append(1)
            state["text"], state["n"] = f"{len(count)} {shaped}", len(count)
            return found

        monkeypatch.setattr(redactor, "redact", edited)

        _, data = serde.dumps_typed([state])

        assert [] == leaks(data, shaped)
        assert len(count) > 8
        assert MARKED[4:].encode() in data

    def test_list_that_grows(self, serde):
        """A list that grows meanwhile is written as long as its head says."""
        state: list = [Editing(), *["early"] * 20]
        EDITS.append(lambda: state.extend(["late"] * 40))

        written = serde.dumps_typed({"log": state})

        assert 61 == len(state)
        early = {"log": [Editing(), *["early"] * 20]}
        assert JsonPlusSerializer().dumps_typed(early) == written

    @pytest.mark.parametrize("durability", ["sync", "async", "exit"])
    @pytest.mark.parametrize("stored", ["before", "meanwhile"])
    def test_in_a_run(self, durability, stored, redactor, shaped, memory_bytes, leaks):
        """A node that edits an element in place and returns it leaks nothing."""

        class Meanwhile(InMemorySaver):
            def put(self, config, checkpoint, metadata, versions):
                # the guard has seen the checkpoint by now, the serializer has not
                files = checkpoint["channel_values"].get("files")
                if stored == "meanwhile" and files:
                    files["a"]["text"] = f"use {shaped}"
                return super().put(config, checkpoint, metadata, versions)

        def work(state):
            if stored == "before":
                state["files"]["a"]["text"] = f"use {shaped}"
            return {"files": state["files"]}

        builder = StateGraph(TypedDict("schema", {"files": dict}))
        builder.add_node("work", work)
        builder.add_edge(START, "work")
        saver = guard_checkpointer(Meanwhile(), redactor)
        graph = builder.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": "t"}}

        graph.invoke({"files": {"a": {"text": "clean"}}}, config, durability=durability)

        assert {"a": {"text": MARKED}} == graph.get_state(config).values["files"]
        assert [] == leaks(memory_bytes(saver), shaped)


class TestInASaver:
    @pytest.fixture
    def graph(self, redactor):
        keys = {"log": Annotated[list, operator.add]}
        builder = StateGraph(TypedDict("schema", keys))
        builder.add_node("work", lambda state: {"log": ["from the node"]})
        builder.add_edge(START, "work")
        saver = guard_checkpointer(InMemorySaver(), redactor)
        return builder.compile(checkpointer=saver)

    def test_history_is_not_walked_again(self, graph, looked):
        """A second run does not look at what the first one stored."""
        config = {"configurable": {"thread_id": "t"}}
        graph.invoke({"log": ["an old entry"]}, config)
        looked.clear()

        graph.invoke({"log": ["a new entry"]}, config)

        assert "a new entry" in "".join(looked)
        assert "an old entry" not in "".join(looked)

    def test_shapes_over_many_runs(self, graph, shaped, memory_bytes, leaks):
        """A credential known by its shape only stays out over many runs."""
        config = {"configurable": {"thread_id": "t"}}

        for _ in range(3):
            graph.invoke({"log": [f"use {shaped}", "fine"]}, config)

        assert 9 == len(graph.get_state(config).values["log"])
        assert [] == leaks(memory_bytes(graph.checkpointer), shaped)
