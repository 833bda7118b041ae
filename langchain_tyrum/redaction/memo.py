"""The memo of one run: messages that were clean when last looked at."""

from __future__ import annotations

from typing import Any

_MOST = 20_000
_DEEPEST = 6
_PLAIN = (type(None), bool, int, float)

#: What a message was made of: the ids of its strings and the shape around them.
Print = tuple[Any, ...]


class Memo:
    """Remembers clean messages by identity and by what they are made of.

    A message can be edited in place, so its id alone proves nothing. The ids of its
    strings do: strings cannot change, and they are kept, so that no other string is
    given the id of a freed one. New registrations forget everything.
    """

    def __init__(self) -> None:
        self._clean: dict[int, tuple[Any, Print, list[Any]]] = {}
        self._generation = -1

    def __len__(self) -> int:
        return len(self._clean)

    def knows(self, message: Any, generation: int) -> bool:
        """Tell whether this very message, unchanged, was clean."""
        if generation != self._generation:
            self._clean.clear()
            self._generation = generation
            return False
        entry = self._clean.get(id(message))
        if entry is None or entry[0] is not message:
            return False
        made_of = _print_of(message, [])
        return made_of is not None and made_of == entry[1]

    def remember(self, messages: list[Any], generation: int) -> None:
        """Note messages that were just found clean."""
        if generation != self._generation:
            return
        if len(self._clean) + len(messages) > _MOST:
            self._clean.clear()
        for message in messages:
            kept: list[Any] = []
            made_of = _print_of(message, kept)
            if made_of is not None:
                self._clean[id(message)] = (message, made_of, kept)


def _print_of(message: Any, kept: list[Any]) -> Print | None:
    """Return what a message is made of; None when it holds more than plain data."""
    parts: list[Any] = []
    state = message.__dict__
    extra = getattr(message, "__pydantic_extra__", None)
    private = getattr(message, "__pydantic_private__", None)
    for part in (state, extra, private):
        if not _collect(part, parts, kept, _DEEPEST):
            return None
    return tuple(parts)


def _collect(part: Any, parts: list[Any], kept: list[Any], depth: int) -> bool:
    cls = type(part)
    if cls is str or cls is bytes:
        parts.append(id(part))
        kept.append(part)
    elif cls in _PLAIN:
        parts.append(part)
    elif depth == 0:
        return False
    elif cls is dict:
        parts.append(len(part))
        return all(
            _collect(each, parts, kept, depth - 1)
            for item in part.items()
            for each in item
        )
    elif cls is list or cls is tuple:
        parts.append(-len(part) - 1)
        return all(_collect(each, parts, kept, depth - 1) for each in part)
    else:
        return False
    return True
