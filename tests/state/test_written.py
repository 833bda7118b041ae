"""Messages that were written before are written as they were, while they are that."""

from __future__ import annotations

import gc

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_tyrum.handles import Principal
from langchain_tyrum.state import GuardedSerializer, acting, written
from langchain_tyrum.state.written import Written, written_now


@pytest.fixture
def serde(redactor):
    return GuardedSerializer(redactor)


@pytest.fixture
def encoded(serde):
    """The messages that were encoded."""
    looker, found = serde._looker(), []
    encode = looker._encode
    looker._encode = lambda obj: found.append(obj) or encode(obj)
    return found


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
            known.add([written_now(message, lambda _: b"x" * 60)])
        assert [None, None, b"x" * 60] == known.of(messages)

        known.add([written_now(messages[0], lambda _: b"x" * 101)])
        assert [None] * 3 == known.of(messages)

    def test_an_edit_while_it_is_written_is_not_known(self):
        """Bytes stand for what a message held before and after, or for nothing."""
        message = history(1)[0]

        def edited(obj):
            obj.content = "edited meanwhile"
            return b"either"

        assert written_now(message, edited).held is None
