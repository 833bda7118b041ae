"""`guard_checkpointer`: any saver, and nothing raw in what it stores."""

from __future__ import annotations

import copy
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.state import compat
from langchain_tyrum.state.acting import act_again, act_by
from langchain_tyrum.state.config import clean_config, clean_metadata, refuse_ids
from langchain_tyrum.state.guard import GUARD, Guard, guard_of, refuse_each
from langchain_tyrum.state.reading import READING
from langchain_tyrum.state.serde import guard_serde
from langchain_tyrum.state.texts import short_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.state.texts import CleanTexts

#: The parts of a checkpoint whose keys are names of channels and nodes.
_NAMED = ("channel_values", "channel_versions", "versions_seen")
#: What PostgreSQL's saver, for one, writes into a JSON column.
_SHORT = (str, int, float)
#: Whether all values are known to pass the serializer.
_SERIALIZED = "_tyrum_serialized"
#: By it the next steps are stored, and the writes of this one.
_ID = {"id": "the id of the checkpoint"}
_CHANNEL = "a channel of the checkpoint"
SaverT = TypeVar("SaverT", bound=BaseCheckpointSaver[Any])


def guard_checkpointer(saver: SaverT, redactor: Redactor) -> SaverT:
    """Return a saver that writes where the given one writes, but no raw value.

    Values, pending writes, errors, interrupts, resumes, metadata and the scalars of
    the configurable get markers. A value in a thread id, namespace, node or channel
    name is refused, since rows are keyed by it.

    Args:
        saver: Any saver, sync or async. It is left as it is and shares its storage
            with the result, so an unguarded graph beside it still leaks.
        redactor: Knows the values; `broker.redactor` knows everybody's.

    Returns:
        An object of a subclass of the saver's class and of the same name. A saver
        that this redactor guards already is returned itself.

    Raises:
        ConfigError: `saver` is no checkpointer.
    """
    if not isinstance(saver, BaseCheckpointSaver):
        raise ConfigError(
            f"{type(saver).__name__} is no BaseCheckpointSaver: pass the saver that "
            "goes into compile(checkpointer=...)"
        )
    redactor = redactor_of(redactor)
    known = guard_of(saver)
    guard = (known or Guard(())).plus(redactor)
    if guard is known:
        return saver
    clone = copy.copy(saver)
    clone.serde = guard_serde(saver.serde, redactor)
    setattr(clone, GUARD, guard)
    if known is None:
        clone.__class__ = _guarded_class(type(saver))  # type: ignore[arg-type]
    return clone


def _clean_values(
    guard: Guard, writes: Sequence[tuple[str, Any]]
) -> Sequence[tuple[str, Any]]:
    values = [value for _, value in writes if value is not None]
    if guard.clean(values, "pending writes") is values:
        return writes
    return [
        (channel, guard.clean(value, f"a write to {channel!r}"))
        for channel, value in writes
    ]


def _clean_checkpoint(
    self: Any, guard: Guard, checkpoint: Any, known: CleanTexts
) -> Any:
    refuse_ids(guard, known, checkpoint, _ID)
    for part in _NAMED:
        names = checkpoint.get(part) or ()
        if not known.texts.issuperset(names):
            refuse_each(guard, (("a node or channel name", name) for name in names))
    if not self._tyrum_serialized:
        return guard.clean(checkpoint, "a checkpoint")
    short = []
    for name, value in (checkpoint.get("channel_values") or {}).items():
        if type(value) in _SHORT and _known_by(value) not in known.texts:
            short.append(name)
    return _clean_short(guard, checkpoint, short, known) if short else checkpoint


def _known_by(value: Any) -> tuple[type, Any]:
    return type(value), short_of(value) if isinstance(value, str) else value


def _clean_short(
    guard: Guard, checkpoint: Any, names: list[str], known: CleanTexts
) -> Any:
    changed = {}
    for name in names:
        value = checkpoint["channel_values"][name]
        cleaned = guard.clean(value, _CHANNEL)
        if cleaned is not value:
            changed[name] = cleaned
        else:
            known.texts.add(_known_by(value))
    if not changed:
        return checkpoint
    return {**checkpoint, "channel_values": {**checkpoint["channel_values"], **changed}}


def _cleaned(
    self: Any, config: Any, checkpoint: Any, metadata: Any
) -> tuple[Any, Any, Any]:
    guard: Guard = self._tyrum_guard
    known = guard.known
    config = clean_config(guard, config, known)
    checkpoint = _clean_checkpoint(self, guard, checkpoint, known)
    return config, checkpoint, clean_metadata(guard, metadata, known)


def _put(inner: Callable[..., Any]) -> Callable[..., Any]:
    def put(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> Any:
        before = act_by(config)
        try:
            cleaned = _cleaned(self, config, checkpoint, metadata)
            return inner(self, *cleaned, new_versions)
        finally:
            act_again(before)

    return put


def _aput(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def aput(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> Any:
        before = act_by(config)
        try:
            cleaned = _cleaned(self, config, checkpoint, metadata)
            return await inner(self, *cleaned, new_versions)
        finally:
            act_again(before)

    return aput


def _cleaned_writes(
    self: Any, config: Any, writes: Any, paths: tuple[str, ...]
) -> tuple[Any, Any]:
    guard: Guard = self._tyrum_guard
    known = guard.known
    if not known.texts.issuperset(paths):
        refuse_each(guard, (("a node name", part) for part in paths))
    for channel, _ in writes:
        if channel not in known.texts:
            refuse_each(guard, [("a channel name", channel)])
    config = clean_config(guard, config, known)
    return config, writes if self._tyrum_serialized else _clean_values(guard, writes)


def _put_writes(inner: Callable[..., Any]) -> Callable[..., Any]:
    def put_writes(
        self: Any, config: Any, writes: Any, task_id: str, *path: str, **named: str
    ) -> Any:
        before = act_by(config)
        try:
            paths = (*path, *named.values())
            cleaned = _cleaned_writes(self, config, writes, paths)
            return inner(self, *cleaned, task_id, *path, **named)
        finally:
            act_again(before)

    return put_writes


def _aput_writes(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def aput_writes(
        self: Any, config: Any, writes: Any, task_id: str, *path: str, **named: str
    ) -> Any:
        before = act_by(config)
        try:
            paths = (*path, *named.values())
            cleaned = _cleaned_writes(self, config, writes, paths)
            return await inner(self, *cleaned, task_id, *path, **named)
        finally:
            act_again(before)

    return aput_writes


def _copy_thread(inner: Callable[..., Any]) -> Callable[..., Any]:
    def copy_thread(self: Any, source_thread_id: str, target_thread_id: str) -> Any:
        refuse_each(self._tyrum_guard, [("the thread_id", target_thread_id)])
        return inner(self, source_thread_id, target_thread_id)

    return copy_thread


_WRAPPERS = {
    "put": _put,
    "aput": _aput,
    "put_writes": _put_writes,
    "aput_writes": _aput_writes,
    "copy_thread": _copy_thread,
    "acopy_thread": _copy_thread,
    **READING,
}


@lru_cache(maxsize=64)
def _guarded_class(cls: type[BaseCheckpointSaver[Any]]) -> type:
    """Make the subclass; it overrides no method that the saver does not have."""
    body: dict[str, Any] = {
        "__module__": cls.__module__,
        _SERIALIZED: compat.writes_through_serde(cls),
    }
    for method, wrapper in _WRAPPERS.items():
        if compat.implements(cls, method):
            inner = getattr(cls, method)
            body[method] = wraps(inner)(wrapper(inner))
    return type(cls.__name__, (cls,), body)
