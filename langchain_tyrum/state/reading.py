"""The methods of a guarded saver that read: whoever reads gets what is theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.state.acting import act_again, act_by
from langchain_tyrum.state.config import IDS, ROWS, refuse_ids
from langchain_tyrum.state.opening import Sought, open_tuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from langgraph.checkpoint.base import CheckpointTuple

    from langchain_tyrum.state.guard import Guard


def _refuse(self: Any, config: Any) -> None:
    """Refuse in reading too: some savers make a row of the id they are asked for."""
    guard: Guard = self._tyrum_guard
    refuse_ids(guard, guard.known, (config or {}).get(ROWS) or {}, IDS)


def _open(self: Any, saved: CheckpointTuple | None) -> Any:
    return saved and open_tuple(self._tyrum_guard, saved, type(self))


def _get_tuple(inner: Callable[..., Any]) -> Callable[..., Any]:
    def get_tuple(self: Any, config: Any) -> Any:
        before = act_by(config)
        try:
            _refuse(self, config)
            return _open(self, inner(self, config))
        finally:
            act_again(before)

    return get_tuple


def _aget_tuple(inner: Callable[..., Any]) -> Callable[..., Any]:
    async def aget_tuple(self: Any, config: Any) -> Any:
        before = act_by(config)
        try:
            _refuse(self, config)
            return _open(self, await inner(self, config))
        finally:
            act_again(before)

    return aget_tuple


def _sought(self: Any, config: Any, named: dict[str, Any]) -> Sought:
    before = act_by(config)
    try:
        _refuse(self, config)
    finally:
        act_again(before)
    return Sought(self._tyrum_guard, named)


def _list(inner: Callable[..., Any]) -> Callable[..., Any]:
    def listed(self: Any, config: Any, **named: Any) -> Any:
        sought = _sought(self, config, named)
        return _each(self, inner(self, config, **sought.named), sought)

    return listed


def _alist(inner: Callable[..., Any]) -> Callable[..., Any]:
    def listed(self: Any, config: Any, **named: Any) -> Any:
        sought = _sought(self, config, named)
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


#: Each makes a guarded method of a saver's own.
READING = {
    "get_tuple": _get_tuple,
    "aget_tuple": _aget_tuple,
    "list": _list,
    "alist": _alist,
}
