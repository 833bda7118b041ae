"""The token events of one run, held back while they may start a credential."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.chunks import (
    InfoStream,
    MessageStreamGuard,
    PartStreams,
    blank,
)

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

    Given = tuple[tuple[Any, ...], dict[str, Any]]


class TokenStream:
    """Guards the `on_llm_new_token` events of one run.

    Token and chunk say the same thing twice, so they come out of one hold-back.

    Args:
        redactor: What to redact with.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._messages = MessageStreamGuard(redactor)
        self._parts = PartStreams(redactor)
        self._info = InfoStream(redactor)
        self._last: dict[str, Any] = {}

    def feed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Given:
        """Return the event as the handler may see it now."""
        named = {
            name: value
            if name in ("run_id", "parent_run_id", "chunk", "token")
            else self._redactor.redact(value)
            for name, value in kwargs.items()
        }
        token = args[0] if args else kwargs.get("token", "")
        chunk = kwargs.get("chunk")
        token, named_chunk = self._pair(token, chunk)
        if "chunk" in kwargs:
            named["chunk"] = named_chunk
        self._last = {**named, "chunk": chunk}
        rest = tuple(self._redactor.redact(each) for each in args[1:])
        if args:
            return (token, *rest), named
        return (), {**named, "token": token}

    def flush(self) -> list[Given]:
        """Return the events for what is still held back, at the end of the run."""
        chunk = self._last.pop("chunk", None)
        named = {name: value for name, value in self._last.items() if name != "token"}
        kind = type(chunk)
        chunks = [kind(message=message) for message in self._messages.flush()]
        events: list[Given] = []
        for _, _, tail in self._parts.drain():
            if chunk is None:
                events.append(((tail,), named))
            elif "message" not in kind.model_fields:
                chunks.append(kind(text=tail))
        if info := self._info.flush():
            chunks = chunks or [_empty(chunk)]
            chunks[-1].generation_info = info
        return [
            *(((_said(each),), {**named, "chunk": each}) for each in chunks),
            *events,
        ]

    def _pair(self, token: Any, chunk: Any) -> tuple[Any, Any]:
        if chunk is None:
            return self._token(token), None
        message = getattr(chunk, "message", None)
        if message is None:
            text = self._token(chunk.text)
            info = self._info.feed(chunk.generation_info)
            clean = type(chunk)(text=text, generation_info=info)
            return (text if token == chunk.text else self._own(token)), clean
        shown = self._messages.feed(message, key="run")
        last = getattr(message, "chunk_position", None) == "last"
        info = self._info.feed(chunk.generation_info, last=last)
        clean = type(chunk)(message=shown, generation_info=info)
        if token is None or token == message.content:
            return shown.content, clean
        if token == chunk.text:
            return clean.text, clean
        return self._own(token), clean

    def _token(self, token: Any) -> Any:
        return self._parts.walk(token, (("key", "text"),))

    def _own(self, token: Any) -> Any:
        # A token that is not the chunk's text: held back by itself.
        return self._parts.walk(token, (("key", "token"), ("key", "text")))


def _empty(chunk: Any) -> Any:
    message = getattr(chunk, "message", None)
    if message is None:
        return type(chunk)(text="")
    return type(chunk)(message=blank(message))


def _said(chunk: Any) -> Any:
    message = getattr(chunk, "message", None)
    return chunk.text if message is None else message.content
