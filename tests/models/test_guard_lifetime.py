"""A guarded model lives as long as it is used, and its redactor no longer than that."""

from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import ConfigurableField

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models import classes, guard_model
from langchain_tyrum.models.guard import aliasing
from langchain_tyrum.redaction import Redactor

MARKER = "[REDACTED:api/key]"


def _knowing(value):
    made = Redactor()
    made.register("api/key", value)
    return made


class TestRedactors:
    @pytest.mark.parametrize("mode", ["redact", "refuse", "observe"])
    def test_one_is_gone_when_nobody_uses_it(self, model, value, mode):
        """Neither a class nor a cache keeps it, also after its model was redacted."""
        redactor = _knowing(value)
        guarded = guard_model(model("hello"), redactor, mode=mode)
        guarded.invoke("hi")
        list(guarded.stream("hi"))
        Redactor().redact({"model": guarded})
        known = weakref.ref(redactor), weakref.ref(redactor._registry)
        del redactor, guarded
        gc.collect()

        assert (None, None) == (known[0](), known[1]())

    def test_an_alias_keeps_none_alive(self, model, value):
        """The form that is made for each call of a membrane."""
        plain, redactor = model(value), _knowing(value)
        assert MARKER == aliasing(redactor)(plain).invoke("hi").content
        known = weakref.ref(redactor)
        del redactor
        gc.collect()

        assert known() is None
        assert value == plain.invoke("hi").content

    @pytest.mark.parametrize(
        "copied",
        [
            lambda made: made,
            lambda made: made.model_copy(),
            copy.copy,
            copy.deepcopy,
            lambda made: type(made)(**made.__dict__),
            lambda made: type(made).model_construct(**made.__dict__),
            lambda made: copy.copy(copy.deepcopy(made)),
            lambda made: made.bind(stop=["x"]).bound,
        ],
    )
    def test_a_model_keeps_its_own(self, model, value, copied):
        """Whoever holds the model needs to hold nothing else, nor for its copies."""
        made = copied(guard_model(model(value), _knowing(value)))
        gc.collect()

        assert MARKER == made.invoke("hi").content

    def test_a_class_that_lost_it_makes_no_model(self, model, value):
        """A model that nobody would redact for is not built."""
        guarded = guard_model(model(value), _knowing(value))
        kind, state = type(guarded), guarded.__dict__
        del guarded
        gc.collect()

        for make in (kind, kind.model_construct):
            with pytest.raises(ConfigError, match="keep the broker"):
                make(**state)

    def test_what_has_none_sends_nothing(self, model, value):
        """A model built past all constructors fails closed."""
        guarded = guard_model(model(value), _knowing(value))
        bare = object.__new__(type(guarded))
        for name in ("__dict__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(bare, name, getattr(guarded, name))

        for call in (bare.invoke, lambda text: list(bare.stream(text))):
            with pytest.raises(AttributeError, match="_tyrum_guards"):
                call("hi")
        assert MARKER == guarded.invoke("hi").content
        assert 1 == len(guarded.asked)

    def test_both_of_two_are_kept(self, model, value):
        """The outer guard does not let go of the inner one's."""
        text = f"it is {value} and crimson walnut 17"
        guarded = guard_model(model(text), _knowing(value))
        other = Redactor()
        other.register("b", "crimson walnut 17")
        guarded = guard_model(guarded, other)
        del other
        gc.collect()

        assert f"it is {MARKER} and [REDACTED:b]" == guarded.invoke("hi").content


class TestClasses:
    def test_one_is_made_for_a_redactor(self, model, redactor, monkeypatch):
        """Guarding each call anew builds no class anew."""
        made = []
        build = classes._made
        monkeypatch.setattr(
            classes, "_made", lambda *args: made.append(args) or build(*args)
        )
        kinds = {type(guard_model(model("a"), redactor)) for _ in range(3)}
        kinds.add(type(aliasing(redactor)(model("b"))))

        assert (1, 1) == (len(kinds), len(made))
        assert type(guard_model(model("a"), Redactor())) not in kinds

    def test_many_threads_at_once(self, model, value):
        """All of them get a model that redacts."""
        redactor, said = _knowing(value), []
        ready = threading.Barrier(8)

        def work():
            ready.wait()
            said.append(guard_model(model(value), redactor).invoke("hi").content)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert [MARKER] * 8 == said

    def test_it_cannot_be_pickled_any_more_than_its_redactor(self, model, redactor):
        """A copy that another process loads would redact nothing."""
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            pickle.dumps(guard_model(model("a"), redactor))

    def test_fields_stay_configurable(self, model, redactor, value):
        """LangChain builds such a model anew for each call."""
        field = ConfigurableField(id="size")
        guarded = guard_model(model(value), redactor).configurable_fields(size=field)
        chunks = list(guarded.stream("hi", {"configurable": {"size": 3}}))

        assert MARKER == "".join(chunk.content for chunk in chunks)
        assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
