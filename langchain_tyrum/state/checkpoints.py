"""`guard_checkpointer`: any saver, and nothing raw in what it stores."""

from __future__ import annotations

import copy
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langgraph.checkpoint.base import BaseCheckpointSaver

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.state import compat
from langchain_tyrum.state.acting import acting_by
from langchain_tyrum.state.config import (
    clean_config,
    clean_metadata,
    refuse_id,
    refuse_ids,
)
from langchain_tyrum.state.guard import GUARD, Guard, guard_of, refuse_each
from langchain_tyrum.state.opening import Sought, open_tuple
from langchain_tyrum.state.serde import guard_serde

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Iterator,
        Sequence,
    )

    from langgraph.checkpoint.base import CheckpointTuple

    from langchain_tyrum.redaction import Redactor

#: The parts of a checkpoint whose keys are names of channels and nodes.
_NAMED = ("channel_values", "channel_versions", "versions_seen")
#: What PostgreSQL's saver, for one, writes into a JSON column.
_SHORT = (str, int, float)
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


def _clean_writes(
    self: Any, guard: Guard, writes: Sequence[tuple[str, Any]], known: set[Any]
) -> Sequence[tuple[str, Any]]:
    if not known.issuperset([channel for channel, _ in writes]):
        refuse_each(guard, (("a channel name", channel) for channel, _ in writes))
    if compat.writes_through_serde(type(self)):
        return writes
    values = [value for _, value in writes if value is not None]
    if guard.clean(values, "pending writes") is values:
        return writes
    return [
        (channel, guard.clean(value, f"a write to {channel!r}"))
        for channel, value in writes
    ]


def _refuse_names(guard: Guard, checkpoint: Any, known: set[Any]) -> None:
    """Refuse values in names of channels and nodes; they are keys in every row."""
    parts = [checkpoint.get(part) or () for part in _NAMED]
    if all(map(known.issuperset, parts)):
        return
    names: set[str] = set().union(*parts)
    refuse_each(guard, (("a node or channel name", name) for name in names))


def _clean_checkpoint(self: Any, guard: Guard, checkpoint: Any, known: set[Any]) -> Any:
    _refuse_names(guard, checkpoint, known)
    if not compat.writes_through_serde(type(self)):
        return guard.clean(checkpoint, "a checkpoint")
    values = (checkpoint.get("channel_values") or {}).items()
    short = {name: value for name, value in values if type(value) in _SHORT}
    if not short or known.issuperset(short.values()):
        return checkpoint
    return _clean_short(guard, checkpoint, short)


def _clean_short(guard: Guard, checkpoint: Any, short: dict[str, Any]) -> Any:
    generation = guard.generation
    cleaned = {
        channel: clean
        for channel, value in short.items()
        if (clean := guard.clean(value, _CHANNEL)) is not value
    }
    if not cleaned:
        guard.texts.add(generation, set(short.values()))
        return checkpoint
    values = {**checkpoint["channel_values"], **cleaned}
    return {**checkpoint, "channel_values": values}


def _open(self: Any, saved: CheckpointTuple | None) -> Any:
    guard = cast("Guard", guard_of(self))
    return saved and open_tuple(guard, saved, type(self))


def _cleaned(
    self: Any, config: Any, checkpoint: Any, metadata: Any
) -> tuple[Any, Any, Any]:
    guard = cast("Guard", guard_of(self))
    known = guard.known
    config = clean_config(guard, config, known)
    if (checkpoint_id := checkpoint.get("id")) is not None:
        # by it the next steps are stored, and this one's writes
        refuse_id(guard, "the id of the checkpoint", checkpoint_id)
    checkpoint = _clean_checkpoint(self, guard, checkpoint, known)
    return config, checkpoint, clean_metadata(guard, metadata, known)


def _put(inner: Callable[..., Any]) -> Callable[..., Any]:
    def put(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> Any:
        with acting_by(config):
            return inner(
                self, *_cleaned(self, config, checkpoint, metadata), new_versions
            )

    return put


def _aput(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def aput(
        self: Any, config: Any, checkpoint: Any, metadata: Any, new_versions: Any
    ) -> Any:
        with acting_by(config):
            cleaned = _cleaned(self, config, checkpoint, metadata)
            return await inner(self, *cleaned, new_versions)

    return aput


def _cleaned_writes(
    self: Any, config: Any, writes: Any, paths: tuple[str, ...]
) -> tuple[Any, Any]:
    guard = cast("Guard", guard_of(self))
    known = guard.known
    if not known.issuperset(paths):
        refuse_each(guard, (("a node name", part) for part in paths))
    config = clean_config(guard, config, known)
    return config, _clean_writes(self, guard, writes, known)


def _put_writes(inner: Callable[..., Any]) -> Callable[..., Any]:
    def put_writes(
        self: Any, config: Any, writes: Any, task_id: str, *path: str, **named: str
    ) -> Any:
        with acting_by(config):
            paths = (*path, *named.values())
            cleaned = _cleaned_writes(self, config, writes, paths)
            return inner(self, *cleaned, task_id, *path, **named)

    return put_writes


def _aput_writes(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def aput_writes(
        self: Any, config: Any, writes: Any, task_id: str, *path: str, **named: str
    ) -> Any:
        with acting_by(config):
            paths = (*path, *named.values())
            cleaned = _cleaned_writes(self, config, writes, paths)
            return await inner(self, *cleaned, task_id, *path, **named)

    return aput_writes


def _get_tuple(inner: Callable[..., Any]) -> Callable[..., Any]:
    def get_tuple(self: Any, config: Any) -> Any:
        with acting_by(config):
            refuse_ids(cast("Guard", guard_of(self)), config)
            return _open(self, inner(self, config))

    return get_tuple


def _aget_tuple(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def aget_tuple(self: Any, config: Any) -> Any:
        with acting_by(config):
            refuse_ids(cast("Guard", guard_of(self)), config)
            return _open(self, await inner(self, config))

    return aget_tuple


def _list(inner: Callable[..., Any]) -> Callable[..., Any]:
    def listed(self: Any, config: Any, **named: Any) -> Any:
        guard = cast("Guard", guard_of(self))
        with acting_by(config):
            refuse_ids(guard, config)
        sought = Sought(guard, named)
        return _each(self, inner(self, config, **sought.named), sought)

    return listed


def _alist(inner: Callable[..., Any]) -> Callable[..., Any]:
    def listed(self: Any, config: Any, **named: Any) -> Any:
        guard = cast("Guard", guard_of(self))
        with acting_by(config):
            refuse_ids(guard, config)
        sought = Sought(guard, named)
        return _aeach(self, inner(self, config, **sought.named), sought)

    return listed


def _each(self: Any, found: Iterator[Any], sought: Sought) -> Iterator[Any]:
    for saved in found:
        if sought.complete:
            return
        if sought.fits(opened := _open(self, saved)):
            yield opened


async def _aeach(
    self: Any, found: AsyncIterator[Any], sought: Sought
) -> AsyncIterator[Any]:
    async for saved in found:
        if sought.complete:
            return
        if sought.fits(opened := _open(self, saved)):
            yield opened


def _copy_thread(inner: Callable[..., Any]) -> Callable[..., Any]:
    def copy_thread(self: Any, source_thread_id: str, target_thread_id: str) -> Any:
        guard = cast("Guard", guard_of(self))
        refuse_each(guard, [("the thread_id", target_thread_id)])
        return inner(self, source_thread_id, target_thread_id)

    return copy_thread


#: Reading is refused too, since some savers make a row of the id they are asked for.
_WRAPPERS = {
    "put": _put,
    "aput": _aput,
    "put_writes": _put_writes,
    "aput_writes": _aput_writes,
    "get_tuple": _get_tuple,
    "aget_tuple": _aget_tuple,
    "list": _list,
    "alist": _alist,
    "copy_thread": _copy_thread,
    "acopy_thread": _copy_thread,
}


@lru_cache(maxsize=64)
def _guarded_class(cls: type[BaseCheckpointSaver[Any]]) -> type:
    """Make the subclass; it overrides no method that the saver does not have."""
    body: dict[str, Any] = {"__module__": cls.__module__}
    for method, wrapper in _WRAPPERS.items():
        if compat.implements(cls, method):
            inner = getattr(cls, method)
            body[method] = wraps(inner)(wrapper(inner))
    return type(cls.__name__, (cls,), body)
