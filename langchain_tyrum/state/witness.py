"""A cheap witness that part of a state is what it was, also when edited in place."""

from __future__ import annotations

import secrets
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, cast

import ormsgpack
import xxhash
from langchain_core.messages import BaseMessage
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Hashable

_SEED = secrets.randbits(64)
_ATOMS = (str, bytes, int, float, bool, NoneType)


def witnesses(elements: list[Any]) -> tuple[list[Hashable], list[Any]]:
    """Return what stays equal as long as each element is the same and unchanged.

    For a text that is its identity, for a message with a text that of both, for plain
    data a fingerprint; None when nothing cheap can tell.

    Args:
        elements: Parts of a state.

    Returns:
        One witness each, and all that they name by identity: keep it as long.
    """
    if {_kind(cls) for cls in set(map(type, elements))} == {"message"}:
        contents = [message.content for message in elements]
        if set(map(type, contents)) == {str}:  # the usual state, thousands of them
            pairs = list(zip(map(id, elements), map(id, contents), strict=True))
            return cast("list[Hashable]", pairs), [*elements, *contents]
    alive: list[Any] = []
    return [_witness(element, alive) for element in elements], alive


def _witness(element: Any, alive: list[Any]) -> Hashable:
    alive.append(element)
    kind = _kind(type(element))  # type: ignore[arg-type]
    if kind == "atom":
        return id(element)
    if kind == "message" and type(element.content) is str:
        alive.append(element.content)
        return id(element), id(element.content)
    if kind == "plain":
        return _fingerprint(element)
    return None if kind == "other" else _fingerprint(vars(element))


@lru_cache(maxsize=1024)
def _kind(cls: type) -> Literal["atom", "message", "model", "plain", "other"]:
    if cls in _ATOMS:
        return "atom"
    if cls in (dict, list, tuple):
        return "plain"
    if not issubclass(cls, BaseModel):
        return "other"
    return "message" if issubclass(cls, BaseMessage) else "model"


def _fingerprint(data: Any) -> Hashable:
    try:
        packed = ormsgpack.packb(data, option=ormsgpack.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):  # something in it is not plain
        return None
    return xxhash.xxh3_128_digest(packed, _SEED)
