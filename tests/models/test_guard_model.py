"""`guard_model`: nothing raw goes to a provider, nothing raw comes back."""

from __future__ import annotations

import json

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import ConfigurableField
from langchain_core.tools import tool
from pydantic import BaseModel

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.models import guard_messages, guard_model, guard_result
from langchain_tyrum.redaction import Redactor

MARKER = "[REDACTED:api/key]"


class TestInput:
    @pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream", "batch"])
    async def test_everything_that_goes_out(self, how, model, redactor, value, shape):
        """System prompt, messages, tool descriptions and arguments are redacted."""
        inner = model("ok")

        @tool(description=f"Look up with {value}")
        def look_up(text: str) -> str:
            """Look up."""
            return text

        guarded = guard_model(inner, redactor).bind_tools(
            [look_up], stop_text=[value], headers={"x": shape}
        )
        given = [SystemMessage(f"be {value}"), HumanMessage(f"use {value} {shape}")]
        if how == "batch":
            guarded.batch([given])
        elif how.startswith("a"):
            result = getattr(guarded, how)(given)
            _ = [c async for c in result] if how == "astream" else await result
        else:
            result = getattr(guarded, how)(given)
            _ = list(result) if how == "stream" else result

        ((messages, options),) = inner.asked
        shown = repr((messages, options))
        assert value not in shown
        assert shape not in shown
        assert f"be {MARKER}" == messages[0].content
        assert messages[1].content.startswith(f"use {MARKER} [REDACTED:github")
        assert "look_up" == options["tools"][0]["function"]["name"]
        assert MARKER in options["tools"][0]["function"]["description"]
        assert [MARKER] == options["stop_text"]
        assert value in given[0].content

    @pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
    async def test_refuse(self, how, model, redactor, value):
        """In refuse mode the provider is never called."""
        inner = model("ok")
        guarded = guard_model(inner, redactor, mode="refuse")

        async def call():
            result = getattr(guarded, how)(f"use {value}")
            if how == "astream":
                return [c async for c in result]
            if how == "ainvoke":
                return await result
            return list(result) if how == "stream" else result

        with pytest.raises(RawSecretFound) as caught:
            await call()

        assert [] == inner.asked
        assert value not in str(caught.value)

    def test_refuse_lets_clean_calls_pass(self, model, redactor):
        """In refuse mode a clean call works."""
        assert (
            "ok"
            == guard_model(model("ok"), redactor, mode="refuse").invoke("a").content
        )

    def test_refuse_what_comes_back(self, model, redactor, value):
        """In refuse mode an answer with a value raises instead of passing it on."""
        guarded = guard_model(model(f"it is {value}"), redactor, mode="refuse")

        with pytest.raises(RawSecretFound) as caught:
            guarded.invoke("a")

        assert value not in repr((caught.value, caught.value.__context__))

    def test_the_cache_holds_no_value(self, model, redactor, value):
        """A prompt is redacted before LangChain's cache takes it as a key."""
        cache = InMemoryCache()
        guarded = guard_model(model(f"it is {value}", cache=cache), redactor)

        guarded.invoke(f"use {value}")
        again = guarded.invoke(f"use {value}")

        assert 1 == len(cache._cache)
        assert value not in repr(cache._cache)
        assert f"it is {MARKER}" == again.content
        assert 1 == len(guarded.asked)

    async def test_a_cache_shared_with_an_unguarded_model(self, model, redactor, value):
        """An answer that an unguarded model cached is redacted on its way out."""
        cache = InMemoryCache()
        inner = model(f"it is {value}", cache=cache)
        inner.invoke("a")
        guarded = guard_model(inner, redactor)

        answers = [guarded.invoke("a"), await guarded.ainvoke("a")]

        assert [f"it is {MARKER}"] * 2 == [answer.content for answer in answers]
        assert 1 == len(inner.asked)

    def test_what_cannot_be_redacted(self, model, value):
        """When redaction fails the provider is never called."""

        class Broken(Redactor):
            def redact(self, obj):
                return "[REDACTED]"

        inner = model("ok")
        with pytest.raises(RuntimeError, match="withheld") as caught:
            guard_model(inner, Broken()).invoke(value)

        assert [] == inner.asked
        assert value not in repr((caught.value, caught.value.__context__))


class TestComputedText:
    @pytest.mark.parametrize("clean", range(12))
    def test_a_provider_is_told_what_was_looked_at(self, model, redactor, value, clean):
        """Arguments and messages that say something else when they are written."""

        class Turning:
            left = clean

            def __repr__(self) -> str:
                self.left -= 1
                return "fine" if self.left >= 0 else value

        inner, given = model("hello"), Turning()
        guarded = guard_model(inner, redactor)
        message = HumanMessage("hi", additional_kwargs={"a": given})
        guarded.invoke([message], options={"a": [given]})
        told = guarded.asked[0]

        assert value not in f"{told} {told} {told} {told} {told}"
        assert given is message.additional_kwargs["a"]
        assert value in f"{given}{[given] * 20}"


class TestOutput:
    @pytest.mark.parametrize("how", ["invoke", "ainvoke"])
    async def test_whole_answers(self, how, model, redactor, value, shape):
        """Text, tool calls and metadata of an answer are redacted."""
        answer = AIMessage(
            f"it is {value} {shape}",
            tool_calls=[{"name": "t", "args": {"a": value}, "id": "1"}],
            additional_kwargs={"reasoning": value},
            response_metadata={"note": value},
        )
        result = getattr(guard_model(model(answer), redactor), how)("a")
        result = await result if how == "ainvoke" else result

        assert value not in repr(result)
        assert shape not in repr(result)
        assert {"a": MARKER} == result.tool_calls[0]["args"]
        assert "1" == result.tool_calls[0]["id"]
        assert value in answer.content

    @pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 1000])
    async def test_streams(self, size, model, redactor, value, shape):
        """A stream says what the whole answer would say, at any chunk size."""
        text = f"I say {value}, and {shape} too; also tulip orbit."
        guarded = guard_model(model(text, size=size), redactor)

        sync = [chunk.content for chunk in guarded.stream("a")]
        asynchronous = [chunk.content async for chunk in guarded.astream("a")]

        assert redactor.redact_text(text) == "".join(sync) == "".join(asynchronous)
        assert MARKER in "".join(sync)

    @pytest.mark.parametrize("size", [1, 3, 1000])
    def test_streamed_tool_calls(self, size, model, redactor, value):
        """Arguments streamed in pieces, of two calls at once, stay JSON."""
        calls = [
            {"name": "t", "id": "1", "args": json.dumps({"a": f"x {value} y"})},
            {"name": "u", "id": "2", "args": json.dumps({"b": [value, "tulip"]})},
        ]
        answer = AIMessage("", additional_kwargs={"raw_calls": calls})
        guarded = guard_model(model(answer, size=size), redactor)

        total = None
        for chunk in guarded.stream("a"):
            assert value not in repr(chunk)
            total = chunk if total is None else total + chunk

        assert [
            {
                "name": "t",
                "args": {"a": f"x {MARKER} y"},
                "id": "1",
                "type": "tool_call",
            },
            {
                "name": "u",
                "args": {"b": [MARKER, "tulip"]},
                "id": "2",
                "type": "tool_call",
            },
        ] == total.tool_calls

    @pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])
    async def test_errors(self, how, model, redactor, value):
        """An error of the provider that repeats a value is redacted."""
        guarded = guard_model(model(ValueError(f"bad key {value}")), redactor)

        async def call():
            result = getattr(guarded, how)("a")
            if how == "astream":
                return [c async for c in result]
            return await result if how == "ainvoke" else list(result)

        with pytest.raises(ValueError, match=r"bad key \[REDACTED:api/key\]") as caught:
            await call()

        assert (None, None) == (caught.value.__context__, caught.value.__cause__)

    def test_a_model_without_streaming(self, redactor, value):
        """A model that cannot stream is not made to look as if it could."""
        from langchain_core.language_models.fake_chat_models import FakeListChatModel

        class Whole(FakeListChatModel):
            pass

        for kind in (GenericFakeChatModel, Whole):
            inner = (
                kind(messages=iter([AIMessage(f"a {value}")]))
                if kind is GenericFakeChatModel
                else kind(responses=[f"a {value}"])
            )
            guarded = guard_model(inner, redactor)
            assert f"a {MARKER}" == "".join(c.content for c in guarded.stream("x"))


class TestLikeness:
    def test_it_is_what_it_was(self, model, redactor, value):
        """The guarded model is of its own class, and the given one is untouched."""
        inner = model(f"it is {value}")
        guarded = guard_model(inner, redactor)

        assert isinstance(guarded, type(inner))
        assert type(inner).__name__ == type(guarded).__name__
        assert f"it is {value}" == inner.invoke("a").content
        assert f"it is {MARKER}" == guarded.invoke("a").content

    def test_twice_is_a_no_op(self, model, redactor):
        """Guarding again with the same redactor returns the same model."""
        guarded = guard_model(model("ok"), redactor)

        assert guarded is guard_model(guarded, redactor)

    def test_two_redactors(self, model, value):
        """Guarding with another redactor applies both, in streams too."""
        guarded = model(f"it is {value} and crimson walnut 17")
        for name, text in (("a", value), ("b", "crimson walnut 17")):
            each = Redactor()
            each.register(name, text)
            guarded = guard_model(guarded, each)

        whole = "it is [REDACTED:a] and [REDACTED:b]"
        assert whole == guarded.invoke("x").content
        assert whole == "".join(chunk.content for chunk in guarded.stream("x"))

    def test_copies_are_guarded(self, model, redactor, value):
        """Copies, bindings and configured variants stay guarded."""
        guarded = guard_model(model(f"it is {value}"), redactor)
        variants = [
            guarded.model_copy(),
            guarded.bind(stop=["x"]),
            guarded.with_config(tags=["t"]),
            guarded.with_retry(),
            guarded.configurable_fields(size=ConfigurableField(id="size")).with_config(
                configurable={"size": 3}
            ),
        ]

        assert [f"it is {MARKER}"] * len(variants) == [
            each.invoke("a").content for each in variants
        ]

    def test_bound_model(self, model, redactor, value):
        """A model with arguments bound is guarded with them."""
        inner = model("ok")
        guarded = guard_model(inner.bind(note=value), redactor)

        guarded.invoke("a")

        assert {"note": MARKER} == inner.asked[0][1]

    def test_structured_output(self, model, redactor, value):
        """`with_structured_output` is the model's own and sees redacted calls."""

        class Answer(BaseModel):
            text: str

        answer = AIMessage(
            "", tool_calls=[{"name": "Answer", "args": {"text": value}, "id": "1"}]
        )
        guarded = guard_model(model(answer), redactor).with_structured_output(Answer)

        assert Answer(text=MARKER) == guarded.invoke("a")

    def test_in_an_agent(self, model, redactor, value):
        """`create_agent` takes a guarded model as it takes any."""
        from langchain import agents

        @tool
        def look_up(text: str) -> str:
            """Look up."""
            return f"found {value}"

        call = AIMessage(
            "", tool_calls=[{"name": "look_up", "args": {"text": "q"}, "id": "1"}]
        )
        inner = model(call, "done")
        agent = agents.create_agent(guard_model(inner, redactor), [look_up])

        result = agent.invoke({"messages": [HumanMessage("go")]})

        assert "done" == result["messages"][-1].content
        assert f"found {MARKER}" == inner.asked[1][0][-1].content

    def test_no_model(self, redactor):
        """What is no chat model is refused, with the mend."""
        with pytest.raises(ConfigError, match="BaseChatModel"):
            guard_model("openai:gpt", redactor)


class TestHelpers:
    def test_messages(self, redactor, value):
        """Clean messages come back as the same objects, others as copies."""
        clean, raw = HumanMessage("hi"), HumanMessage(value)

        first, second = guard_messages([clean, raw], redactor)

        assert clean is first
        assert (MARKER, value) == (second.content, raw.content)

    def test_messages_refused(self, redactor, value):
        """In refuse mode a raw message raises, naming where it stood."""
        with pytest.raises(RawSecretFound) as caught:
            guard_messages([HumanMessage(value)], redactor, mode="refuse")

        assert caught.value.path.startswith("messages[0]")

    def test_result(self, redactor, value):
        """A result is redacted; a clean one is the same object."""
        clean = AIMessage("hi")

        assert clean is guard_result(clean, redactor)
        assert MARKER == guard_result(AIMessage(value), redactor).content
