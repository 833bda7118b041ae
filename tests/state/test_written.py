"""Messages that were written before are written as they were, while they are that."""

from __future__ import annotations

import gc
import uuid
from functools import partial

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction import Redactor
from langchain_tyrum.state import GuardedSerializer, acting, written
from langchain_tyrum.state.serde import guard_serde
from langchain_tyrum.state.view import RunView
from langchain_tyrum.state.written import Written, written_now


@pytest.fixture
def serde(redactor):
    return GuardedSerializer(redactor)


@pytest.fixture
def encoded(serde):
    """The messages that were encoded, by themselves or within something else."""
    encoder, found = serde._looker()._encoder, []
    message, default = encoder.message, encoder._default
    encoder.message = lambda obj: found.append(obj) or message(obj)
    encoder.any = partial(
        encoder.any, default=lambda obj: found.append(obj) or default(obj)
    )
    return found


class Writing:
    """An encoder that writes so many bytes, whatever it is given."""

    def __init__(self, size, *, edit=None):
        self.size = size
        self.edit = edit

    def message(self, obj):
        if self.edit:
            obj.content = self.edit
        return b"x" * self.size, None


def history(count=40):
    return [AIMessage(f"turn {n} of many", id=f"id-{n}") for n in range(count)]


def plain(obj):
    return JsonPlusSerializer().dumps_typed(obj)


class TestWrittenOnce:
    def test_a_history_is_encoded_once(self, serde, encoded):
        """A history that grew by one message costs one encoding."""
        messages = history()
        serde.dumps_typed(messages)
        encoded.clear()

        data = serde.dumps_typed([*messages, HumanMessage("one more", id="new")])

        assert ["one more"] == [each.content for each in encoded]
        assert plain([*messages, HumanMessage("one more", id="new")]) == data

    @pytest.mark.parametrize(
        "edit",
        [
            lambda message, text: setattr(message, "content", text),
            lambda message, text: setattr(message, "id", text),
            lambda message, text: message.additional_kwargs.update(note=text),
            lambda message, text: message.additional_kwargs.update({text: 1}),
            lambda message, text: message.tool_calls.append(
                {"name": "a", "args": {"b": text}, "id": "c", "type": "tool_call"}
            ),
        ],
    )
    def test_an_edit_in_place_is_written(
        self, serde, edit, canary, leaks, other_canary
    ):
        """What a message holds now is what is written, and no value in it."""
        messages = history()
        serde.dumps_typed(messages)

        edit(messages[7], "edited in place")
        assert plain(messages) == serde.dumps_typed(messages)

        edit(messages[8], canary)
        data = serde.dumps_typed(messages)
        assert [] == leaks(data[1])
        assert plain(messages)[1] != data[1]
        assert b"edited in place" in data[1]

    @pytest.mark.parametrize(
        ("old", "new"),
        [(True, 1), (1, True), (1, 1.0), (1.0, 1), (0, False), (1 << 60, 2.0**60)],
    )
    @pytest.mark.parametrize("deep", [False, True])
    def test_a_number_that_equals_another(self, serde, encoded, old, new, deep):
        """`1 == 1.0 == True`, but they are written as what they are."""
        messages = history(3)
        messages[1].additional_kwargs["n"] = {"m": [old]} if deep else old
        serde.dumps_typed(messages)
        encoded.clear()
        assert (plain(messages), []) == (serde.dumps_typed(messages), encoded)

        messages[1].additional_kwargs["n"] = {"m": [new]} if deep else new

        assert plain(messages) == serde.dumps_typed(messages)

    @pytest.mark.parametrize("old", [True, 1.0, 1 << 60])
    def test_a_number_among_the_counts(self, serde, old):
        """In what a provider reported, too."""
        messages = history(3)
        messages[1].response_metadata["n"] = old
        serde.dumps_typed(messages)

        messages[1].response_metadata["n"] = float(old) if old > 1 else int(old)

        assert plain(messages) == serde.dumps_typed(messages)

    def test_a_number_in_an_old_message_while_others_come(self, serde):
        """Many are compared at once, with new ones among them; each counts."""
        messages = history()
        for at, message in enumerate(messages):
            message.additional_kwargs["n"] = at % 2
            if at % 3:
                message.response_metadata["done"] = True
        serde.dumps_typed(messages)

        messages[7].additional_kwargs["n"] = True
        messages[8].response_metadata["done"] = 1
        messages[9].content = "edited"
        messages.append(HumanMessage("one more", additional_kwargs={"n": 2.0}))

        assert plain(messages) == serde.dumps_typed(messages)
        messages[11].additional_kwargs["n"] = 1.0
        assert plain(messages) == serde.dumps_typed(messages)

    @pytest.mark.parametrize("at", [0, 5])
    @pytest.mark.parametrize("alone", [True, False])
    def test_an_edit_that_is_taken_back_is_written(self, serde, at, alone):
        """A message that holds again what it held is not written as it was between."""
        messages = history(12)

        def stored():
            data = serde.dumps_typed({"messages": messages})
            return serde.loads_typed(data)["messages"][at].content

        first = messages[at].content
        assert [first] * 3 == [stored() for _ in range(3)]
        messages[at].content = "something else"
        if alone:
            serde.dumps_typed([messages[at]])
        else:
            assert "something else" == stored()
        messages[at].content = first

        assert [first] * 3 == [stored() for _ in range(3)]

    def test_an_edit_while_it_is_written(self, serde, canary, leaks, monkeypatch):
        """What is looked at is what was written, whatever the message holds by then."""
        encoder, messages = serde._looker()._encoder, [AIMessage(["go"], id="1")]
        message = encoder.message

        def edited(obj):
            obj.content.append(canary)
            try:
                return message(obj)
            finally:
                obj.content.pop()

        monkeypatch.setattr(encoder, "message", edited)
        data = serde.dumps_typed(messages)

        assert b"go" in data[1]
        assert [] == leaks(data[1])

    def test_what_was_written_is_nobody_else_s(self, serde):
        """The data that stands for a message's bytes does not change with it."""
        deep = {"a": [{"b": "c"}]}
        message = AIMessage([{"type": "text", "text": "t"}], additional_kwargs=deep)
        _, data = serde._looker()._encoder.message(message)

        deep["a"][0]["b"] = "edited"
        message.content[0]["text"] = "edited"

        assert {"a": [{"b": "c"}]} == data["additional_kwargs"]
        assert "t" == data["content"][0]["text"]

    def test_a_run_that_looked_already(self, serde, redactor, canary, leaks):
        """What a run's view knows of a message counts while that is what it holds."""
        stored, messages = redactor.stored_for(Principal()), history(3)
        view = RunView(redactor.view(Principal()), stored)
        assert view.redact(messages) is messages
        with acting(stored):
            assert plain(messages) == serde.dumps_typed(messages)
            messages[1].content = f"say {canary}"
            data = serde.dumps_typed(messages)

        assert [] == leaks(data[1])
        assert b"turn 2 of many" in data[1]

    def test_a_value_registered_later(self, serde, redactor, leaks):
        """A registration makes all messages unknown again."""
        late = "late owl 91 harbour"
        messages = [HumanMessage(f"say {late}", id="1"), *history()]
        assert leaks(serde.dumps_typed(messages)[1], late)

        redactor.register("late", late)

        assert [] == leaks(serde.dumps_typed(messages)[1], late)

    def test_what_held_a_value_is_never_known(self, serde, encoded, canary, leaks):
        """A message that was repaired is looked at each time."""
        messages = [HumanMessage(f"say {canary}", id="1"), *history(3)]
        serde.dumps_typed(messages)
        encoded.clear()

        data = serde.dumps_typed(messages)

        assert messages[0] in encoded
        assert [] == leaks(data[1])

    def test_users_share_nothing(self, serde, redactor, leaks):
        """What one run wrote is not known to the run of somebody else."""
        redactor.register("hers", "alice owns 77 geese", owner="alice")
        messages = [HumanMessage("alice owns 77 geese", id="1")]
        for user in ("alice", "bob"):
            with acting(redactor.stored_for(Principal("default", user))):
                data = serde.dumps_typed(messages)
            assert [] == leaks(data[1], "alice owns 77 geese")

    def test_a_tenant_s_short_value_beside_another_broker(self, serde):
        """What is clean for one tenant is not for another, whoever else guards."""
        other = Redactor()
        other.register("pin", "k9x4q", tenant="t2", allow_short=True)
        both = guard_serde(serde, other)
        state = {"note": "the pin is k9x4q ok", "messages": history(8)}
        state["messages"][3].content = state["note"]

        found = {}
        for tenant in ("t1", "t2"):
            with acting(other.stored_for(Principal(tenant))):
                found[tenant] = b"k9x4q" in both.dumps_typed(state)[1]

        assert {"t1": True, "t2": False} == found

    def test_it_is_forgotten_with_the_run(self, serde, redactor):
        """A server that runs many graphs keeps nothing of those that are over."""
        looker, stored = serde._looker(), redactor.stored_for(Principal())
        with acting(stored):
            serde.dumps_typed(history())
        assert 1 == len(looker._runs)

        del stored
        gc.collect()

        assert 0 == len(looker._runs)


class TestWritten:
    def test_it_is_bounded(self, monkeypatch):
        """Of more than fits the last is kept; of what never fits, nothing."""
        monkeypatch.setattr(written, "_MOST", 100)
        known, messages = Written(), history(3)

        for message in messages:
            known.add([written_now(message, Writing(60))])
        assert [None, None, b"x" * 60] == known.of(messages)

        known.add([written_now(messages[0], Writing(101))])
        assert [None] * 3 == known.of(messages)

    def test_an_edit_while_it_is_written_is_not_known(self):
        """Bytes stand for what a message held before and after, or for nothing."""
        edited = Writing(6, edit="edited meanwhile")

        assert written_now(history(1)[0], edited).held is None


class TestLookedAtBefore:
    """What the guard of a node found clean is written without another look."""

    @pytest.fixture
    def run(self, redactor):
        """Who stores, and what their run has seen."""
        stored = redactor.stored_for(Principal())
        return stored, RunView(redactor.view(Principal()), stored)

    @pytest.fixture
    def looked_at(self, serde, monkeypatch):
        """The pieces that the serializer looked at."""
        looker, found = serde._looker(), []
        look = looker._written_clean
        monkeypatch.setattr(
            looker,
            "_written_clean",
            lambda pieces: found.extend(p.made_of for p in pieces) or look(pieces),
        )
        return found

    def written(self, serde, stored, message):
        with acting(stored):
            return serde.dumps_typed([message])[1]

    def test_it_is_not_looked_at_again(self, serde, run, looked_at):
        """A message that a node wrote is looked at once."""
        stored, view = run
        message = AIMessage("a quiet answer", id=str(uuid.uuid4()))
        assert view.redact(message) is message

        data = self.written(serde, stored, message)

        assert [] == looked_at
        assert plain([message])[1] == data

    def test_several_of_a_node_are_all_written(self, serde, run, looked_at):
        """What holds of one message holds of each, and of the list around them."""
        stored, view = run
        messages = [AIMessage(text, id=str(uuid.uuid4())) for text in ("one", "two")]
        assert view.redact(messages) is messages

        with acting(stored):
            data = serde.dumps_typed(messages)[1]

        assert [] == looked_at
        assert plain(messages)[1] == data

    def test_it_is_not_encoded_again(self, serde, run, encoded):
        """The next checkpoint holds the bytes that were written between two."""
        stored, view = run
        message = AIMessage("a quiet answer", id=str(uuid.uuid4()))
        view.redact(message)
        self.written(serde, stored, message)
        assert [message] == encoded

        with acting(stored):
            data = serde.dumps_typed({"messages": [message], "step": 1})[1]

        assert [message] == encoded
        assert plain({"messages": [message], "step": 1})[1] == data

    def test_what_was_named_since_is_not_looked_at_again(self, serde, run, looked_at):
        """LangGraph gives an id to what has none, and that changes nothing else."""
        stored, view = run
        message = ToolMessage("a quiet result", tool_call_id="call_1")
        assert view.redact(message) is message
        message.id = str(uuid.uuid4())

        data = self.written(serde, stored, message)

        assert [] == looked_at
        assert plain([message])[1] == data

    def test_what_was_named_and_edited_since_is_looked_at(
        self, serde, run, looked_at, leaks, canary
    ):
        """An id that came since hides no other change."""
        stored, view = run
        message = ToolMessage("a quiet result", tool_call_id="call_1")
        view.redact(message)
        message.id = str(uuid.uuid4())
        message.artifact = canary

        assert [] == leaks(self.written(serde, stored, message))

    @pytest.mark.parametrize("name", ["alice owns 77 geese", str(uuid.UUID(int=7))])
    def test_a_name_that_is_a_value_is_found(self, serde, redactor, leaks, name):
        """The id that a message was given since is looked at, whatever it looks like.

        A value that looks as ids do makes all of them unsure.
        """
        redactor.register("hers", name, owner="alice")
        bob = Principal("default", "bob")
        stored = redactor.stored_for(bob)
        view = RunView(redactor.view(bob), stored)
        message = ToolMessage("a quiet result", tool_call_id="call_1")
        view.redact(message)
        message.id = name

        data = self.written(serde, stored, message)

        assert [] == leaks(data, name)
        assert b"a quiet result" in data

    def test_a_stranger_is_looked_at(self, serde, run, looked_at):
        """A message that no guard of the run has seen is looked at when written."""
        stored, _ = run
        message = AIMessage("a quiet answer", id=str(uuid.uuid4()))

        self.written(serde, stored, message)

        assert [message] == looked_at

    @pytest.mark.parametrize(
        "edit",
        [
            lambda message, text: setattr(message, "content", text),
            lambda message, text: message.additional_kwargs.update(note=text),
            lambda message, text: setattr(message, "id", text),
        ],
    )
    def test_an_edit_since_is_found(self, serde, run, leaks, canary, edit):
        """A message that was edited after it was found clean is looked at anew."""
        stored, view = run
        message = AIMessage("a quiet answer", id=str(uuid.uuid4()))
        view.redact(message)
        edit(message, canary)

        assert [] == leaks(self.written(serde, stored, message))

    def test_an_edit_while_it_is_written_is_found(self, serde, run, leaks, canary):
        """What counts is what the bytes were made of, not what the message holds."""
        stored, view = run
        message = AIMessage("a quiet answer", id=str(uuid.uuid4()))
        view.redact(message)
        encoder = serde._looker()._encoder
        inner = encoder.message

        def edited_meanwhile(obj):
            message.content = canary
            try:
                return inner(obj)
            finally:
                message.content = "a quiet answer"

        encoder.message = edited_meanwhile

        data = self.written(serde, stored, message)

        assert [] == leaks(data)
        assert b"[REDACTED" in data or b"a quiet answer" in data

    def test_a_value_registered_since_is_found(self, serde, redactor, run, leaks):
        """A registration makes unsure what was found clean before."""
        stored, view = run
        message = AIMessage("alice owns 77 geese", id=str(uuid.uuid4()))
        assert view.redact(message) is message
        redactor.register("hers", "alice owns 77 geese")

        data = self.written(serde, stored, message)

        assert [] == leaks(data, "alice owns 77 geese")

    def test_what_one_user_may_see_is_sealed(self, serde, redactor, leaks):
        """Another user's value is no value in their own view, but is never stored."""
        redactor.register("hers", "alice owns 77 geese", owner="alice")
        bob = Principal("default", "bob")
        stored = redactor.stored_for(bob)
        view = RunView(redactor.view(bob), stored)
        message = HumanMessage("alice owns 77 geese", id=str(uuid.uuid4()))
        assert view.redact(message) is message

        data = self.written(serde, stored, message)

        assert [] == leaks(data, "alice owns 77 geese")

    @pytest.mark.parametrize("first", ["alice owns 77 geese", str(uuid.UUID(int=1))])
    def test_an_id_that_is_a_value_is_found(self, serde, redactor, leaks, first):
        """Another user's value is not stored as the id of a message, old or new."""
        redactor.register("hers", "alice owns 77 geese", owner="alice")
        bob = Principal("default", "bob")
        stored = redactor.stored_for(bob)
        view = RunView(redactor.view(bob), stored)
        message = AIMessage("a quiet answer", id=first)
        view.redact(message)
        message.id = "alice owns 77 geese"
        view.redact(message)

        data = self.written(serde, stored, message)

        assert [] == leaks(data, "alice owns 77 geese")

    def test_another_redactor_looks_for_itself(self, serde, run):
        """Of two brokers that share a saver, each looks for its own values."""
        stored, view = run
        message = AIMessage("alice owns 77 geese", id=str(uuid.uuid4()))
        assert view.redact(message) is message
        other = Redactor()
        other.register("hers", "alice owns 77 geese")

        data = self.written(guard_serde(serde, other), stored, message)

        assert b"[REDACTED" in data
        assert b"alice owns 77 geese" not in data
