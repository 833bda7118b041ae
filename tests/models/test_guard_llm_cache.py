"""LangChain's cache of answers holds no value, whoever fills it."""

from __future__ import annotations

import pytest
from langchain_core.caches import BaseCache, InMemoryCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langgraph.cache.memory import InMemoryCache as NodeCache

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models import guard_llm_cache
from langchain_tyrum.redaction import Redactor


class Rows(BaseCache):
    """A cache of somebody's own, sync only."""

    def __init__(self) -> None:
        self.rows = {}

    def lookup(self, prompt, llm_string):
        return self.rows.get((prompt, llm_string))

    def update(self, prompt, llm_string, return_val):
        self.rows[prompt, llm_string] = return_val

    def clear(self, **kwargs):
        self.rows.clear()


class AsyncRows(Rows):
    """One with async ways of its own."""

    async def alookup(self, prompt, llm_string):
        return self.rows.get((prompt, llm_string))

    async def aupdate(self, prompt, llm_string, return_val):
        self.rows[prompt, llm_string] = return_val


@pytest.fixture(params=[InMemoryCache, Rows, AsyncRows])
def cache(request):
    """An unguarded cache."""
    return request.param()


@pytest.fixture
def installed(cache, redactor):
    """Its guarded form, as the cache of the process."""
    before = get_llm_cache()
    guarded = guard_llm_cache(cache, redactor)
    set_llm_cache(guarded)
    yield guarded
    set_llm_cache(before)


@pytest.mark.usefixtures("installed")
class TestRawModels:
    def test_a_stored_answer_holds_no_value(self, model, cache, value):
        """An unguarded model's answer is redacted in the cache and out of it."""
        raw = model(f"it is {value}")

        first, second = raw.invoke("hello"), raw.invoke("hello")

        assert f"it is {value}" == first.content
        assert 1 == len(raw.asked)
        assert value not in repr(vars(cache))
        assert "hello" in repr(vars(cache))
        assert "[REDACTED:" in second.content

    async def test_a_stored_answer_holds_no_value_async(self, model, cache, value):
        """The same, async."""
        raw = model(f"it is {value}")

        first, second = await raw.ainvoke("hello"), await raw.ainvoke("hello")

        assert f"it is {value}" == first.content
        assert 1 == len(raw.asked)
        assert value not in repr(vars(cache))
        assert "[REDACTED:" in second.content

    def test_a_prompt_with_a_value_is_not_cached(self, model, cache, value):
        """Two prompts that differ in a value only would be one key."""
        raw = model("fine")

        raw.invoke(f"log in with {value}")
        raw.invoke(f"log in with {value}")
        raw.invoke("hello", stop=[value])

        assert 3 == len(raw.asked)
        assert "fine" not in repr(vars(cache))
        assert value not in repr(vars(cache))

    async def test_a_prompt_with_a_value_is_not_cached_async(self, model, cache, value):
        """The same, async."""
        raw = model("fine")

        await raw.ainvoke(f"log in with {value}")
        await raw.ainvoke(f"log in with {value}")

        assert 2 == len(raw.asked)
        assert value not in repr(vars(cache))


class TestGuarding:
    def test_an_older_answer_is_redacted_as_it_is_read(
        self, model, cache, redactor, value
    ):
        """What was cached before the guard came does not come out raw."""
        model(f"it is {value}", cache=cache).invoke("hello")

        guarded = guard_llm_cache(cache, redactor)
        second = model(f"it is {value}", cache=guarded)

        assert "[REDACTED:" in second.invoke("hello").content
        assert [] == second.asked
        assert value in repr(vars(cache))

    def test_it_is_what_it_was(self, cache, redactor):
        """Its class is a subclass of the given one's; the given one is untouched."""
        guarded = guard_llm_cache(cache, redactor)

        assert isinstance(guarded, type(cache))
        assert type(cache).__name__ == type(guarded).__name__
        assert type(cache) in (InMemoryCache, Rows, AsyncRows)

    def test_guarding_twice_is_a_no_op(self, cache, redactor, value):
        """With the same redactor; another one is added."""
        guarded = guard_llm_cache(cache, redactor)
        other = Redactor()
        other.register("other", "lighthouse-under-77-foxes")
        both = guard_llm_cache(guarded, other)

        both.update("prompt", "model", [value, "lighthouse-under-77-foxes"])

        assert guarded is guard_llm_cache(guarded, redactor)
        assert value not in repr(both.lookup("prompt", "model"))
        assert "lighthouse" not in repr(cache.lookup("prompt", "model"))

    def test_what_is_no_such_cache_is_refused(self, redactor):
        """The cache of a graph has a guard of its own, which the error names."""
        with pytest.raises(ConfigError, match="guard_cache"):
            guard_llm_cache(NodeCache(), redactor)

    def test_what_cannot_be_copied_is_refused(self, redactor):
        """The mend is to guard the models."""

        class Single(Rows):
            def __copy__(self):
                return self

        cache = Single()
        with pytest.raises(ConfigError, match="guard_model"):
            guard_llm_cache(cache, redactor)
        assert Single is type(cache)
