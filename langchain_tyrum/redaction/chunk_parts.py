"""The growing parts of one streamed message: where they are, and what they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from langchain_tyrum.redaction.markers import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from langchain_tyrum.redaction import Redactor

Path = tuple[tuple[str, "Hashable"], ...]
#: Beside a path: what names each dict on the way, so that a tail finds its place.
Names = tuple[dict[str, Any], ...]

#: Fields that are text piece by piece, also in blocks that no index joins.
_GROWING = frozenset(
    {
        *("args", "arguments", "code", "content", "data", "input", "output"),
        *("partial_json", "reasoning", "reasoning_content", "refusal", "text"),
        *("thinking", "transcript"),
    }
)
#: Fields that tell parts apart or are repeated: they come whole.
_NAMING = frozenset({"type", "id", "index", "name", "model_provider", "output_version"})
#: Fields that say something about the message.
_ABOUT = frozenset({"response_metadata", "artifact"})
#: What may be a whole value, such as a reason or the name of a model.
_WORD = re.compile(r"[\w.:/+=-]{4,}")
_AHEAD = 3
_AHEAD_OF_SHORT = 1
_LONG = 1 << 14
_EDGE = 1 << 12
_MOST_HELD = 256
_MOST_KNOWN = 512
_SHORT = 256


class _Stream(Protocol):
    @property
    def has_short(self) -> bool: ...

    def feed(self, chunk: str) -> str: ...

    def close(self) -> str: ...


class PartStreams:
    """The hold-back streams of one message, keyed by the path of the part."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._open: dict[Path, tuple[_Part, Names]] = {}
        self._whole: set[str | int] = set()
        self._generation = -1

    def walk(self, value: Any, path: Path, names: Names = ()) -> Any:
        """Return `value` with growing parts held back and all else redacted."""
        if isinstance(value, str):
            return self._text(value, path, names)
        if isinstance(value, dict):
            named = (*names, {key: self.whole(item) for key, item in _name(value)})
            clean = {}
            for key, item in value.items():
                shown = self.whole(key)
                clean[shown] = self.walk(item, (*path, ("key", shown)), named)
            return clean
        if isinstance(value, list):
            return [
                self.walk(item, (*path, ("item", place(item, at))), names)
                for at, item in enumerate(value)
            ]
        return self.whole(value)

    def whole(self, value: Any) -> Any:
        """Redact what comes whole; each chunk repeats most of it, and it is clean."""
        if value is None or (isinstance(value, dict | list | str) and not value):
            return value
        if type(value) not in (str, int):
            return self._redactor.redact(value)
        if self._generation != self._redactor.generation:
            self._whole = set()
            self._generation = self._redactor.generation
        if value in self._whole:
            return value
        clean = self._redactor.redact(value)
        if clean is value and (isinstance(value, int) or len(value) <= _SHORT):
            if len(self._whole) >= _MOST_KNOWN:
                self._whole = set()
            self._whole.add(value)
        return clean

    def drain(self, prefix: Path = ()) -> Iterator[tuple[Path, Names, str]]:
        """Close the streams under a path and yield what they still held."""
        for path in [path for path in self._open if path[: len(prefix)] == prefix]:
            part, names = self._open.pop(path)
            if tail := part.close():
                yield path, names, tail

    def _text(self, text: str, path: Path, names: Names) -> str:
        key = path[-1][1]
        plain = _is_text(path)
        if not plain and (not text or key in _NAMING or _is_apart(path)):
            clean: str = self.whole(text)
            return clean
        if path not in self._open:
            part = _Part(self._redactor, self.whole)
            self._open[path] = (part, names)
        part = self._open[path][0]
        return part.stream.feed(text) if plain else part.feed(text)


class _Part:
    """A field of which nobody knows whether it grows or comes whole.

    It is held back like text. But what may well be whole is shown whole: up to a few
    letters that may begin a value, or the marker of a value that may yet go on. They
    are remembered, so that they do not come out again.
    """

    def __init__(self, redactor: Redactor, whole: Callable[[str], str]) -> None:
        self._redactor = redactor
        self._whole = whole
        self.stream: _Stream = redactor.stream()
        # what is held and was shown already
        self._ahead = ""
        # what is held; None when it is not known
        self._held: str | None = ""
        self._is_new = True

    def feed(self, text: str) -> str:
        """Take a piece and return what may be shown now."""
        if len(text) > _LONG and self._whole(text) == text:
            inner = len(text) - _EDGE
            shown = self._fed(text[:_EDGE]) + self.close() + text[_EDGE:inner]
            self.stream = self._redactor.stream()
            self._ahead, self._held = "", ""
            return shown + self._fed(text[inner:])
        return self._fed(text)

    def close(self) -> str:
        """Return what is left to show."""
        return self._behind(self.stream.close())

    def _fed(self, text: str) -> str:
        out = self.stream.feed(text)
        is_new, self._is_new = self._is_new, False
        held = None if self._held is None else self._held + text
        if held is not None:
            held = held[len(out) :] if held.startswith(out) else None
        shown = self._behind(out)
        if held is None or len(held) > _MOST_HELD:
            self._held = None
        else:
            self._held = held
            most = _AHEAD_OF_SHORT if self.stream.has_short else _AHEAD
            if len(held) <= min(most, len(text) - 1) and _WORD.fullmatch(text):
                shown, self._ahead = shown + held[len(self._ahead) :], held
        if is_new and not self._ahead:
            clean = self._whole(text)
            rest = clean[len(out) :]
            if clean.startswith(out) and MARKER.fullmatch(rest):
                shown, self._ahead, self._held = clean, rest, None
        return shown

    def _behind(self, out: str) -> str:
        """Leave out what was shown ahead."""
        ahead, same = self._ahead, 0
        if not out or not ahead:
            return out
        while same < min(len(ahead), len(out)) and ahead[same] == out[same]:
            same += 1
        if ahead.startswith("[") and same < len(ahead):
            same = 0
        self._ahead = ahead[same:] if same == len(out) else ""
        return out[same:]


def place(item: Any, at: int) -> Hashable:
    """Return what an item of a list is known by in the next chunk."""
    index = item.get("index") if isinstance(item, dict) else None
    return index if isinstance(index, int | str) else f"#{at}"


def _is_text(path: Path) -> bool:
    """Tell whether a part is text for sure, so that nothing is shown ahead."""
    root, (kind, key) = path[0][1], path[-1]
    if kind == "item":
        return root == "content"
    return key in _GROWING and root not in _ABOUT


def _is_apart(path: Path) -> bool:
    # Items without an index are appended, not joined: each comes whole.
    return any(
        kind == "item" and isinstance(key, str) and key.startswith("#")
        for kind, key in path
    )


def _name(item: dict[str, Any]) -> list[tuple[str, Any]]:
    # An id is named once, by the first chunk; only a block without index repeats it.
    keys = ("type", "index") if item.get("index") is not None else ("type", "id")
    return [(key, item[key]) for key in keys if item.get(key) is not None]
