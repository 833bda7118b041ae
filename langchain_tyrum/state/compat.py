"""All that this room knows of LangGraph's inside; pinned by `test_compat.py`.

Three private names of `langgraph.checkpoint.serde.jsonplus` are used: its encoder's
`default` function, its options, and the codes of its extension types. They are read
here only, so that a new LangGraph breaks one module and its tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import ormsgpack
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde import jsonplus
from langgraph.types import Send
from pydantic import BaseModel

from langchain_tyrum.redaction.ids import is_made_up

if TYPE_CHECKING:
    from collections.abc import Callable

#: Extension type of a constructor with one argument: what a SecretStr becomes.
SINGLE_ARGUMENT: int = jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG
_MODEL: int = jsonplus.EXT_PYDANTIC_V2
_CALLED: int = jsonplus.EXT_CONSTRUCTOR_POS_ARGS
_OPTION: int = jsonplus._option  # noqa: SLF001
_MESSAGES = "langchain_core.messages."
_SEND = [Send.__module__, Send.__name__]
_MOST = 2048
#: Module, name and, of a model, what returns its fields; None: as LangGraph does it.
_Kind = tuple[str, str, "Callable[[Any], Any] | None"] | None
_UNPACK = ormsgpack.OPT_NON_STR_KEYS


@dataclass
class Extension:
    """An extension type of msgpack, its payload decoded, nothing constructed."""

    code: int
    payload: Any

    def __hash__(self) -> int:
        return hash(self.code)  # it may be the key of a dict


class _Kinds(dict[type, "_Kind"]):
    """How objects of each class are written; asked for each message, so it is fast."""

    def __missing__(self, cls: Any) -> _Kind:
        if len(self) > _MOST:
            self.clear()
        kind: _Kind = None
        if getattr(cls, "model_dump", None) is BaseModel.model_dump:
            kind = cls.__module__, cls.__name__, cls.__pydantic_serializer__.to_python
        elif hasattr(cls, "get_secret_value") and not hasattr(cls, "model_dump"):
            kind = cls.__module__, cls.__name__, None
        self[cls] = kind
        return kind


class Encoder:
    """LangGraph's msgpack encoder with one change: secrets stay hidden.

    `JsonPlusSerializer` calls `get_secret_value()` on a `SecretStr`, bare or in a
    model. The `default` function is taken as it is, its recursion is led back here.

    Args:
        hide: Takes a secret's inner value, returns what may be written for it.

    Attributes:
        any: A function from an object to msgpack bytes.
    """

    def __init__(self, hide: Callable[[Any], Any]) -> None:
        self._hide = hide
        self._kinds = _Kinds()
        self.any: Callable[[Any], bytes] = partial(
            ormsgpack.packb, default=self._default, option=_OPTION
        )
        self._plain = FunctionType(
            jsonplus._msgpack_default.__code__,  # noqa: SLF001
            {**vars(jsonplus), "_msgpack_enc": self.any},
        )

    def message(self, obj: Any) -> tuple[bytes, Any]:
        """Write a message, and return with its bytes the data they were made of.

        That is the encoder's own, and nobody can edit it: no data when it is more.
        """
        module, name, dumped = self._kinds[type(obj)] or ("", "", None)
        if dumped is None or not module.startswith(_MESSAGES):
            return self.any(obj), None
        data = dumped(obj)
        whole = self.any(self._model(module, name, data))
        return whole, data if type(data) is dict else None

    def _model(self, module: str, name: str, data: Any) -> ormsgpack.Ext:
        # as LangGraph does, without a detour: messages are many
        made = module, name, data, "model_validate_json"
        return ormsgpack.Ext(_MODEL, self.any(made))

    def _default(self, obj: Any) -> Any:
        kind = self._kinds[type(obj)]
        if kind is None:
            return self._sent(obj) if type(obj) is Send else self._plain(obj)
        module, name, dumped = kind
        if dumped is not None:
            return self._model(module, name, dumped(obj))
        hidden = self._hide(obj.get_secret_value())
        return ormsgpack.Ext(SINGLE_ARGUMENT, self.any((module, name, hidden)))

    def _sent(self, task: Send) -> ormsgpack.Ext:
        timeout = getattr(task, "timeout", None)
        parts = (task.node, task.arg, *([] if timeout is None else [timeout]))
        return ormsgpack.Ext(_CALLED, self.any((*_SEND, parts)))


def decode(data: bytes) -> Any:
    """Decode msgpack to plain data; extension types stay `Extension` objects.

    No constructor runs and no allow-list is asked, so encoding it again loses
    nothing, whatever types stand in it.
    """
    return ormsgpack.unpackb(data, ext_hook=_extension, option=_UNPACK)


class Plain:
    """Decodes msgpack to what strings can be found in, and no more.

    Attributes:
        ids: The ids that were made up for messages, which are left out: they are no
            shapes.
        odd: Something else than data, messages and tasks that are sent stood in it: a
            walk through the object it was made of may find more.
    """

    def __init__(self) -> None:
        self.odd = False
        self.ids: list[str] = []

    def decode(self, data: bytes) -> Any:
        """Decode what was serialized."""
        return ormsgpack.unpackb(data, ext_hook=self._payload, option=_UNPACK)

    def part(self, message: dict[str, Any]) -> Any:
        """Take what a message was written of, instead of decoding it."""
        name = message.get("id")
        if type(name) is str and is_made_up(name):
            self.ids.append(name)
            return {**message, "id": None}
        return message

    def _payload(self, code: int, data: bytes) -> Any:
        try:
            payload = self.decode(data)
        except ValueError:  # as above
            payload = data
        if code == _MODEL and str(payload[0]).startswith(_MESSAGES):
            if is_made_up(str(payload[2].get("id"))):
                self.ids.append(payload[2].pop("id"))
        else:
            self.odd |= code != _CALLED or payload[:2] != _SEND
        return payload


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
