"""All that this room knows of LangGraph's inside; pinned by `test_compat.py`.

Three private names of `langgraph.checkpoint.serde.jsonplus` are used: its encoder's
`default` function, its options, and the codes of its extension types. They are read
here only, so that a new LangGraph breaks one module and its tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

import ormsgpack
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde import jsonplus

if TYPE_CHECKING:
    from collections.abc import Callable

#: Extension type of a constructor with one argument: what a SecretStr becomes.
SINGLE_ARGUMENT: int = jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG
_OPTION: int = jsonplus._option  # noqa: SLF001
_UNPACK = ormsgpack.OPT_NON_STR_KEYS


@dataclass
class Extension:
    """An extension type of msgpack, its payload decoded, nothing constructed."""

    code: int
    payload: Any


@lru_cache(maxsize=2048)
def _is_secret(cls: type) -> bool:
    return hasattr(cls, "get_secret_value") and not hasattr(cls, "model_dump")


def encoder(hide: Callable[[Any], Any]) -> Callable[[Any], bytes]:
    """Build LangGraph's msgpack encoder with one change: secrets stay hidden.

    `JsonPlusSerializer` calls `get_secret_value()` on a `SecretStr`, bare or in a
    model. The `default` function is taken as it is, its recursion is led back here.

    Args:
        hide: Takes a secret's inner value, returns what may be written for it.

    Returns:
        A function from an object to msgpack bytes.
    """

    def encode(data: Any) -> bytes:
        return ormsgpack.packb(data, default=default, option=_OPTION)

    plain = FunctionType(
        jsonplus._msgpack_default.__code__,  # noqa: SLF001
        {**vars(jsonplus), "_msgpack_enc": encode},
    )

    def default(obj: Any) -> Any:
        cls = type(obj)
        if not _is_secret(cls):  # type: ignore[arg-type]
            return plain(obj)
        hidden = hide(obj.get_secret_value())
        payload = encode((cls.__module__, cls.__name__, hidden))
        return ormsgpack.Ext(SINGLE_ARGUMENT, payload)

    return encode


def decode(data: bytes) -> Any:
    """Decode msgpack to plain data; extension types stay `Extension` objects.

    No constructor runs and no allow-list is asked, so encoding it again loses
    nothing, whatever types stand in it.
    """
    return ormsgpack.unpackb(data, ext_hook=_extension, option=_UNPACK)


def encode(tree: Any) -> bytes:
    """Encode what `decode` returned."""
    return ormsgpack.packb(tree, default=_pack_extension, option=_OPTION)


def _extension(code: int, data: bytes) -> Extension:
    try:
        return Extension(code, decode(data))
    except ValueError:  # a foreign extension whose payload is no msgpack
        return Extension(code, ormsgpack.Ext(code, data))


def _pack_extension(obj: Any) -> Any:
    if not isinstance(obj, Extension):
        # what was sealed as a number or the like, and is one again
        return jsonplus._msgpack_default(obj)  # noqa: SLF001
    if isinstance(obj.payload, ormsgpack.Ext):
        return obj.payload
    return ormsgpack.Ext(obj.code, encode(obj.payload))


def implements(cls: type[BaseCheckpointSaver[Any]], method: str) -> bool:
    """Say whether a saver has a method of its own, not the base's refusal."""
    return getattr(cls, method, None) is not getattr(BaseCheckpointSaver, method, None)


def writes_through_serde(cls: type[BaseCheckpointSaver[Any]]) -> bool:
    """Say whether a saver is known to write all values with its `serde`.

    True for LangGraph's own. Any other class may keep objects, or hand them on.
    """
    return cls.__module__.startswith("langgraph.checkpoint.")
