"""`RunView`: known messages are not walked again, changed ones are."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_tyrum.membrane.view import RunView
from langchain_tyrum.redaction import Redactor


class Counting:
    """A redactor that counts what it is asked to look at."""

    def __init__(self, redactor):
        self.redactor = redactor
        self.looked = 0

    def __getattr__(self, name):
        return getattr(self.redactor, name)

    def memoized(self):
        return self

    def redact(self, obj):
        self.looked += len(obj) if isinstance(obj, list) else 1
        return self.redactor.redact(obj)


@pytest.fixture
def value(canary):
    return canary()


@pytest.fixture
def redactor(value):
    redactor = Redactor()
    redactor.register("k", value)
    return redactor


@pytest.fixture
def counting(redactor):
    return Counting(redactor)


@pytest.fixture
def view(counting):
    return RunView(counting)


class TestKnownMessages:
    def test_a_clean_message_is_walked_once(self, view, counting):
        """However often a list that holds it is shown."""
        messages = [HumanMessage("a"), AIMessage("b")]

        assert all(view.redact(messages) is messages for _ in range(3))
        assert 2 == counting.looked

    def test_a_growing_list_costs_its_growth(self, view, counting):
        """A new list around known messages is looked at for the new ones only."""
        messages = [HumanMessage("a"), AIMessage("b")]
        view.redact(messages)

        view.redact([*messages, HumanMessage("c")])

        assert 3 == counting.looked

    def test_a_state_without_other_keys_is_known_too(self, view, counting):
        """The dict that a stream shows is not walked when its messages are known."""
        state = {"messages": [HumanMessage("a")]}
        view.redact(state)
        before = counting.looked

        assert view.redact({"messages": state["messages"]})["messages"]
        assert before == counting.looked

    def test_a_field_set_anew_is_seen(self, view, value):
        """A message that was clean and got a value is redacted."""
        message = HumanMessage("a")
        view.redact([message])

        message.content = f"now {value}"

        assert "now [REDACTED:k]" == view.redact([message])[0].content
        assert f"now {value}" == message.content

    def test_a_value_registered_later_is_seen(self, view, redactor, canary):
        """A registration makes all messages unknown again."""
        later = canary()
        messages = [HumanMessage(f"hold {later}")]
        assert view.redact(messages) is messages

        redactor.register("late", later)

        assert "hold [REDACTED:late]" == view.redact(messages)[0].content

    def test_a_redacted_message_is_not_walked_again(self, view, counting, value):
        """What came out of the view is clean."""
        clean = view.redact([HumanMessage(value)])
        before = counting.looked

        assert view.redact(clean) is clean
        assert before == counting.looked


class TestEverythingElse:
    def test_other_keys_and_nested_updates_are_redacted(self, view, value):
        """Beside messages, keys and values go to the redactor."""
        message = HumanMessage("a")
        state = {"messages": [message], "text": value, "n": 1}
        update = {"node": {"messages": [HumanMessage(value)], value: 1}}

        clean = view.redact(state)

        assert {"messages": [message], "text": "[REDACTED:k]", "n": 1} == clean
        assert clean["messages"] is state["messages"]
        assert value not in str(view.redact(update))
        assert ["node"] == list(view.redact(update))

    def test_text_in_a_list_of_messages_is_redacted(self, view, value):
        """A list may hold more than messages."""
        clean = view.redact([HumanMessage("a"), ("user", value), value])

        assert [("user", "[REDACTED:k]"), "[REDACTED:k]"] == clean[1:]

    def test_the_rest_is_the_redactor_s(self, view, redactor, value):
        """Texts, streams and scans are the redactor's own."""
        assert "[REDACTED:k]" == view.redact_text(value)
        assert redactor.generation == view.generation
        assert "messages=0" in repr(view)
        assert view.redact(None) is None


class TestEditedInPlace:
    """A message is known by what stands in it, not by its name alone."""

    @pytest.mark.parametrize(
        "edit",
        [
            lambda message, raw: message.content.append({"type": "text", "text": raw}),
            lambda message, raw: message.content[0].update(text=raw),
            lambda message, raw: message.additional_kwargs.update(note=raw),
            lambda message, raw: message.additional_kwargs["deep"]["a"].append(raw),
            lambda message, raw: setattr(message, "name", raw),
            lambda message, raw: message.__pydantic_extra__.update(more=raw),
        ],
    )
    def test_the_edit_is_seen(self, edit, canary):
        """A value written into a clean message, however deep, is redacted next time."""
        redactor, raw = Redactor(), canary()
        redactor.register("name", raw)
        view = RunView(redactor)
        message = HumanMessage(
            [{"type": "text", "text": "go"}], additional_kwargs={"deep": {"a": [1]}}
        )
        assert view.redact([message])[0] is message
        assert view.redact([message])[0] is message

        edit(message, raw)

        shown = view.redact([message])[0]
        assert (False, True) == (raw in repr(shown), "[REDACTED" in repr(shown))

    def test_what_cannot_be_told_is_looked_at_again(self, canary):
        """A message that holds more than data is never taken for known."""

        class Box:
            text = "x"

        redactor, raw = Redactor(), canary()
        redactor.register("name", raw)
        view = RunView(redactor)
        message = ToolMessage("ok", tool_call_id="1", artifact=Box())
        view.redact([message])

        message.artifact.text = raw

        assert raw not in str(vars(view.redact([message])[0].artifact))
