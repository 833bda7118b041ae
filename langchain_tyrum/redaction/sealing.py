"""Sealing and unsealing objects: the walks that put sealed markers in and out."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any
from uuid import UUID

from langchain_tyrum.redaction.lazy import lazy
from langchain_tyrum.redaction.markers import NAMELESS, SEALED_BYTES, SEALED_HEAD
from langchain_tyrum.redaction.seals import written
from langchain_tyrum.redaction.walk import Step, walk
from langchain_tyrum.redaction.walk.blocks import joined_text, text_of, texts_at
from langchain_tyrum.redaction.walk.containers import emptied
from langchain_tyrum.redaction.walk.kinds import kind_of
from langchain_tyrum.redaction.walk.machine import Kind
from langchain_tyrum.redaction.walk.numerals import may_be_numbers, numeral

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_tyrum.redaction.seals import Seals
    from langchain_tyrum.redaction.text import TextGuard
    from langchain_tyrum.redaction.walk.machine import Frame, Steps

    Path = Callable[[], str]
    #: Opens the body of a sealed marker; None when it is none of its own.
    Opener = Callable[[bytes], Any]

_HEAD = SEALED_HEAD.decode()
#: Stands in a step's `under`: seal all of this text, whatever is in it.
_WHOLE = "\x00whole"


class Sealing:
    """Seals what is found in the strings of an object.

    Args:
        guard: Finds somebody else's values; the caller's own are markers already.
        seals: The caller's.
    """

    def __init__(self, guard: TextGuard, seals: Seals) -> None:
        self._guard = guard
        self._seals = seals

    @lazy
    def numbers(self) -> bool:
        """Whether a number may be a value."""
        return may_be_numbers(self._guard.registry)

    def text(self, text: str, step: Step, path: Path) -> str:
        """Seal what is found in a string; the same object when nothing is."""
        del path
        data = text.encode("utf-8", "surrogatepass")
        whole = step.under == _WHOLE
        sealed = self._seals.seal(data) if whole else self._sealed(data)
        return text if sealed is data else sealed.decode("utf-8", "surrogatepass")

    def data(self, data: bytes, step: Step, path: Path) -> bytes:
        """Seal a byte string as a whole: nothing is cut out of packed bytes."""
        del step, path
        return self._seals.seal(data) if self._finds(data) else data

    def number(self, obj: Any) -> Any:
        """Seal a number or the like that is a value, so that it is one again."""
        if not self._finds(_shown(obj)):
            return obj
        text = written(obj).encode("utf-8", "surrogatepass")
        return self._seals.seal(text, of=type(obj)).decode()

    def withhold(self, obj: Any, path: Path) -> Any:
        """Put a nameless marker in place of an object."""
        del obj, path
        return NAMELESS

    def knows(self, obj: Any) -> bool:
        """Remember nothing."""
        del obj
        return False

    def _finds(self, data: bytes) -> bool:
        return bool(self._guard.spans(data, shapes=False))

    def _sealed(self, data: bytes) -> bytes:
        spans = self._guard.spans(data, shapes=False)
        if not spans:
            return data
        guard = self._guard
        spans = guard.with_neighbors(data, spans, shapes=guard.mode == "redact")
        sealed = guard.splice(data, spans, seal=self._seals.seal)
        return self._seals.seal(data) if self._finds(sealed) else sealed


class Unsealing:
    """Puts back what sealed markers hold, and `[REDACTED]` where they do not open.

    Attributes:
        opened: A sealed marker was.
        denied: One did not open: it is somebody else's, made up, or damaged.
    """

    numbers = False

    def __init__(self, openers: Sequence[Opener]) -> None:
        self._openers = openers
        self.opened = False
        self.denied = False

    def text(self, text: str, step: Step, path: Path) -> Any:
        """Unseal a string, or the number that all of it is."""
        del step, path
        if _HEAD not in text:
            return text
        data = text.encode("utf-8", "surrogatepass")
        if (seal := SEALED_BYTES.fullmatch(data)) is not None:
            found = self._open(seal[1])
            if not isinstance(found, bytes):
                return found
        return self._unsealed(data).decode("utf-8", "surrogatepass")

    def data(self, data: bytes, step: Step, path: Path) -> bytes:
        """Unseal a byte string."""
        del step, path
        return self._unsealed(data) if SEALED_HEAD in data else data

    def withhold(self, obj: Any, path: Path) -> Any:
        """Let an object be: what was stored has been looked through."""
        del path
        return obj

    def knows(self, obj: Any) -> bool:
        """Remember nothing."""
        del obj
        return False

    def _unsealed(self, data: bytes) -> bytes:
        return SEALED_BYTES.sub(lambda seal: _bytes(self._open(seal[1])), data)

    def _open(self, body: bytes) -> Any:
        for opener in self._openers:
            if (found := opener(body)) is not None:
                self.opened = True
                return found
        self.denied = True
        return NAMELESS.encode()


def seal(obj: Any, guard: TextGuard, seals: Seals) -> Any:
    """Put sealed markers in place of what a guard finds anywhere in an object."""
    return walk(obj, Sealing(guard, seals), _sealed_kind)


def unseal(obj: Any, visitor: Unsealing) -> Any:
    """Put back what sealed markers hold anywhere in an object; itself without any."""
    return walk(obj, visitor, kind_of)


def _shown(obj: Any) -> bytes:
    """Everything that an object of one of the sealed types is written as."""
    if type(obj) is UUID:
        return f"{obj} {obj.hex}".encode()
    if type(obj) is re.Pattern:
        source = written(obj)
        text = f"{source}\n" + re.sub(r"\\(\W)", r"\1", source)
        return text.encode("utf-8", "surrogatepass")
    return numeral(obj).encode()


def _bytes(found: Any) -> bytes:
    return found if isinstance(found, bytes) else str(found).encode()


def _number_leaf(obj: Any, visitor: Any, step: Step, path: Path) -> Any:
    """Seal a number with its type."""
    del step, path
    return visitor.number(obj) if visitor.numbers or type(obj) in _SPELLED else obj


def _walk_list(frame: Frame) -> Steps:
    """Walk a list; blocks of text across which a value is cut stay blocks."""
    obj, field = frame.obj, frame.label.removeprefix(".")
    old = list(obj)
    new = []
    for index, item in enumerate(old):
        new.append((yield Step(item, f"[{index}]")))
    joined = joined_text(new, field)
    if joined and (yield Step(joined)) != joined:
        for index in texts_at(new, field):
            text = yield Step(text_of(old[index]), under=_WHOLE)
            block = new[index]
            new[index] = text if type(block) is str else {**block, "text": text}
    if all(a is b for a, b in zip(old, new, strict=True)):
        return obj
    twin = frame.copy()
    twin.extend(new)
    return twin


_NUMBER = Kind(leaf=_number_leaf)
_LET_BE = Kind()
_SPELLED = frozenset({UUID, re.Pattern, IPv4Address, IPv6Address})
_LIST = Kind(handler=_walk_list, blank=emptied)


def _sealed_kind(cls: type) -> Kind:
    """Tell how objects of a class are walked when they are sealed."""
    if cls is list:
        return _LIST
    if cls in (int, float, Decimal) or cls in _SPELLED:
        return _NUMBER
    if cls in (complex, Fraction):  # no serializer takes one: a value must not differ
        return _LET_BE
    return kind_of(cls)
