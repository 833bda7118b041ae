"""What can be told from memory: strings and ids that were searched before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.known import is_known
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.redaction.memo import Fresh

if TYPE_CHECKING:
    from langchain_tyrum.redaction.redactor import Redactor


def are_known(redactor: Redactor, obj: Any) -> bool:
    """Tell whether all strings of plain data are known: nobody's value is in them.

    It never searches. False says nothing.
    """
    collected = Fresh(redactor._guard, None, redactor._parts)  # noqa: SLF001
    return collected.gather(obj) and collected.is_empty


def share_memory(one: Redactor, other: Redactor) -> bool:
    """Tell whether what one redactor found clean is clean for the other."""
    return one._parts is other._parts  # noqa: SLF001


def are_clean_ids(redactor: Redactor, ids: list[str]) -> bool:
    """Look for values in ids that a framework made up: those are no shapes.

    Args:
        redactor: Through whose eyes.
        ids: The ids; each is searched once, whoever asks.
    """
    generation = redactor.generation
    clean = redactor._parts.ids(generation)  # noqa: SLF001
    fresh = [each for each in ids if each not in clean]
    if not fresh:
        return True
    data = "\n".join(fresh).encode("utf-8", "surrogatepass")
    if SEALED_HEAD in data:
        return False
    if is_known(data, redactor._guard.registry):  # noqa: SLF001
        return not redactor.contains(data)
    clean.update(fresh)
    return True
