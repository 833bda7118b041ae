"""The ways to run a graph: every method, every stream mode, sync and async."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

#: Every mode of `stream`.
MODES = [
    "values",
    "updates",
    "messages",
    "custom",
    "tasks",
    "debug",
    "checkpoints",
    "tools",
]


@dataclass(frozen=True)
class Way:
    """One way to run a graph.

    Attributes:
        name: What reports call it.
        run: Runs a graph on an input and yields what the caller gets: a surface and
            a part. Async ways yield asynchronously.
        is_async: Which of both.
    """

    name: str
    run: Callable[..., Any]
    is_async: bool = False


def _stream(
    graph: Any, given: Any, config: Any, version: str = "v1", **options: Any
) -> Iterator[tuple[str, Any]]:
    for part in graph.stream(
        given, config, stream_mode=MODES, subgraphs=True, version=version, **options
    ):
        yield _named(part), part


def _stream_v2(
    graph: Any, given: Any, config: Any, **options: Any
) -> Iterator[tuple[str, Any]]:
    yield from _stream(graph, given, config, version="v2", **options)


def _invoke(
    graph: Any, given: Any, config: Any, **options: Any
) -> Iterator[tuple[str, Any]]:
    yield "result", graph.invoke(given, config, **options)


def _batch(
    graph: Any, given: Any, config: Any, **options: Any
) -> Iterator[tuple[str, Any]]:
    yield "result", graph.batch([given], config, **options)


def _events_v3(
    graph: Any, given: Any, config: Any, **options: Any
) -> Iterator[tuple[str, Any]]:
    run = graph.stream_events(given, config, version="v3", **options)
    for event in run:
        yield "events v3", event
    yield "result", run.output


async def _astream(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    async for part in graph.astream(
        given, config, stream_mode=MODES, subgraphs=True, **options
    ):
        yield _named(part), part


async def _ainvoke(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    yield "result", await graph.ainvoke(given, config, **options)


async def _abatch(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    yield "result", await graph.abatch([given], config, **options)


async def _aevents_v1(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    async for event in graph.astream_events(given, config, version="v1", **options):
        yield "events v1", event


async def _aevents_v2(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    async for event in graph.astream_events(given, config, version="v2", **options):
        yield "events v2", event


async def _aevents_v3(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    run = await graph.astream_events(given, config, version="v3", **options)
    async for event in run:
        yield "events v3", event
    yield "result", await run.output()


async def _alog(
    graph: Any, given: Any, config: Any, **options: Any
) -> AsyncIterator[tuple[str, Any]]:
    async for patch in graph.astream_log(given, config, **options):
        yield "log patches", patch


def _named(part: Any) -> str:
    mode = part["type"] if isinstance(part, dict) else part[1]
    return f"stream: {mode}"


#: Every way, by name.
WAYS: dict[str, Way] = {
    way.name: way
    for way in (
        Way("stream", _stream),
        Way("stream v2", _stream_v2),
        Way("invoke", _invoke),
        Way("batch", _batch),
        Way("stream_events v3", _events_v3),
        Way("astream", _astream, is_async=True),
        Way("ainvoke", _ainvoke, is_async=True),
        Way("abatch", _abatch, is_async=True),
        Way("astream_events v1", _aevents_v1, is_async=True),
        Way("astream_events v2", _aevents_v2, is_async=True),
        Way("astream_events v3", _aevents_v3, is_async=True),
        Way("astream_log", _alog, is_async=True),
    )
}
