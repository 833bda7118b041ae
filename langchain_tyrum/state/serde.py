"""The serializer that looks at what it wrote."""

from __future__ import annotations

import copy
import io
import pickle
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from ormsgpack import MsgpackEncodeError

from langchain_tyrum.handles import (
    HANDLE_TEXT,
    SecretHandle,
    SecretRecord,
    SecretReference,
)
from langchain_tyrum.redaction import MARKER
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.state import compat
from langchain_tyrum.state.guard import GUARD, NAMELESS, Guard, guard_of, may_be_sealed
from langchain_tyrum.state.looking import WHAT as _WHAT
from langchain_tyrum.state.looking import Looker, refuse_held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langgraph.checkpoint.serde.base import SerializerProtocol

    from langchain_tyrum.redaction import Redactor

_OURS = (SecretHandle, SecretRecord, SecretReference)


class _Guarding(JsonPlusSerializer):
    """Looks at each new piece of what it serializes, and opens what was sealed."""

    _tyrum_guard: Guard
    _tyrum_looker: Looker | None = None

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize an object, with markers where values stood.

        Raises:
            RawSecretFound: The bytes hold a value that no walk could reach.
            MsgpackEncodeError: Something in it cannot be serialized.
        """
        if obj is None:
            return super().dumps_typed(obj)
        if isinstance(obj, bytes | bytearray):
            kind, data = super().dumps_typed(obj)
            return kind, self._looked_at(self._tyrum_guard.clean(bytes(data), _WHAT))
        guard = self._tyrum_guard
        try:
            return "msgpack", self._looker().write(obj)
        except MsgpackEncodeError as error:
            why = guard.clean(str(error), "an error")
        if self.pickle_fallback:
            return "pickle", self._looked_at(_pickled(guard.clean(obj, _WHAT), guard))
        raise MsgpackEncodeError(
            f"{why}. Nothing was written: keep data, messages, pydantic models or "
            "dataclasses in state, or use JsonPlusSerializer(pickle_fallback=True)"
        )

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Deserialize, with what was sealed for whom it is read."""
        kind, raw = data
        if SEALED_HEAD not in raw:
            return super().loads_typed(data)
        guard = self._tyrum_guard
        if kind == "msgpack":
            raw = compat.encode(guard.opened(compat.decode(raw), _WHAT))
        elif kind in ("bytes", "bytearray"):
            raw = guard.opened(bytes(raw), _WHAT)
        else:
            return guard.opened(super().loads_typed(data), _WHAT)
        return super().loads_typed((kind, raw))

    def _looker(self) -> Looker:
        looker, guard = self._tyrum_looker, self._tyrum_guard
        if looker is None or looker.guard is not guard:
            looker = Looker(guard, compat.Encoder(partial(_hidden, guard)))
            self._tyrum_looker = looker
        return looker

    def _looked_at(self, data: bytes) -> bytes:
        refuse_held(self._tyrum_guard, data)
        return data


class _Twice:
    """Mixin in front of a serializer that writes in a way of its own.

    Whether it asks ours for the bytes is not known, so objects are walked before and
    msgpack is looked at afterwards.
    """

    _tyrum_guard: Guard

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        guard = self._tyrum_guard
        kind, data = super().dumps_typed(guard.clean(obj, _WHAT))  # type: ignore[misc]
        if kind == "msgpack":
            tree = compat.decode(data)
            if (cleaned := guard.clean(tree, _WHAT)) is not tree:
                data = compat.encode(cleaned)
        refuse_held(guard, data)
        return kind, data


class GuardedSerializer(_Guarding):
    """A `JsonPlusSerializer` that never writes a raw value.

    It writes state in pieces, such as one message, and looks at those that it did not
    find clean before: at their strings as they were written, and at their bytes. So
    the cost follows what is new, and an edit in place meanwhile changes nothing. On a
    hit it puts markers into a copy of the object and writes that; msgpack is never
    cut and joined. A `SecretStr` is written as a marker in any case.

    Nest it inside `EncryptedSerializer` when both are wanted, never around it.

    Args:
        redactor: Knows the values; `broker.redactor` knows everybody's.
        pickle_fallback: As in `JsonPlusSerializer`.
        allowed_json_modules: As in `JsonPlusSerializer`.
        allowed_msgpack_modules: As in `JsonPlusSerializer`; this package's own nouns
            are allowed in addition.
    """

    def __init__(self, redactor: Redactor, **options: Any) -> None:
        super().__init__(**options)
        setattr(self, GUARD, Guard((redactor_of(redactor),)))
        _allow(self, _OURS)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _ForeignSerializer:
    """Any other serializer: objects are walked before it sees them.

    Its bytes may be packed or encrypted, so looking at those would prove nothing.
    """

    def __init__(self, serde: SerializerProtocol, guard: Guard) -> None:
        self._tyrum_serde = serde
        self._tyrum_guard = guard

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return self._tyrum_serde.dumps_typed(self._tyrum_guard.clean(obj, _WHAT))

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return self._tyrum_guard.opened(self._tyrum_serde.loads_typed(data), _WHAT)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_tyrum"):  # while a copy is being made
            raise AttributeError(name)
        return getattr(self._tyrum_serde, name)


def guard_serde(serde: Any, redactor: Redactor) -> Any:
    """Return a guarded copy of a serializer, whatever its class.

    Args:
        serde: What a saver or cache has as its `serde`; it is left as it is.
        redactor: Knows the values.

    Returns:
        A serializer of a class of the same name and base; `EncryptedSerializer` is
        kept outside and what it encrypts is guarded.
    """
    if isinstance(serde, EncryptedSerializer):
        return _with(serde, "serde", guard_serde(serde.serde, redactor))
    guard = (guard_of(serde) or Guard(())).plus(redactor)
    if guard_of(serde) is not None:
        return _with(serde, GUARD, guard)
    if not isinstance(serde, JsonPlusSerializer):
        return _ForeignSerializer(serde, guard)
    clone: Any = object.__new__(_guarded_class(type(serde)))
    vars(clone).update(vars(serde))
    setattr(clone, GUARD, guard)
    vars(clone)["_tyrum_looker"] = None
    return _allow(clone, _OURS)


def _with(obj: Any, name: str, value: Any) -> Any:
    clone = copy.copy(obj)
    setattr(clone, name, value)
    return clone


def _allow(serde: JsonPlusSerializer, types: Iterable[type]) -> JsonPlusSerializer:
    """Let the decoder construct `types`; also where it is strict."""
    allowed = serde.with_msgpack_allowlist(types)
    serde.__dict__.update(allowed.__dict__)
    return serde


@lru_cache(maxsize=64)
def _guarded_class(cls: type) -> type:
    if cls is JsonPlusSerializer:
        return GuardedSerializer
    if getattr(cls, "dumps_typed", None) is JsonPlusSerializer.dumps_typed:
        return type(cls.__name__, (_Guarding, cls), {})
    # ours comes last, so that what `cls` adds still calls it by `super()`
    return type(cls.__name__, (_Twice, cls, _Guarding), {})


def _hidden(guard: Guard, value: Any) -> Any:
    """Return what may stand for a secret's inner value: a marker or a handle."""
    if isinstance(value, bytes):
        return _hidden(guard, value.decode(errors="replace")).encode()
    text = str(value)
    if not text or HANDLE_TEXT.fullmatch(text):
        return text
    cleaned = guard.clean(text, "a SecretStr")
    named = MARKER.fullmatch(cleaned) and not may_be_sealed(cleaned)
    return cleaned if named else NAMELESS


class _MaskingPickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, guard: Guard) -> None:
        super().__init__(file)
        self._guard = guard

    def reducer_override(self, obj: Any) -> Any:
        if hasattr(type(obj), "get_secret_value"):
            return type(obj), (_hidden(self._guard, obj.get_secret_value()),)
        return NotImplemented


def _pickled(obj: Any, guard: Guard) -> bytes:
    file = io.BytesIO()
    _MaskingPickler(file, guard).dump(obj)
    return file.getvalue()
