"""Numbers, as the text that they are written as: a value may be one.

One of fewer than six digits never counts as one, though its text does: such numbers
count, index and time things, and a marker in place of one breaks what is guarded.
"""

from __future__ import annotations

import decimal
import re
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Protocol

    class _Tier(Protocol):
        @property
        def forms(self) -> Collection[bytes]: ...

    class _Registry(Protocol):
        @property
        def generation(self) -> int: ...

        def __len__(self) -> int: ...

        def tiers(self) -> Sequence[Any]: ...


_NUMERAL = re.compile(rb"[-+]?(?:[0-9][0-9.]{4,}[0-9]|[0-9][0-9.]*[eE][-+]?[0-9]+)")
_WIDEST = 1e30
#: Tiers do not change, so each of them is read once.
_TIERS: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
_REGISTRIES: weakref.WeakKeyDictionary[Any, tuple[int, bool]] = (
    weakref.WeakKeyDictionary()
)


def may_be_numbers(registry: _Registry) -> bool:
    """Tell whether any registered value is written as a number.

    Most are not, and then a number needs no look.
    """
    generation = registry.generation
    at, found = _REGISTRIES.get(registry, (-1, False))
    if at != generation:
        found = any(_has_numeral(tier) for tier in registry.tiers())
        _REGISTRIES[registry] = generation, found
    return found


def _has_numeral(tier: _Tier) -> bool:
    found = _TIERS.get(tier)
    if found is None:
        found = any(map(_NUMERAL.fullmatch, tier.forms))
        _TIERS[tier] = found
    return found


def numeral(number: Any) -> str:
    """Write a number out, in each way in which it is written: one on a line."""
    text = str(number)
    if type(number) is not float or "e" not in text:
        return text
    ways = [text, text.replace("e+", "e"), text.replace("e", "E")]
    ways.append(ways[1].replace("e", "E"))
    if abs(number) < _WIDEST:
        ways.append(format(decimal.Decimal(text), "f"))
    return "\n".join(dict.fromkeys(ways))
