"""The built-in rows: graphs on fake models that plant a value in every known place."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

from langchain_tyrum.testing.leaks.sources.base import Kit, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Kit", "Source", "all_sources"]

#: Modules with rows, and the package that they need beyond the core.
_MODULES = {
    "values": "langgraph",
    "state": "langgraph",
    "config": "langgraph",
    "failures": "langgraph",
    "nested": "langgraph",
    "streams": "langgraph",
    "tracing": "langsmith",
    "otel": "opentelemetry",
    "agents": "langchain",
    "agent_tools": "langchain",
    "computed": "langgraph",
    "beside": "langchain",
}


def all_sources() -> Sequence[Source]:
    """Every row that can run with what is installed.

    Returns:
        The rows; those of `create_agent` only where `langchain` is there.
    """
    rows: list[Source] = []
    for name, needed in _MODULES.items():
        if find_spec(needed) is not None:
            module = importlib.import_module(f"{__name__}.{name}")
            rows += module.ROWS
    return rows
