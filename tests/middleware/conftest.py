"""A fake model for agents: answers from a list, keeps what it was given."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field


class ListModel(BaseChatModel):
    answers: list[Any]
    got: list[Any] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "list"

    def bind_tools(self, tools, **kwargs):
        self.bound.extend(tools)
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        self.got.append(list(messages))
        answer = self.answers[min(len(self.got), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return ChatResult(generations=[ChatGeneration(message=answer.model_copy())])


@pytest.fixture
def model_of():
    return lambda *answers: ListModel(answers=list(answers))


@pytest.fixture
def value(canary):
    """The value that most tests are about."""
    return canary()


@pytest.fixture
def broker(memory_broker, value):
    """A broker that knows it by now."""
    broker = memory_broker({"db/password": value})
    broker.arm()
    return broker
