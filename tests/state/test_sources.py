"""Guards take a redactor, or the broker that has one."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListChatModel
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.models import guard_model
from langchain_tyrum.state import (
    guard_cache,
    guard_checkpointer,
    guard_store,
    is_guarded,
)

GUARDS = [
    (guard_checkpointer, InMemorySaver),
    (guard_store, InMemoryStore),
    (guard_cache, InMemoryCache),
]


class TestSources:
    @pytest.mark.parametrize(("guard", "make"), GUARDS)
    def test_a_broker_will_do(self, guard, make, memory_broker, canary):
        """Given a broker, a guard stands on its redactor."""
        assert is_guarded(guard(make(), memory_broker({"k/1": canary})))

    @pytest.mark.parametrize(
        ("guard", "make"),
        [*GUARDS, (guard_model, lambda: FakeListChatModel(responses=["x"]))],
    )
    def test_anything_else_is_named(self, guard, make):
        """What is neither is refused at once, with the mend."""
        with pytest.raises(ConfigError, match=r"broker\.redactor"):
            guard(make(), "no redactor")

    def test_a_model_is_guarded_by_a_broker(self, memory_broker, canary):
        """A chat model guarded with a broker hides its values."""
        raw = canary
        model = FakeListChatModel(responses=[f"it is {raw}"])

        answer = guard_model(model, memory_broker({"k/1": raw})).invoke("say it")

        assert "it is [REDACTED:k/1]" == answer.content
