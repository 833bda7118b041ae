"""`RunView`: known messages are not walked again, changed ones are."""

from __future__ import annotations

import copy
import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Send
from pydantic import BaseModel, PrivateAttr

from langchain_tyrum.redaction import Redactor
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.state import view as views
from langchain_tyrum.state.view import RunView

META = {"langgraph_step": 3, "langgraph_checkpoint_ns": "tools:0d572be9", "a": "b"}


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
        self.count(obj)
        return self.redactor.redact(obj)

    def is_clean(self, obj):
        self.count(obj)
        return self.redactor.is_clean(obj)

    def count(self, obj):
        self.looked += len(obj) if isinstance(obj, list) else 1


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


class TestPlainData:
    """Data that comes again is known by what it holds, not by what it is."""

    @pytest.mark.parametrize(
        "data",
        [
            {"node": "tools", "step": 3, "path": ("a", 0)},
            {"tools": [{"name": "look"}], "deep": {"a": {"b": "c"}}},
            [{"name": "look", "description": "Look."}],
            Send("tools", [{"name": "look", "args": {}}]),
        ],
    )
    def test_the_same_content_is_looked_at_once(self, view, counting, data):
        """Also as another object, such as tools that are bound anew at each call."""
        assert view.redact(data) is data
        before = counting.looked
        again = copy.deepcopy(data)

        assert view.redact(again) is again
        assert (True, before) == (before > 0, counting.looked)

    @pytest.mark.parametrize(
        ("data", "edit"),
        [
            ({"a": "x"}, lambda data, raw: data.update(a=raw)),
            ({"a": "x"}, lambda data, raw: data.update({raw: "x"})),
            ({"a": ("x",)}, lambda data, raw: data.update(a=(raw,))),
            ({"a": {"b": ["x"]}}, lambda data, raw: data["a"]["b"].append(raw)),
            (["x", {"y": 1}], lambda data, raw: data[1].update(y=raw)),
            ([[b"x"]], lambda data, raw: data[0].append(raw.encode())),
            (Send("n", {"a": "x"}), lambda data, raw: data.arg.update(a=raw)),
            (Send("n", ["x"]), lambda data, raw: setattr(data, "arg", raw)),
        ],
    )
    def test_an_edit_in_place_is_seen(self, view, value, data, edit):
        """A value written into data that was clean is redacted next time."""
        data = copy.deepcopy(data)
        assert view.redact(data) is data
        assert view.redact(data) is data

        edit(data, value)

        shown = view.redact(data)
        assert (False, True) == (value in repr(shown), "[REDACTED" in repr(shown))

    def test_what_is_more_than_data_is_looked_at_again(self, view, value):
        """An object that equals itself may hold something else by now."""

        class Box:
            text = "x"

        box = Box()
        assert view.redact({"a": None, "b": [1]}) == {"a": None, "b": [1]}
        assert view.redact({"a": box}) == {"a": box}
        assert view.redact({"a": (box,)}) == {"a": (box,)}
        assert view.redact([box])[0] is box

        box.text = value

        assert value not in str(vars(view.redact({"a": box})["a"]))
        assert value not in str(vars(view.redact({"a": box, "b": [1]})["a"]))
        assert value not in str(vars(view.redact({"a": (box,)})["a"][0]))
        assert value not in str(vars(view.redact([box])[0]))

    def test_a_value_registered_later_is_seen(self, view, redactor, canary):
        """A registration makes all data unknown again."""
        later = canary()
        told = [{"a": later}, {"a": {"b": later}}, [later], Send("n", [later])]
        assert all(view.redact(each) is each for each in told)

        redactor.register("late", later)

        assert all(later not in repr(view.redact(each)) for each in told)

    def test_a_value_cut_across_blocks_is_seen(self, view, value):
        """Blocks of text are read as one, also where they are a list by themselves."""
        blocks = [{"type": "text", "text": part} for part in (value[:5], value[5:])]

        assert [{"type": "text", "text": "[REDACTED:k]"}] == view.redact(blocks)

    def test_what_a_key_gives_away_is_seen(self, view):
        """A password is one by its key, though the same text was clean elsewhere."""
        text = "tr0ub4dor&3xyzQ"
        assert view.redact({"note": text}) == {"note": text}

        assert text not in repr(view.redact({"password": text, "note": "x"}))


class TestMemory:
    def test_a_long_run_keeps_no_more_than_it_shows(self, redactor):
        """Messages that left the state long ago are forgotten."""
        view = RunView(redactor)
        for at in range(6000):
            view.redact([HumanMessage(f"m{at}")])

        assert len(view._known) <= 4096

    def test_a_history_of_any_length_is_known(self, redactor):
        """What is kept follows the longest history, so it is not walked twice."""
        counting = Counting(redactor)
        view = RunView(counting)
        messages = [HumanMessage(f"m{at}") for at in range(5000)]
        view.redact(messages)
        before = counting.looked

        for at in range(3):
            messages.append(HumanMessage(f"more {at}"))
            assert view.redact(messages) is messages

        assert before + 3 == counting.looked


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
            lambda message, raw: message.additional_kwargs.update({raw: 1}),
            lambda message, raw: setattr(message, "content", [raw]),
            lambda message, raw: setattr(message, "additional_kwargs", {"a": raw}),
            lambda message, raw: vars(message).update(unheard_of=raw),
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
        told = f"{shown!r} {vars(shown)}"
        assert (False, True) == (raw in told, "[REDACTED" in told)

    def test_an_id_set_anew_is_seen(self, canary):
        """What is given as an id after the first look is looked for, too."""
        redactor, raw = Redactor(), canary()
        redactor.register("name", raw)
        view = RunView(redactor)
        message = HumanMessage("go")
        view.redact([message])

        message.id = f"run-{raw}"

        assert raw not in repr(view.redact([message]))

    def test_an_id_alone_is_looked_at_alone(self, view, counting):
        """LangGraph gives ids to messages that it was sent: their text is known."""
        message = HumanMessage("go")
        view.redact([message])
        before = counting.looked

        message.id = "0d572be9"

        assert view.redact([message])[0] is message
        assert view.redact([message])[0] is message
        assert before == counting.looked

    def test_a_sealed_marker_in_an_id_is_seen(self, counting):
        """An id that looks like a sealed marker is looked at as a whole."""
        view = RunView(counting)
        message = HumanMessage("go")
        view.redact([message])
        before = counting.looked

        message.id = f"run-{SEALED_HEAD.decode()}abc]"
        view.redact([message])

        assert before < counting.looked

    def test_an_edit_that_is_taken_back_is_nothing_new(self, view, counting, value):
        """What counts is what a message holds, and each time it is looked at."""
        message = HumanMessage(["go"])
        view.redact([message])
        before = counting.looked

        message.content.append(value)
        assert value not in repr(view.redact([message]))
        message.content.pop()
        after = counting.looked

        assert view.redact([message])[0] is message
        assert (True, after) == (before < after, counting.looked)

    @pytest.fixture
    def editing(self, redactor, value):
        """A maker of views, during whose looks a value is written into a message."""

        def make(name, message):
            def look(obj):
                found = getattr(redactor, name)(obj)
                if value not in message.content:
                    message.content.append(value)
                return found

            counting = Counting(redactor)
            setattr(counting, name, look)
            return RunView(counting)

        return make

    def test_an_edit_during_the_look_is_seen(self, editing, value):
        """What another thread writes while a message is looked at is not passed on."""
        message = HumanMessage(["go"])
        view = editing("is_clean", message)

        shown = view.redact([message])

        assert value in message.content
        assert value not in repr(shown)

    def test_an_edit_during_the_walk_is_seen(self, editing, value):
        """What is written while another message is redacted is not known."""
        message, raw = HumanMessage(["go"]), HumanMessage(value)
        view = editing("redact", message)

        assert view.redact([raw, message])[1] is message
        assert value in message.content
        assert value not in repr(view.redact([message]))

    def test_another_message_of_the_same_content_is_looked_at(self, view, counting):
        """A message is known by the object it is: another may be of another class."""

        class Own(HumanMessage):
            pass

        view.redact([HumanMessage("go")])
        before = counting.looked

        view.redact([Own("go")])

        assert before + 1 == counting.looked

    def test_what_has_no_fields_is_looked_at(self, view, value):
        """An object beside messages may hold all it has in private attributes."""

        class Hidden(BaseModel):
            _text: str = PrivateAttr(value)

        shown = view.redact([HumanMessage("go"), Hidden()])

        assert "[REDACTED:k]" == shown[1]._text

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


#: An integer, and the float that equals it: their texts are other ones.
BIG = 12345678901234567168


class TestNumbers:
    """`1 == 1.0 == True`, but their texts differ, and so may one be a value."""

    @pytest.fixture
    def redactor(self):
        redactor = Redactor()
        redactor.register("n", str(BIG))
        return redactor

    @pytest.mark.parametrize(
        ("fields", "edit"),
        [
            ({"additional_kwargs": {"n": float(BIG)}}, "additional_kwargs"),
            ({"response_metadata": {"n": float(BIG)}}, "response_metadata"),
            ({"additional_kwargs": {"n": {"m": [float(BIG)]}}}, "additional_kwargs"),
            ({"additional_kwargs": {"n": ("a", float(BIG))}}, "additional_kwargs"),
            ({"additional_kwargs": {float(BIG): "n"}}, "additional_kwargs"),
            ({"response_metadata": {float(BIG): "n"}}, "response_metadata"),
            ({"unheard_of": float(BIG)}, "unheard_of"),
        ],
    )
    @pytest.mark.parametrize("memoized", [False, True])
    def test_a_float_that_becomes_an_integer(self, redactor, fields, edit, memoized):
        """What equals a number that was clean is no clean number."""
        view = redactor.memoized() if memoized else RunView(redactor)
        message = AIMessage("a", id="1")
        vars(message).update(fields)
        assert view.redact([message])[0] is message
        assert view.redact([message])[0] is message

        vars(message)[edit] = whole(vars(message)[edit])

        assert str(BIG) not in str(vars(view.redact([message])[0]))

    @pytest.mark.parametrize("field", ["response_metadata", "additional_kwargs"])
    def test_an_integer_that_becomes_a_float(self, field):
        """A value may also be the text of the float."""
        redactor, number = Redactor(), 1234567890123456
        redactor.register("n", f"{number}.0")
        view = RunView(redactor)
        message = AIMessage("a", id="1", **{field: {"n": number}})
        assert view.redact([message])[0] is message

        getattr(message, field)["n"] = float(number)

        assert f"{number}.0" not in str(vars(view.redact([message])[0]))

    @pytest.mark.parametrize(
        "data",
        [
            {"n": float(BIG)},
            {float(BIG): "n"},
            {"n": (float(BIG),)},
            {"n": ("a", (float(BIG),))},
            {"n": [float(BIG)]},
            [float(BIG)],
        ],
    )
    def test_plain_data(self, view, data):
        """Keys and values of data that comes again are told by their types, too."""
        assert view.redact(data) is data
        assert view.redact(data) is data

        assert str(BIG) not in repr(view.redact(whole(data)))

    @pytest.mark.parametrize(
        "fields",
        [
            {"usage_metadata": {"input_tokens": 1, "output_tokens": 1}},
            {"additional_kwargs": {"n": [1, 0.5, {"m": True}, (2, None)]}},
            {"response_metadata": {"done": True, "took": 1 << 60, "logprobs": None}},
            {"example": False},
        ],
    )
    def test_a_message_that_holds_numbers_is_known(self, view, counting, fields):
        """As it is; and when only its id is set, the rest is not looked at."""
        message = AIMessage("a")
        vars(message).update(fields)
        view.redact([message])
        before = counting.looked

        assert view.redact([message])[0] is message
        message.id = "0d572be9"
        assert view.redact([message])[0] is message
        assert view.redact([message])[0] is message
        assert before == counting.looked

    def test_what_was_set_is_looked_at_as_what_it_is(self, view):
        """Numbers set anew are redacted like those of a new message."""
        message = AIMessage("a", id="1")
        view.redact([message])

        message.additional_kwargs["n"] = {"m": [(0.5, BIG)]}

        shown = view.redact([message])[0].additional_kwargs["n"]["m"][0]
        assert (0.5, False) == (shown[0], str(BIG) in repr(shown))

    def test_a_graph_shows_no_number_that_was_edited(self, redactor):
        """What a node returns is looked at anew when it edited a number in place."""
        message = AIMessage("a", id="1", additional_kwargs={"n": float(BIG)})
        view = RunView(redactor)
        assert view.redact({"messages": [message]})["messages"][0] is message

        message.additional_kwargs["n"] = BIG

        assert str(BIG) not in repr(view.redact({"first": {"messages": [message]}}))


def whole(data):
    """Return the same with integers for floats."""
    if isinstance(data, dict):
        return {whole(key): whole(each) for key, each in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(map(whole, data))
    return int(data) if isinstance(data, float) else data


class TestMetadataOfTasks:
    """What LangGraph makes up for each task is no shape, but may be a value."""

    @pytest.mark.parametrize(
        "edit",
        [
            lambda meta, raw: meta.update(langgraph_checkpoint_ns=f"tools:{raw}"),
            lambda meta, raw: meta.update(checkpoint_ns=raw),
            lambda meta, raw: meta.update(langgraph_step=raw),
            lambda meta, raw: meta.update(tags=[raw]),
            lambda meta, raw: meta.update({raw: 4}),
            lambda meta, raw: meta.update({raw: "b"}),
        ],
    )
    def test_a_value_in_it_is_seen(self, view, value, edit):
        """Also under a key of LangGraph's."""
        meta = dict(META)
        assert view.redact(meta) is meta

        edit(meta, value)

        shown = view.redact(meta)
        assert (False, True) == (value in repr(shown), "[REDACTED" in repr(shown))

    def test_the_next_task_costs_no_walk(self, view, counting):
        """Step and id differ from task to task: of them only values are looked for."""
        view.redact(dict(META))
        before = counting.looked

        meta = {**META, "langgraph_step": 4, "langgraph_checkpoint_ns": "m:abc"}

        assert view.redact(meta) is meta
        assert before == counting.looked

    def test_a_number_of_a_value_s_length_is_looked_at(self, view, redactor):
        """A step is small; another number is no step."""
        redactor.register("pin", "7351946208")

        shown = view.redact({**META, "langgraph_step": 7351946208})

        assert "7351946208" not in repr(shown)


class TestThreads:
    def test_one_that_looks_while_memory_is_renewed(
        self, redactor, canary, monkeypatch
    ):
        """A registration counts for each thread, whichever notices it first."""
        view, late = RunView(redactor), canary()
        messages = [HumanMessage(f"{n}: {late}") for n in range(3)]
        assert view.redact(messages) is messages
        redactor.register("late", late)
        shown, known = [], views.Snapshots

        def slow():
            monkeypatch.setattr(views, "Snapshots", known)
            other = threading.Thread(target=lambda: shown.append(view.redact(messages)))
            other.start()
            other.join()
            return known()

        monkeypatch.setattr(views, "Snapshots", slow)
        shown.append(view.redact(messages))

        assert [f"{n}: [REDACTED:late]" for n in range(3)] * 2 == [
            message.content for each in shown for message in each
        ]
