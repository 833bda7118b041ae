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

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.handles import (
    HANDLE_TEXT,
    SecretHandle,
    SecretRecord,
    SecretReference,
)
from langchain_tyrum.redaction import MARKER
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.state import compat
from langchain_tyrum.state.blocks import Blocks
from langchain_tyrum.state.guard import GUARD, NAMELESS, Guard, guard_of, may_be_sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langgraph.checkpoint.serde.base import SerializerProtocol

    from langchain_tyrum.redaction import Redactor

_OURS = (SecretHandle, SecretRecord, SecretReference)
_WHAT = "a serialized value"


class _SecretEncoder(JsonPlusSerializer):
    """Writes a marker for each SecretStr, where LangGraph's own writes the value."""

    _tyrum_guard: Guard
    _tyrum_encode: tuple[Guard, Callable[[Any], bytes]] | None = None

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        if obj is None or isinstance(obj, bytes | bytearray):
            return super().dumps_typed(obj)
        guard, encode = self._tyrum_encode or (None, None)
        if encode is None or guard is not self._tyrum_guard:
            encode = compat.encoder(partial(_hidden, self._tyrum_guard))
            self._tyrum_encode = self._tyrum_guard, encode
        try:
            return "msgpack", encode(obj)
        except MsgpackEncodeError:
            if not self.pickle_fallback:
                raise
        return "pickle", _pickled(obj, self._tyrum_guard)


class _Scanner:
    """Mixin in front of a serializer: scans the bytes, and repairs them on a hit."""

    _tyrum_guard: Guard
    _tyrum_blocks: Blocks

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Serialize an object, with markers where registered values stood.

        Raises:
            RawSecretFound: The bytes hold a value that no walk could reach.
        """
        kind, data = super().dumps_typed(obj)  # type: ignore[misc]
        guard, blocks = self._tyrum_guard, self._tyrum_blocks
        generation = guard.generation  # read first: a value may come in meanwhile
        key = guard, generation
        parts, marks = blocks.fresh(data, key)
        if not any(guard.holds(part, _WHAT) for part in parts):
            blocks.keep(marks, key)
            return kind, data
        repaired = self._repair(kind, data, obj)
        if guard.holds(repaired, _WHAT):
            raise RawSecretFound(
                f"{_WHAT} still holds a raw value after redaction, so it was not "
                "written: keep the value out of state and pass a handle",
                path=_WHAT,
                rule="registered",
            )
        return kind, repaired

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Deserialize, with what was sealed for whom it is read."""
        kind, raw = data
        if SEALED_HEAD not in raw:
            return super().loads_typed(data)  # type: ignore[misc]
        guard = self._tyrum_guard
        if kind == "msgpack":
            raw = compat.encode(guard.opened(compat.decode(raw), _WHAT))
        elif kind in ("bytes", "bytearray"):
            raw = guard.opened(bytes(raw), _WHAT)
        else:
            return guard.opened(super().loads_typed(data), _WHAT)  # type: ignore[misc]
        return super().loads_typed((kind, raw))  # type: ignore[misc]

    def _repair(self, kind: str, data: bytes, obj: Any) -> bytes:
        guard = self._tyrum_guard
        if kind == "msgpack":
            return compat.encode(guard.clean(compat.decode(data), _WHAT))
        if kind in ("bytes", "bytearray"):
            return guard.clean(bytes(data), _WHAT)
        return super().dumps_typed(guard.clean(obj, _WHAT))[1]  # type: ignore[misc,no-any-return]


class GuardedSerializer(_Scanner, _SecretEncoder):
    """A `JsonPlusSerializer` that never writes a registered value.

    It scans each run of bytes it wrote, which costs little beside writing them. On a
    hit it decodes, puts markers in, and encodes again; msgpack is never cut and
    joined. A `SecretStr` is written as a marker in any case. Shapes of credentials
    are not looked for, since msgpack's length bytes hide them: that is the work of
    the guards in front, which still see strings.

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
        setattr(self, GUARD, Guard((redactor,)))
        self._tyrum_blocks = Blocks()
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
    vars(clone)["_tyrum_blocks"] = Blocks()
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
    # the encoder comes last, so that what `cls` adds still calls it by `super()`
    return type(cls.__name__, (_Scanner, cls, _SecretEncoder), {})


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
