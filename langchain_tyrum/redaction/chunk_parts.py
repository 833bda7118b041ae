"""The growing parts of one streamed message: where they are, and what they hold.

Text waits letter by letter. What has names (a block, a call) waits whole while one of
them may begin a value, and comes with its next piece; so does a field that may come
whole. LangChain merges what is shown to the same message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.chunk_items import (
    APART,
    Items,
    place,
    withheld,
    without_codes,
)
from langchain_tyrum.redaction.chunk_pieces import Lasting, Part
from langchain_tyrum.redaction.chunk_words import Words
from langchain_tyrum.redaction.markers import NAMELESS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from langchain_tyrum.redaction import Redactor

Path = tuple[tuple[str, "Hashable"], ...]
#: Beside a path: the dicts on the way, whose names tell a tail its place.
Names = tuple[dict[str, Any], ...]

#: Stands for what waits whole.
HELD: Any = object()
#: Fields that are text piece by piece, also in blocks that no index joins.
GROWING = frozenset(
    {
        *("args", "arguments", "code", "content", "data", "input", "output"),
        *("partial_json", "reasoning", "reasoning_content", "refusal", "text"),
        *("thinking", "transcript"),
    }
)
#: Fields that tell parts apart or are repeated: they come whole.
_NAMING = frozenset({"type", "id", "index", "name", "model_provider", "output_version"})
_TEXT = ("key", "text")
_ID: Path = (("key", "id"),)
_MOST_NAMED = 1 << 12
#: Fields that say something about the message.
_ABOUT = frozenset({"response_metadata", "generation_info", "artifact"})


class PartStreams:
    """The hold-back streams of one message, keyed by the path of the part."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._words = Words(redactor)
        self.whole = self._words.whole
        self._open: dict[Path, tuple[Lasting, Names]] = {}
        self._waiting: dict[Path, tuple[dict[str, Any], Names]] = {}
        self._lists: dict[Path, tuple[Items, Names]] = {}
        self._named: dict[Path, str] = {}

    def walk(self, value: Any, path: Path, names: Names = ()) -> Any:
        """Return `value` with growing parts held back and all else redacted.

        Returns:
            What may be shown now; `HELD` for a dict that waits whole.
        """
        if isinstance(value, str):
            return self._text(value, path, names)
        if isinstance(value, dict):
            before, _ = self._waiting.pop(path, ({}, ()))
            value = _joined(before, value) if before else value
            if self._waits(value, before, path):
                self._waiting[path] = (value, names)
                return HELD
            return self._dict(value, path, names)
        if isinstance(value, list):
            return self._list(value, path, names)
        return self.whole(value)

    def named(self, name: Any) -> Any:
        """Return the name of a message, as far as it is certain."""
        if name is None and not self._waiting:
            return None
        shown = self.walk({"name": name}, (("key", "name"),))
        return None if shown is HELD else shown["name"]

    def identified(self, ident: Any) -> Any:
        """Return the id of a message; None for one that may begin a value.

        LangChain gives a message that has none an id of its own.
        """
        if type(ident) is not str or not ident or ident in self._words.sure:
            return ident
        if (clean := self.whole(ident)) != ident and self._holds(ident):
            return clean  # other ids only look like credentials
        before = self._named.get(_ID, "")
        if before.endswith(ident):
            return ident
        if not self._words.is_id(ident) or self._holds(before + ident):
            return None
        self._named[_ID] = (before + ident)[-_MOST_NAMED:]
        return ident

    def _holds(self, text: str) -> bool:
        """Tell whether a registered value stands in a text."""
        return bool(self._redactor.contains(text.encode("utf-8", "surrogatepass")))

    def drain(self, prefix: Path = ()) -> Iterator[tuple[Path, Names, Any]]:
        """Close the streams under a path and yield what they still held.

        What comes later is read behind the last of what came before.

        Yields:
            Paths, names, and what belongs there: text, a dict that waited whole, or
            an item to append.
        """
        while paths := _under(self._waiting, prefix):
            value, names = self._waiting.pop(paths[0])
            clean = self._dict(value, paths[0], names)
            yield paths[0], self._cleaned(names), clean
        for path in _under(self._lists, prefix):
            items, names = self._lists[path]
            for item, sure in items.close():
                clean = self._item(item, path, names, sure=sure)
                yield (*path, ("item", APART)), self._cleaned(names), clean
        for path in _under(self._open, prefix):
            part, names = self._open[path]
            if tail := part.close():
                yield path, self._cleaned(names), tail

    def _cleaned(self, names: Names) -> Names:
        return tuple(
            {key: self.whole(item) for key, item in _name(each)} for each in names
        )

    def _dict(self, value: dict[Any, Any], path: Path, names: Names) -> dict[Any, Any]:
        named = (*names, value)
        clean: dict[Any, Any] = {}
        for key, item in value.items():
            shown = self.whole(key)
            if item is None:
                clean[shown] = None
                continue
            became = self.walk(item, (*path, ("key", shown)), named)
            if became is not HELD:
                clean[shown] = became
        return clean

    def _list(self, value: list[Any], path: Path, names: Names) -> list[Any]:
        clean = []
        for item in value:
            inner = (*path, ("item", place(item)))
            grows = isinstance(item, str) and _is_text(inner)
            if grows or not _is_apart(inner) or _is_apart(path):
                became = self.walk(item, inner, names)
                clean += [] if became is HELD else [became]
                continue
            for each, sure in self._items(path, names).feed(item):
                clean.append(self._item(each, path, names, sure=sure))
        return clean

    def _items(self, path: Path, names: Names) -> Items:
        if path not in self._lists:
            texts = GROWING if _is_text((*path, ("item", APART), _TEXT)) else ()
            self._lists[path] = Items(self._redactor, self._words, texts), names
        return self._lists[path][0]

    def _item(self, item: Any, path: Path, names: Names, *, sure: bool) -> Any:
        """Redact an item that is appended to others: nothing joins it to them."""
        if not sure:
            return withheld(item)
        if not isinstance(item, dict):
            return self.whole(item)
        clean = self._dict(item, (*path, ("item", APART)), names)
        return clean if clean == item else without_codes(clean)

    def _waits(self, value: dict[Any, Any], before: dict[Any, Any], path: Path) -> bool:
        """Tell whether a name in a dict may begin a value that its next piece ends.

        A name that only seems to, by a few letters, waits for one piece.
        """
        named = _NAMING & value.keys()
        if not named or _is_apart(path):
            return False
        sure = self._words.sure
        for key in named:
            word = value[key]
            if type(word) is not str or word in sure:
                continue
            if word == self._named.get((*path, ("key", key))):
                continue
            came = word != before.get(key)
            known = self._words.is_sure if came else self._words.is_unlike
            if not known(word):
                return True
        return False

    def _text(self, text: str, path: Path, names: Names) -> str:
        known = self._open.get(path)
        if known is not None:
            return known[0].feed(text)
        plain = _is_text(path)
        if not plain and (not text or _is_apart(path)):
            clean: str = self.whole(text)
            return clean
        if not plain and path[-1][1] in _NAMING:
            return self._name(text, path)
        made = Lasting(self._redactor.stream if plain else self._part)
        self._open[path] = (made, names)
        return made.feed(text)

    def _part(self) -> Part:
        return Part(self._redactor, self._words)

    def _name(self, text: str, path: Path) -> str:
        """Redact a name, also together with what was shown of it before."""
        before = self._named.get(path)
        clean: str = self.whole(text)
        if before == text:
            return clean
        if before is None:
            self._named[path] = text
            return clean
        joined = self._named[path] = before + text
        return clean if self.whole(joined) == joined else NAMELESS


def _joined(left: dict[Any, Any], right: dict[Any, Any]) -> dict[Any, Any]:
    """Put two pieces of a dict together, as LangChain does."""
    joined = dict(left)
    for key, item in right.items():
        old = joined.get(key)
        if old is None:
            joined[key] = item
        elif item is None or (key in _NAMING and item == old):
            continue
        elif isinstance(item, str) and isinstance(old, str):
            joined[key] = old + item
        elif isinstance(item, dict) and isinstance(old, dict):
            joined[key] = _joined(old, item)
        elif isinstance(item, list) and isinstance(old, list):
            joined[key] = [*old, *item]
        else:
            joined[key] = item
    return joined


def _is_text(path: Path) -> bool:
    """Tell whether a part is text for sure, so that it is shown letter by letter."""
    root, (kind, key) = path[0][1], path[-1]
    if kind == "item":
        return root == "content"
    if root == "tool_call_chunks" and _is_apart(path):
        return False  # a call of its own, which nothing joins to others
    return key in GROWING and root not in _ABOUT


def _is_apart(path: Path) -> bool:
    # Items without an index are appended, not joined.
    return any(kind == "item" and key == APART for kind, key in path)


def _under(paths: dict[Path, Any], prefix: Path) -> list[Path]:
    return [path for path in paths if path[: len(prefix)] == prefix]


def _name(item: dict[str, Any]) -> list[tuple[str, Any]]:
    # An id is named once, by the first chunk; only a block without index repeats it.
    keys = ("type", "index") if item.get("index") is not None else ("type", "id")
    return [(key, item[key]) for key in keys if item.get(key) is not None]
