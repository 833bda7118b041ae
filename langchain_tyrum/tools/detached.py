"""A copy of state that can be written to without writing to the graph's."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import BaseMessage
from pydantic import BaseModel


def detached(value: Any) -> Any:
    """Copy containers, messages and models, however deep; share what they hold.

    Clients, files and other objects are shared: they cannot be copied in general, and
    a tool may need them.

    Args:
        value: State, or a part of it.

    Returns:
        The copy. Text, numbers and the like are themselves.
    """
    return _copy(value, {})


def _copy(value: Any, done: dict[int, Any]) -> Any:
    kind = type(value)
    if id(value) in done:
        return done[id(value)]
    if kind is dict:
        twin: Any = done.setdefault(id(value), {})
        twin.update((key, _copy(each, done)) for key, each in value.items())
        return twin
    if kind is list:
        twin = done.setdefault(id(value), [])
        twin.extend(_copy(each, done) for each in value)
        return twin
    if kind is tuple:
        return tuple(_copy(each, done) for each in value)
    if kind is set:
        return set(value)
    if isinstance(value, BaseMessage | BaseModel):
        return _copy_model(value, done)
    return value


def _copy_model(value: BaseModel, done: dict[int, Any]) -> BaseModel:
    twin: BaseModel = done.setdefault(id(value), value.model_copy())
    for name, each in vars(value).items():
        vars(twin)[name] = _copy(each, done)
    if value.__pydantic_extra__:
        extra = _copy(value.__pydantic_extra__, done)
        object.__setattr__(twin, "__pydantic_extra__", extra)
    return twin
