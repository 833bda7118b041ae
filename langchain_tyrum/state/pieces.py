"""State in pieces: each is serialized by itself, so that only new ones are looked at.

Successive checkpoints repeat most of their pieces. Joined, they are the bytes that
LangGraph's own serializer writes for the whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.messages import BaseMessage

from langchain_tyrum.state.known import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from langchain_tyrum.state.compat import Encoder
    from langchain_tyrum.state.written import Fresh, Written

#: Parts of a checkpoint that hold names, versions and ids only.
_NAMES = frozenset(
    {"v", "ts", "id", "channel_versions", "versions_seen", "updated_channels"}
)
_NUMBERS = (int, float, bool, type(None))
#: How many items of a list are compared at once, how many pairs make one piece: the
#: most that have a head of one byte.
_GROUP = 15
_PAIRS = 15
_DEEPEST = 4
#: No value is so short, nor is a number of so few bytes one.
_SHORTEST = 3
#: Texts beside each other in it are read as one, so they stay in one piece.
_ONE_TEXT = "content"


class Split(ABC):
    """Takes an object apart. What becomes of the pieces, subclasses say."""

    @abstractmethod
    def head(self, count: int, *, is_map: bool) -> None:
        """Begin a list or map."""

    @abstractmethod
    def items(self, items: list[Any]) -> None:
        """Take the items of a list."""

    @abstractmethod
    def pairs(self, pairs: dict[Any, Any], *, names: bool) -> None:
        """Take a few pairs of the map."""

    @abstractmethod
    def one(self, obj: Any) -> None:
        """Take anything else."""

    def add(self, obj: Any, depth: int = _DEEPEST) -> None:
        """Add an object, in as many pieces as are worth it."""
        cls = type(obj)
        if cls is list and obj and depth and type(obj[0]) not in _NUMBERS:
            items = obj.copy()  # another thread may go on appending
            self.head(len(items), is_map=False)
            self.items(items)
        elif cls is dict and obj and depth:
            self._add_dict(obj, depth)
        else:
            self.one(obj)

    def _add_dict(self, mapping: dict[Any, Any], depth: int) -> None:
        everything = list(mapping.items())
        self.head(len(everything), is_map=True)
        is_checkpoint = depth == _DEEPEST and "channel_versions" in mapping
        run: dict[Any, Any] = {}
        names = False
        for key, value in everything:
            named = is_checkpoint and key in _NAMES
            parted = not named and (
                type(value) in (dict, list)
                and value
                and type(key) is str  # others are written otherwise in a map
                and key != _ONE_TEXT
            )
            if run and (parted or named is not names or len(run) == _PAIRS):
                self.pairs(run, names=names)
                run = {}
            names = named
            if parted:
                self.one(key)
                self.add(value, depth - 1)
            else:
                run[key] = value
        if run:
            self.pairs(run, names=names)


class Piece(NamedTuple):
    """A piece: what it is made of, and its bytes as something to decode by itself.

    Of a message also the plain data that its bytes were made of, which is nobody
    else's: it need not be decoded.
    """

    made_of: Any
    whole: bytes
    mark: bytes
    data: Any = None


class Draft(Split):
    """Writes the whole, and notes which pieces nobody has looked at yet.

    Attributes:
        fresh: Those pieces.
        names: The bytes of names and ids, which are new each time.
        marks: Fingerprints of groups that are clean when all pieces are.
        messages: The messages among them that can be known the next time.
    """

    def __init__(
        self, encode: Encoder, known: Container[bytes], written: Written
    ) -> None:
        self._encode = encode.any
        self._encoder = encode
        self._known = known
        self._before = written
        self._out: list[bytes | memoryview] = []
        self.fresh: list[Piece] = []
        self.names: list[bytes] = []
        self.marks: list[bytes] = []
        self.messages: list[Fresh] = []

    def written(self) -> bytes:
        """Return the whole."""
        return b"".join(self._out)

    def head(self, count: int, *, is_map: bool) -> None:
        """Write the head of a list or map."""
        self._out.append(head(count, is_map=is_map))

    def items(self, items: list[Any]) -> None:
        """Write the items of a list; look closer at groups that are not known."""
        if isinstance(items[0], BaseMessage):
            self._history(items)
            return
        write, known = self._out.append, self._known
        for start in range(0, len(items), _GROUP):
            group = items[start : start + _GROUP]
            if len(group) == _GROUP:
                body = memoryview(self._encode(group))[1:]
                if fingerprint(body) in known:
                    write(body)
                    continue
            self._each(group)

    def _history(self, messages: list[Any]) -> None:
        """Write messages; what was written before, as it was."""
        wholes = self._before.of(messages)
        if None in wholes:
            for at, whole in enumerate(wholes):
                if whole is None:
                    fresh = self._before.now(messages[at], self._encoder)
                    self.messages.append(fresh)
                    if not fresh.clean:
                        self._note(fresh.message, fresh.whole, fresh.data)
                    wholes[at] = fresh.whole
        self._out += wholes  # type: ignore[arg-type]

    def _each(self, group: list[Any]) -> None:
        wholes = list(map(self._encode, group))
        for item, whole in zip(group, wholes, strict=True):
            self._note(item, whole)
        body = b"".join(wholes)
        self.marks.append(fingerprint(body))
        self._out.append(body)

    def pairs(self, pairs: dict[Any, Any], *, names: bool) -> None:
        """Write a few pairs."""
        whole = self._encode(pairs)
        self._out.append(memoryview(whole)[1:])
        if names:
            self.names.append(whole)
        else:
            self._note(pairs, whole)

    def one(self, obj: Any) -> None:
        """Write anything else."""
        whole = self._encode(obj)
        self._out.append(whole)
        self._note(obj, whole)

    def _note(self, made_of: Any, whole: bytes, data: Any = None) -> None:
        if len(whole) > _SHORTEST and (mark := fingerprint(whole)) not in self._known:
            self.fresh.append(Piece(made_of, whole, mark, data))


class Repair(Split):
    """Writes the whole with each piece made clean.

    Args:
        clean: Takes what a piece is made of; returns clean bytes of it, as something
            to decode by itself.
    """

    def __init__(self, clean: Callable[[Any], bytes]) -> None:
        self._clean = clean
        self._parts: list[bytes] = []

    def written(self) -> bytes:
        """Return the whole."""
        return b"".join(self._parts)

    def head(self, count: int, *, is_map: bool) -> None:
        """Write the head of a list or map."""
        self._parts.append(head(count, is_map=is_map))

    def items(self, items: list[Any]) -> None:
        """Write the items of a list."""
        self._parts += map(self._clean, items)

    def pairs(self, pairs: dict[Any, Any], *, names: bool) -> None:
        """Write a few pairs; keys that become the same marker are told apart."""
        del names
        self._parts.append(self._clean(pairs)[1:])

    def one(self, obj: Any) -> None:
        """Write anything else."""
        self._parts.append(self._clean(obj))


@lru_cache(maxsize=256)
def head(count: int, *, is_map: bool) -> bytes:
    """Return the head of a msgpack list or map."""
    short, long = (0x80, 0xDE) if is_map else (0x90, 0xDC)
    if count < 1 << 4:
        return bytes([short | count])
    if count < 1 << 16:
        return bytes([long]) + count.to_bytes(2, "big")
    return bytes([long + 1]) + count.to_bytes(4, "big")
