"""A cheap witness that part of a state is what it was, also when edited in place."""

from __future__ import annotations

import secrets
from functools import lru_cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal

import ormsgpack
import xxhash
from langchain_core.messages import BaseMessage
from langgraph.types import Send
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Hashable

_SEED = secrets.randbits(64)
_Kind = Literal["atom", "message", "model", "plain", "send", "other"]
_ATOMS = (str, bytes, int, float, bool, NoneType)
_ATOMIC = frozenset(_ATOMS)


def witnesses(elements: list[Any]) -> tuple[list[Hashable], list[Any]]:
    """Return what stays equal as long as each element is the same and unchanged.

    For a text that is its identity, for a message that of its fields and a fingerprint
    of the containers among them, for plain data a fingerprint; None when nothing cheap
    can tell.

    Args:
        elements: Parts of a state.

    Returns:
        One witness each, and all that they name by identity: keep it as long.
    """
    alive: list[Any] = []
    return [_witness(element, alive) for element in elements], alive


def _witness(element: Any, alive: list[Any]) -> Hashable:
    alive.append(element)
    kind = _kind(type(element))  # type: ignore[arg-type]
    if kind == "atom":
        return id(element)
    if kind == "message":
        return _message(element, alive)
    if kind == "plain":
        return _fingerprint(element)
    if kind == "send":
        return _send(element)
    return None if kind == "other" else _fingerprint(vars(element))


def _message(message: BaseMessage, alive: list[Any]) -> Hashable:
    """Tell a message by the objects in its fields, and by what its containers hold."""
    fields = [*vars(message).values(), message.__pydantic_extra__]
    alive += fields
    boxes = [each for each in fields if each and type(each) not in _ATOMIC]
    if not boxes:
        return tuple(map(id, fields))
    mark = _fingerprint(boxes)
    return None if mark is None else (mark, *map(id, fields))


def _send(send: Send) -> Hashable:
    """Tell a Send from a list of the same parts: its node is no text."""
    if getattr(send, "timeout", None) is not None:
        return None
    mark = _fingerprint([send.node, send.arg])
    return None if mark is None else ("send", mark)


@lru_cache(maxsize=1024)
def _kind(cls: type) -> _Kind:
    if cls in _ATOMS:
        return "atom"
    if cls in (dict, list, tuple):
        return "plain"
    if cls is Send:
        return "send"
    if not issubclass(cls, BaseModel):
        return "other"
    return "message" if issubclass(cls, BaseMessage) else "model"


def _fingerprint(data: Any) -> Hashable:
    try:
        packed = ormsgpack.packb(data, option=ormsgpack.OPT_NON_STR_KEYS)
    except (TypeError, ValueError):  # something in it is not plain
        return None
    return xxhash.xxh3_128_digest(packed, _SEED)
