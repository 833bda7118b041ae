"""Taps: handlers that a stream of results flows through.

LangChain sends a run's output *through* such a handler. The handler is shown
redacted chunks; the application goes on with the ones it produced.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.chunks import MessageStreamGuard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from langchain_tyrum.redaction import RedactionStream, Redactor


class _Shown:
    """Pairs what the handler is shown with what it stands for."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._messages = MessageStreamGuard(redactor)
        self._text: RedactionStream | None = None
        self._pairs: deque[tuple[Any, Any]] = deque()

    def show(self, chunk: Any) -> Any:
        shown = self._clean(chunk)
        self._pairs.append((shown, chunk))
        return shown

    def tails(self) -> list[Any]:
        text = self._text.close() if self._text else ""
        return [*([text] if text else []), *self._messages.flush()]

    def original(self, shown: Any) -> tuple[bool, Any]:
        for at, (each, chunk) in enumerate(self._pairs):
            if each is shown or (isinstance(each, str) and each == shown):
                for _ in range(at + 1):
                    self._pairs.popleft()
                return True, chunk
        return False, None

    def _clean(self, chunk: Any) -> Any:
        if isinstance(chunk, str):
            self._text = self._text or self._redactor.stream()
            return self._text.feed(chunk)
        return self._messages.feed(chunk, key="run")


def tapped(
    redactor: Redactor, tap: Callable[..., Iterator[Any]], *args: Any, **kwargs: Any
) -> Iterator[Any]:
    """Run a tap over redacted chunks and yield the ones it was not shown."""
    shown = _Shown(redactor)
    output, args, kwargs = _output(args, kwargs)

    def feed() -> Iterator[Any]:
        for chunk in output:
            yield shown.show(chunk)
        yield from shown.tails()

    for chunk in tap(*args, feed(), **kwargs):
        known, original = shown.original(chunk)
        if known:
            yield original


async def atapped(
    redactor: Redactor,
    tap: Callable[..., AsyncIterator[Any]],
    *args: Any,
    **kwargs: Any,
) -> AsyncIterator[Any]:
    """Do what `tapped` does, for an async stream."""
    shown = _Shown(redactor)
    output, args, kwargs = _output(args, kwargs)

    async def feed() -> AsyncIterator[Any]:
        async for chunk in output:
            yield shown.show(chunk)
        for tail in shown.tails():
            yield tail

    fed = feed()
    source = tap(*args, fed, **kwargs)
    try:
        async for chunk in source:
            known, original = shown.original(chunk)
            if known:
                yield original
    finally:
        for each in (source, fed):
            if hasattr(each, "aclose"):
                await each.aclose()


def _output(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    if "output" in kwargs:
        run_id = args or (kwargs["run_id"],)
        return kwargs["output"], run_id, {}
    return args[-1], args[:-1], kwargs
