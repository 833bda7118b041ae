"""Going through a generator on somebody's behalf: each step, and its end."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from langchain_tyrum.state import acting
from langchain_tyrum.state.acting import acts_for

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from langchain_tyrum.membrane.runs import Run

_END = object()


def steps(inner: Generator[Any], run: Run) -> Generator[Any]:
    """Go through a generator of LangGraph's.

    Between two steps the caller's own code runs, for whom nothing is set. Closing
    is a step too: a graph that is left early stores what it has.

    Args:
        inner: The generator.
        run: For whom it runs.

    Yields:
        What it yields.
    """
    if acts_for(run.stored):  # `invoke` asks, and no code of the caller's runs between
        with closing(inner):
            yield from inner
        return
    on_behalf = acting(run.stored)
    try:
        while True:
            with on_behalf:
                part = next(inner, _END)
            if part is _END:
                return
            yield part
    finally:
        with on_behalf:
            inner.close()


async def asteps(inner: AsyncGenerator[Any], run: Run) -> AsyncGenerator[Any]:
    """Go through a generator of LangGraph's; the async twin."""
    if acts_for(run.stored):
        async with aclosing(inner):
            async for part in inner:
                yield part
        return
    on_behalf = acting(run.stored)
    try:
        while True:
            with on_behalf:
                part = await anext(inner, _END)
            if part is _END:
                return
            yield part
    finally:
        with on_behalf:
            await inner.aclose()
