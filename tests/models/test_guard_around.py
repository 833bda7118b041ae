"""`guard_model` of what calls models: fallbacks, retries, bound arguments."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from langchain_tyrum.models import guard_model

MARKER = "[REDACTED:api/key]"
HOWS = ["invoke", "ainvoke", "stream", "astream", "batch", "abatch"]


async def asked(model, how, text):
    """All that a call gives back, as text."""
    if how in ("batch", "abatch"):
        result = getattr(model, how)([text])
        return str(await result if how == "abatch" else result)
    result = getattr(model, how)(text)
    if how == "astream":
        return "".join([chunk.text async for chunk in result])
    if how == "stream":
        return "".join([chunk.text for chunk in result])
    return (await result if how == "ainvoke" else result).text


class TestFallbacks:
    @pytest.mark.parametrize("how", HOWS)
    async def test_each_model_is_guarded(self, how, model, redactor, value):
        """Neither the model that failed nor the one that answered sees a value."""
        first = model(RuntimeError(f"boom {value}"))
        second = model(f"it is {value}")
        both = first.with_fallbacks([second])

        shown = await asked(guard_model(both, redactor), how, f"use {value}")

        assert value not in repr((first.asked, second.asked))
        assert f"use {MARKER}" in repr(second.asked)
        assert 1 == len(first.asked)
        assert f"it is {MARKER}" in shown
        assert both.runnable is first

    async def test_errors_of_all_of_them_say_no_value(self, model, redactor, value):
        """If every model fails, the caller's error names no value."""
        both = model(RuntimeError(f"boom {value}")).with_fallbacks(
            [model(RuntimeError(f"bang {value}"))]
        )

        with pytest.raises(RuntimeError, match="boom") as caught:
            await guard_model(both, redactor).ainvoke("hi")

        assert value not in str(caught.value)
        assert MARKER in str(caught.value)

    def test_with_arguments_bound_before(self, model, redactor, value):
        """Models with stop words of their own keep them, redacted."""
        first, second = model(RuntimeError("no")), model("ok")
        both = first.bind(words=[value]).with_fallbacks([second.bind(words=[value])])

        guard_model(both, redactor).invoke("hi")

        assert [MARKER] == second.asked[0][1]["words"]


class TestRetries:
    @pytest.mark.parametrize("how", ["invoke", "ainvoke", "batch", "abatch"])
    async def test_each_try_is_guarded(self, how, model, redactor, value):
        """The tries after an error are guarded as the first one."""
        inner = model(RuntimeError(f"boom {value}"), AIMessage(f"it is {value}"))
        retried = inner.with_retry(wait_exponential_jitter=False)

        shown = await asked(guard_model(retried, redactor), how, f"use {value}")

        assert 2 == len(inner.asked)
        assert value not in repr(inner.asked)
        assert f"it is {MARKER}" in shown

    def test_guarding_twice_is_once(self, model, redactor, value):
        """What was guarded before is the same model inside."""
        once = guard_model(model("ok").with_retry(), redactor)
        assert once.bound is guard_model(once, redactor).bound
        once.invoke([HumanMessage(value)])
