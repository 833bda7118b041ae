"""Remembers which parts of the state were clean, so that only new ones are walked."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.state.witness import witnesses

if TYPE_CHECKING:
    from collections.abc import Hashable

    from langchain_tyrum.state.guard import Guard

_SIZE = 256
_WHAT = "a channel of the checkpoint"


class Seen:
    """Witnesses of the elements of the last value of each channel.

    Checkpoints repeat the whole history. Registered values are found in their bytes,
    fast; shapes of credentials only in strings, slowly, so each element is looked at
    once. What a saver returned counts as seen: it stands on disk already.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: OrderedDict[Hashable, tuple[list[Hashable], Any]] = (
            OrderedDict()
        )
        self._single: OrderedDict[Hashable, Any] = OrderedDict()

    def __repr__(self) -> str:
        return f"Seen({len(self._channels)} channels)"

    def trust(self, key: Hashable, value: Any) -> None:
        """Take all elements of a channel's value as seen."""
        if type(value) in (list, dict):
            self._keep(key, *witnesses(_elements(value)))

    def note(self, write: Any) -> None:
        """Take a clean write as seen: its elements come again in the checkpoint."""
        elements = _elements(write) if type(write) in (list, dict) else [write]
        marks, alive = witnesses(elements)
        with self._lock:
            self._single.update(dict.fromkeys(marks, alive))
            while len(self._single) > _SIZE:
                self._single.popitem(last=False)

    def clean(self, guard: Guard, key: Hashable, value: Any) -> Any:
        """Return a channel's value with markers; itself when it is clean.

        Args:
            guard: Looks at what was not seen before.
            key: Names thread, namespace and channel.
            value: The value of the channel.

        Returns:
            The value, or a copy in which the elements concerned are replaced.
        """
        if type(value) is list:
            return self._clean_list(guard, key, value)
        if type(value) is dict:
            return self._clean_dict(guard, key, value)
        return guard.clean(value, _WHAT)

    def _clean_list(self, guard: Guard, key: Hashable, value: list[Any]) -> list[Any]:
        marks, alive = witnesses(value)
        changed = {
            index: clean
            for index in self._fresh(key, marks)
            if (clean := guard.clean(value[index], _WHAT)) is not value[index]
        }
        if not changed:
            self._keep(key, marks, alive)
            return value
        kept = [None if i in changed else mark for i, mark in enumerate(marks)]
        self._keep(key, kept, alive)
        return [changed.get(i, element) for i, element in enumerate(value)]

    def _clean_dict(
        self, guard: Guard, key: Hashable, value: dict[Any, Any]
    ) -> dict[Any, Any]:
        names = list(value)
        marks, alive = witnesses(_elements(value))
        fresh = [names[i % len(names)] for i in self._fresh(key, marks)]
        new = {name: value[name] for name in fresh}
        if guard.clean(new, _WHAT) is not new:
            return guard.clean(value, _WHAT)
        self._keep(key, marks, alive)
        return value

    def _fresh(self, key: Hashable, marks: list[Hashable]) -> list[int]:
        """Return the indexes of the elements that were not seen as they are."""
        with self._lock:
            known, _ = self._channels.get(key, ([], None))
            if marks[: len(known)] == known and None not in known:
                some = range(len(known), len(marks))  # the usual step only appends
            else:
                before = {mark for mark in known if mark is not None}
                some = [i for i, mark in enumerate(marks) if mark not in before]  # type: ignore[assignment]
            return [i for i in some if marks[i] is None or marks[i] not in self._single]

    def _keep(self, key: Hashable, marks: list[Hashable], alive: list[Any]) -> None:
        """Keep witnesses, and what they name by identity, so that it stays alive."""
        with self._lock:
            self._channels[key] = marks, alive
            self._channels.move_to_end(key)
            if len(self._channels) > _SIZE:
                self._channels.popitem(last=False)


def _elements(value: list[Any] | dict[Any, Any]) -> list[Any]:
    return [*value, *value.values()] if isinstance(value, dict) else list(value)
