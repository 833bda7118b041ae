"""Short texts that were found clean; config, ids and names repeat at each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_tyrum.state.known import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from langchain_tyrum.redaction.registry import Registry

#: Of more than so many nothing is kept.
MOST = 4096
_LONG = 256


def short_of(text: str | bytes) -> Hashable:
    """Return what a text is remembered by: itself, or the fingerprint of a long one."""
    if len(text) <= _LONG:
        return text
    kind = type(text)
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return kind, fingerprint(data)


@dataclass(frozen=True, slots=True)
class CleanTexts:
    """What was found clean since the last registration.

    What was looked at while a value was registered is remembered where nobody looks
    it up again. It needs no lock: when threads meet, at worst one looks twice.

    Attributes:
        who: Returns on whose behalf it was looked at.
        at: Where values are registered, and each one's generation before anything was
            looked at.
        generation: The guard's.
        ids_pass: No value can stand in an id that a framework made up.
        texts: What needs no look.
    """

    who: Callable[[], Any]
    at: tuple[tuple[Registry, int], ...]
    generation: Hashable
    ids_pass: bool
    texts: set[Hashable] = field(default_factory=set)

    def __repr__(self) -> str:
        return f"CleanTexts({len(self.texts)})"
