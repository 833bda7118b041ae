"""Identifiers of graphs: they stand in code, so they are nobody's secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_tyrum.redaction.redactor import Redactor


def pass_structure(redactor: Redactor, names: Iterable[str]) -> None:
    """Let identifiers of a graph be, in all views: nodes, state keys and the like.

    What users and other tenants registered is not looked for in them, so that nobody
    stops the runs of others by registering the name of a node.

    Args:
        redactor: One of the views.
        names: The identifiers.
    """
    added = {name.encode("utf-8", "surrogatepass") for name in names}
    redactor._registry.structure |= added  # noqa: SLF001


def is_structure(redactor: Redactor, value: str | bytes) -> bool:
    """Tell whether a value is an identifier of a graph, and so no secret."""
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return raw.strip() in redactor._registry.structure  # noqa: SLF001
