"""The form of a model that is made anew for each call, and shares its state."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import ConfigurableField
from pydantic import PrivateAttr

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.models import guard_model
from langchain_tyrum.models.guard import aliasing
from langchain_tyrum.redaction import Redactor

MARKER = "[REDACTED:api/key]"


@pytest.fixture
def kinds(model):
    """Two classes of models, and one that notes more than fields about itself."""
    plain = type(model())

    class Other(plain):
        """Answers in its own way."""

        def _next(self, messages: Any, kwargs: Any) -> Any:
            super()._next(messages, kwargs)
            return AIMessage(f"other {self.answers[0].content}")

    class Noting(plain):
        """Counts in a slot and in a private attribute."""

        __slots__ = ("heard",)
        _count: int = PrivateAttr(default=0)

        def _next(self, messages: Any, kwargs: Any) -> Any:
            self._count += 1
            object.__setattr__(self, "last", self.heard)
            return super()._next(messages, kwargs)

    return plain, Other, Noting


class TestAliases:
    def test_each_class_has_its_own(self, kinds, redactor, value):
        """One agent may choose among models; each goes on answering as it does."""
        alias, said = aliasing(redactor), []
        for kind in [*kinds[:2], *kinds[:2]]:
            given = kind(answers=[AIMessage(value)])
            made = alias(given)
            assert isinstance(made, kind)
            said.append(made.invoke("hi").content)

        assert [MARKER, f"other {MARKER}"] * 2 == said

    def test_one_of_an_alias_is_itself(self, model, redactor):
        """Who is guarded already is not guarded twice."""
        alias = aliasing(redactor)
        made = alias(model("a"))

        assert alias(made) is made
        assert aliasing(Redactor())(made) is not made

    def test_one_of_a_guarded_model_has_both_guards(self, model, redactor, value):
        """The guard that the model came with goes on."""
        other = Redactor()
        other.register("b", "crimson walnut 17")
        guarded = guard_model(model(f"{value} crimson walnut 17"), other)

        made = aliasing(redactor)(guarded)
        assert f"{MARKER} [REDACTED:b]" == made.invoke("hi").content
        assert f"{value} [REDACTED:b]" == guarded.invoke("hi").content

    def test_the_modes_of_both_are_kept(self, model, redactor, value, shape):
        """What one of them refuses is refused behind the alias too."""
        guarded = guard_model(model("a"), Redactor(), mode="refuse")
        made = aliasing(redactor)(guarded)

        with pytest.raises(RawSecretFound):
            made.invoke(f"say {shape}")
        assert [] == guarded.asked
        assert "a" == made.invoke(f"say {value}").content

    def test_each_mode_is_a_guard_of_its_own(self, model, redactor):
        """What one redactor refuses for a model, it may redact for it besides."""
        strict = guard_model(model("a"), redactor, mode="refuse")
        both = guard_model(strict, redactor)

        assert guard_model(strict, redactor, mode="refuse") is strict
        assert ["refuse"] == [mode for _, mode in strict._tyrum_guards]
        assert ["refuse", "redact"] == [mode for _, mode in both._tyrum_guards]

    def test_slots_and_private_attributes_are_the_model_s(self, kinds, redactor):
        """What a model notes about itself, wherever, is there at the next call."""
        noting = kinds[2](answers=[AIMessage("a")])
        alias = aliasing(redactor)
        object.__setattr__(noting, "heard", "first")
        alias(noting).invoke("hi")
        object.__setattr__(noting, "heard", "second")
        made = alias(noting)
        made.invoke("hi")

        assert (2, "second") == (noting._count, made.last)

    def test_a_slot_that_holds_nothing_stays_so(self, kinds, redactor):
        """The model would not have it either."""
        made = aliasing(redactor)(kinds[2](answers=[AIMessage("a")]))

        assert not hasattr(made, "heard")


class TestAnswers:
    @pytest.mark.parametrize("way", ["invoke", "ainvoke"])
    async def test_what_a_cache_holds_is_looked_at_after_a_look(
        self, model, redactor, value, way
    ):
        """That the last answer was looked at says nothing of the one from the cache."""
        cache, given = InMemoryCache(), model("ok", value)
        given.cache = cache
        alias = aliasing(redactor)

        async def ask(asked, text):
            if way == "invoke":
                return asked.invoke(text).content
            return (await asked.ainvoke(text)).content

        assert "ok" == await ask(alias(given), "one")
        assert value == await ask(given, "two")
        assert MARKER == await ask(alias(given), "two")
        assert 2 == len(given.asked)

    @pytest.mark.parametrize("way", ["made anew", "made before"])
    def test_one_that_the_provider_changed_is_looked_at(
        self, model, redactor, value, way
    ):
        """A provider with a cache of its own may give something else, or the same."""

        class Own(type(model())):
            def _generate_with_cache(self, messages: Any, **kwargs: Any) -> Any:
                if len(self.asked) < 1:
                    self.asked.append(self._generate(messages))
                    return self.asked[-1]
                if way == "made anew":
                    self._generate(messages)
                    message = AIMessage(value)
                    return ChatResult(generations=[ChatGeneration(message=message)])
                self.asked[-1].generations[0].message.content = value
                return self.asked[-1]

        made = guard_model(Own(answers=[AIMessage("ok")]), redactor)

        assert ["ok", MARKER] == [made.invoke(text).content for text in ("a", "b")]


class TestOddModels:
    """Models that are made, copied or answer in ways of their own."""

    def test_one_that_its_class_keeps(self, kinds, redactor, value):
        """A rebuilt model is guarded, and the one that the class keeps stays free."""
        plain = kinds[0]

        class One(plain):
            kept: ClassVar[Any] = None

            def __new__(cls, *args: Any, **kwargs: Any) -> Any:
                One.kept = One.kept or super().__new__(cls)
                return One.kept

        guarded = guard_model(One(answers=[AIMessage(value)]), redactor)
        field = ConfigurableField(id="size")
        rebuilt = guarded.configurable_fields(size=field).with_config(
            configurable={"size": 7}
        )

        assert [MARKER] * 2 == [m.invoke("hi").content for m in (guarded, rebuilt)]
        assert "_tyrum_guards" not in vars(One.kept)

    @pytest.mark.parametrize("copied", [copy.copy, lambda m: m.model_copy()])
    def test_one_that_copies_itself(self, kinds, redactor, value, copied):
        """A copy that goes past all constructors is guarded as well."""
        plain = kinds[0]

        class Own(plain):
            def __copy__(self) -> Any:
                twin = object.__new__(type(self))
                for name in ("__dict__", "__pydantic_fields_set__"):
                    object.__setattr__(twin, name, getattr(self, name))
                for name in ("__pydantic_extra__", "__pydantic_private__"):
                    object.__setattr__(twin, name, getattr(self, name))
                return twin

        guarded = guard_model(Own(answers=[AIMessage(value)]), redactor)

        assert MARKER == copied(guarded).invoke("hi").content

    async def test_one_that_hands_on_what_another_s_guards_saw(self, kinds, redactor):
        """Whose guards looked at an answer counts, not that some did."""
        plain, other = kinds[0], Redactor()
        other.register("other/key", "grey heron walks 58")

        class Around(plain):
            inner: Any = None

            def _generate_with_cache(self, messages: Any, **kwargs: Any) -> Any:
                return self.inner._generate(messages)

            async def _agenerate_with_cache(self, messages: Any, **kwargs: Any) -> Any:
                return self.inner._generate(messages)

        said = "it is grey heron walks 58"
        inner = guard_model(plain(answers=[AIMessage(said)]), redactor)
        guarded = guard_model(Around(answers=[], inner=inner), other)

        assert ["it is [REDACTED:other/key]"] * 2 == [
            guarded.invoke("hi").content,
            (await guarded.ainvoke("hi")).content,
        ]

    async def test_one_that_is_asked_past_langchain(self, kinds, redactor, value):
        """The provider's own methods are guarded by themselves."""

        class Both(kinds[0]):
            async def _agenerate(self, messages: Any, **kwargs: Any) -> Any:
                return super()._generate(messages, **kwargs)

        guarded = guard_model(Both(answers=[AIMessage(value)]), redactor)
        asked = [HumanMessage("hi")]
        results = guarded._generate(asked), await guarded._agenerate(asked)

        assert [MARKER] * 2 == [
            result.generations[0].message.content for result in results
        ]
