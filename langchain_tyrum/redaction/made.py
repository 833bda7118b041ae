"""What a message is made of: its fields, and how to tell that they are the same."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache, partial
from itertools import compress
from operator import attrgetter, call, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import ormsgpack

if TYPE_CHECKING:
    from collections.abc import Sequence

TEXTS = frozenset({str, bytes, type(None)})
NUMBERS = frozenset({int, float, bool})
#: What empty ones are noted as; nobody writes into what was noted.
_EMPTY: dict[type, Any] = {dict: {}, list: [], tuple: ()}
#: Packs plain data; a TypeError when it is more than that.
pack: Callable[[Any], bytes] = partial(
    ormsgpack.packb,
    option=ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID,
)
extra_of = attrgetter("__pydantic_extra__")
fields_of = attrgetter("__dict__")  # as `vars`, but faster
#: Parts of `Made`.
made_fields, made_others, made_packed = map(itemgetter, range(3))
#: Gets the fields that are no texts.
Others = Callable[[dict[str, Any]], Any]


class Made(NamedTuple):
    """What a message held.

    Attributes:
        fields: Its fields, with copies of the containers among them.
        others: Gets those of them that are no texts, if any: `1 == 1.0 == True`, so
            besides being compared they are packed.
        packed: What it got, packed.
        clean_at: The generation of the redactor at which nobody's value was in it; None
            when it was not looked at, or only for one user.
    """

    fields: dict[str, Any]
    others: Others | None
    packed: bytes
    clean_at: int | None = None

    def renamed(self, name: str) -> Made:
        """Return what the message holds once it was given another id."""
        fields = {**self.fields, "id": name}
        return Made(fields, self.others, self.packed, self.clean_at)

    def found_clean(self, at: int | None) -> Made:
        """Return it as looked at: nobody's value was in it at this generation."""
        return Made(self.fields, self.others, self.packed, at)

    def is_of(self, message: Any) -> bool:
        """Tell whether a message holds this, and nothing else."""
        try:
            return not extra_of(message) and self.is_in(fields_of(message))
        except AttributeError:
            return False

    def is_in(self, held: Any) -> bool:
        """Tell whether these fields, of a message or dumped from one, are the same."""
        try:
            if self.fields != held:
                return False
            return self.others is None or self.packed == pack(self.others(held))
        except Exception:  # something that cannot be compared, or packed
            return False


def made_of(message: Any) -> Made | None:
    """Note what a message holds now; None when that cannot be told."""
    fields, names = {}, []
    try:
        if extra_of(message) or message.__pydantic_private__ is not None:
            return None
        held = fields_of(message)
        for name, each in held.items():
            kind = type(each)
            if kind in TEXTS:
                fields[name] = each
            elif kind in _EMPTY and not each:
                fields[name] = _EMPTY[kind]
            else:
                names.append(name)
        if not names:
            return Made(fields, None, b"")
        getter = _getter(*names)
        packed = pack(getter(held))
        copies = ormsgpack.unpackb(packed, option=ormsgpack.OPT_NON_STR_KEYS)
        fields.update(zip(names, copies if len(names) > 1 else [copies], strict=True))
        made = Made(fields, getter, packed)
        return made if fields == held else _copied(made, held, names)
    except (TypeError, ValueError, AttributeError, RuntimeError):
        return None


def _copied(made: Made, held: dict[str, Any], names: list[str]) -> Made:
    """Take exact copies: a tuple is unpacked as a list."""
    return made._replace(
        fields={**made.fields, **deepcopy({n: held[n] for n in names})}
    )


def are_packed(
    getters: Sequence[Others | None], fields: Sequence[dict[str, Any]], packed: bytes
) -> bool:
    """Tell whether messages hold the data that they held, and none that equals it.

    Args:
        getters: Get the fields of each that were no texts, where any were.
        fields: The fields that they have now.
        packed: What the getters got then, packed and joined.

    Raises:
        TypeError: Something cannot be packed.
        KeyError: A field is missing.
    """
    # all at once: a step of Python for each would cost more than all the rest
    held = list(map(call, filter(None, getters), compress(fields, getters)))
    return pack(held)[_head_of(len(held)) :] == packed


def _head_of(count: int) -> int:
    """Return how long the head of a packed list is."""
    return 1 if count < 1 << 4 else 3 if count < 1 << 16 else 5


#: The same object for the same names.
_getter = lru_cache(maxsize=256)(itemgetter)
