"""What a message is made of: its fields, and how to tell that they are the same."""

from __future__ import annotations

from functools import lru_cache
from itertools import compress
from operator import attrgetter, call, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import ormsgpack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DEEPEST = 8
TEXTS = frozenset({str, bytes, type(None)})
NUMBERS = frozenset({int, float, bool})
_COUNTED = frozenset({int})
#: What empty ones are noted as; nobody writes into what was noted.
_EMPTY: dict[type, Any] = {dict: {}, list: [], tuple: ()}
_ATOMS = TEXTS | NUMBERS
#: No count of tokens: the text of such a number, or of its float, is a value rather.
_BIG = 10**7
#: Fields of counts, which are compared at each step: small ones stand as they are.
_COUNTS = frozenset({"usage_metadata", "response_metadata"})
_PLAIN_ONLY = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
extra_of = attrgetter("__pydantic_extra__")
fields_of = attrgetter("__dict__")  # as `vars`, but faster
_numbers, _packed = itemgetter(1), itemgetter(2)


class Made(NamedTuple):
    """What a message held.

    Attributes:
        fields: Its fields, with copies of the containers among them.
        numbers: Gets those of them that hold numbers, if any: `1 == 1.0 == True`, so
            besides being compared they are packed.
        packed: What it got, packed.
        clean_at: The generation of the redactor at which nobody's value was in it; None
            when it was not looked at, or only for one user.
    """

    fields: dict[str, Any]
    numbers: Callable[[dict[str, Any]], Any] | None
    packed: bytes
    clean_at: int | None = None

    def is_of(self, message: Any) -> bool:
        """Tell whether a message holds this, and nothing else."""
        try:
            return self.is_in(fields_of(message)) and not extra_of(message)
        except Exception:  # something that cannot be compared
            return False

    def is_in(self, held: Any) -> bool:
        """Tell whether these fields, of a message or dumped from one, are the same."""
        try:
            if self.fields != held:
                return False
            return self.numbers is None or self.packed == pack(self.numbers(held))
        except Exception:  # something that cannot be compared, or packed
            return False


def made_of(message: Any) -> Made | None:
    """Note what a message holds now; None when that cannot be told."""
    fields, numbers = {}, []
    try:
        if extra_of(message) or message.__pydantic_private__ is not None:
            return None
        for name, each in fields_of(message).items():
            if type(each) in TEXTS:
                fields[name] = each
                continue
            found: set[type] = set()
            fields[name] = _copy(each, _DEEPEST, found, small=name in _COUNTS)
            if found:
                numbers.append(name)
        if not numbers:
            return Made(fields, None, b"")
        getter = _getter(*numbers)
        return Made(fields, getter, pack(getter(fields)))
    except (TypeError, ValueError, AttributeError, RuntimeError):
        return None


def _copy(value: Any, deepest: int, found: set[type], *, small: bool) -> Any:
    """Copy lists, tuples and dicts of plain data.

    Args:
        value: One of those, or a number.
        deepest: How deep they may be.
        found: Takes the types of numbers that equality does not tell.
        small: Whether it tells small integers.

    Raises:
        TypeError: It holds more than that, or is too deep.
    """
    kind = type(value)
    if kind in NUMBERS:
        found.add(kind)
        return value
    if not deepest or kind not in (dict, list, tuple):
        raise TypeError
    if not value:
        return _EMPTY[kind]
    copy = kind(value)  # at once: another thread may write into it
    parts: Any = copy
    seen: set[type] = set()
    if kind is dict:
        parts, seen = copy.values(), set(map(type, copy))
        if not seen <= _ATOMS:
            raise TypeError
    seen.update(map(type, parts))
    numbers = seen & NUMBERS
    if numbers and (not small or numbers != _COUNTED or _is_any_big(copy, parts)):
        found |= numbers
    if seen <= _ATOMS:
        return copy
    if kind is dict:
        return {
            key: each
            if type(each) in _ATOMS
            else _copy(each, deepest - 1, found, small=small)
            for key, each in copy.items()
        }
    return kind(
        [
            each
            if type(each) in _ATOMS
            else _copy(each, deepest - 1, found, small=small)
            for each in copy
        ]
    )


def _is_any_big(keys: Any, parts: Any) -> bool:
    for each in parts:
        if type(each) is int and not -_BIG < each < _BIG:
            return True
    return keys is not parts and not TEXTS.issuperset(map(type, keys))


def pack(data: Any) -> bytes:
    """Pack plain data.

    Raises:
        TypeError: It is more than that.
    """
    return ormsgpack.packb(data, None, _PLAIN_ONLY)


def are_packed(each: Sequence[Made], fields: Sequence[dict[str, Any]]) -> bool:
    """Tell whether messages hold the numbers that they held, and none that equal them.

    Args:
        each: What they held.
        fields: The fields that they have now.

    Raises:
        TypeError: Something cannot be packed.
        KeyError: A field is missing.
    """
    # all at once: a step of Python for each would cost more than all the rest
    getters = list(map(_numbers, each))
    held = list(map(call, filter(None, getters), compress(fields, getters)))
    return pack(held)[_head_of(len(held)) :] == b"".join(map(_packed, each))


def _head_of(count: int) -> int:
    """Return how long the head of a packed list is."""
    return 1 if count < 1 << 4 else 3 if count < 1 << 16 else 5


#: The same object for the same names.
_getter = lru_cache(maxsize=256)(itemgetter)
