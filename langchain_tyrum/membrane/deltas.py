"""Modes of a stream that grow piece by piece: text that may start a value waits.

What is text for sure waits letter by letter. Of a field that may come whole, such as
the reason for which a model stopped, nobody knows whether more follows: a word is shown
at once unless its last letters begin a value; then it comes with the next piece. Ids
are shown as they come, so up to three letters of a value may stand at the end of one.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessageChunk

from langchain_tyrum.redaction.chunks import EventStreamGuard, MessageStreamGuard
from langchain_tyrum.redaction.walk.steady import steady

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from langchain_tyrum.redaction import RedactionStream, Redactor

Namespace = tuple[str, ...]
_Kind = type[MessageStreamGuard] | type[EventStreamGuard]
_CHUNKS, _EVENTS = MessageStreamGuard, EventStreamGuard
_ENDED = {"event": "message-finish"}
_MAX_ENDED = 64


class _Observed:
    """The view of a run for clients: what they get says nothing else later."""

    def __init__(self, view: Redactor) -> None:
        self._view = view

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def redact(self, obj: Any) -> Any:
        """Redact, with stand-ins for what computes its text."""
        return steady(obj, self._view)


@dataclass
class _Call:
    """One model call that streams.

    LangGraph hands the same metadata with each of its chunks, and keeps it while
    the call runs; ids do not tell calls apart, since providers name chunks and
    LangChain the closing one.
    """

    namespace: Namespace
    raw: Any
    metadata: Any
    guard: MessageStreamGuard | EventStreamGuard

    def shown(self, message: Any) -> list[Any]:
        """What may be shown in place of one chunk or event."""
        if isinstance(self.guard, EventStreamGuard):
            return [(event, self.metadata) for event in self.guard.feed(message)]
        return [(self.guard.feed(message, key="call"), self.metadata)]

    def tails(self) -> list[Any]:
        """What still waits of it."""
        if isinstance(self.guard, EventStreamGuard):
            found = self.guard.feed(_ENDED)[:-1]
        else:
            found = self.guard.flush()
        return [(tail, self.metadata) for tail in found]


class MessageDeltas:
    """The `messages` mode: chunks of v1, protocol events of v3."""

    def __init__(self, view: Redactor) -> None:
        self._view: Any = _Observed(view)
        self._calls: dict[Hashable, _Call] = {}
        self._ended: OrderedDict[Hashable, _Call] = OrderedDict()

    def feed(self, namespace: Namespace, data: Any) -> Iterator[Any]:
        """What may be shown in place of one pair of message and metadata."""
        message, raw = data
        if isinstance(message, dict):
            call = self._call((namespace, raw.get("run_id")), namespace, raw, _EVENTS)
            yield from call.shown(message)
            if message.get("event") == "message-finish":
                self._end((namespace, raw.get("run_id")))
            return
        key = (namespace, id(raw))
        growing = isinstance(message, BaseMessageChunk)
        if not growing and key not in self._calls:  # nothing of it can wait
            yield self._view.redact(message), self._view.redact(raw)
            return
        if growing and getattr(message, "chunk_position", "") != "last":
            yield from self._call(key, namespace, raw, _CHUNKS).shown(message)
            return
        call = self._call(key, namespace, raw, _CHUNKS)
        self._end(key)
        shown = call.shown(message)
        yield from call.tails()
        yield from shown

    def rest(self) -> Iterator[tuple[Namespace, Any]]:
        """What waits of messages that their provider broke off."""
        for call in self._calls.values():
            for tail in call.tails():
                yield call.namespace, tail

    def _call(
        self, key: Hashable, namespace: Namespace, raw: Any, kind: _Kind
    ) -> _Call:
        call = self._calls.get(key) or self._ended.pop(key, None)
        if call is None:
            call = _Call(namespace, raw, self._view.redact(raw), kind(self._view))
        self._calls[key] = call
        return call

    def _end(self, key: Hashable) -> None:
        """Keep a few calls that ended: some send more after their last chunk."""
        self._ended[key] = self._calls.pop(key)
        if len(self._ended) > _MAX_ENDED:
            self._ended.popitem(last=False)


class ToolDeltas:
    """The `tools` mode: what a tool shows of its output while it runs."""

    def __init__(self, view: Redactor) -> None:
        self._view: Any = _Observed(view)
        self._open: dict[tuple[Namespace, Any], RedactionStream] = {}

    def feed(self, namespace: Namespace, data: Any) -> Iterator[Any]:
        """What may be shown in place of one event."""
        kind, call_id = data.get("event"), data.get("tool_call_id")
        key = (namespace, call_id)
        if kind == "tool-output-delta" and isinstance(data.get("delta"), str):
            stream = self._open.setdefault(key, self._view.stream())
            around = self._view.redact({**data, "delta": ""})
            yield {**around, "delta": stream.feed(data["delta"])}
            return
        if kind in {"tool-finished", "tool-error"}:
            yield from self._tail(key)
        yield self._view.redact(data)

    def rest(self) -> Iterator[tuple[Namespace, Any]]:
        """What waits of tools that asked somebody, or were broken off."""
        for key in list(self._open):
            for tail in self._tail(key):
                yield key[0], tail

    def _tail(self, key: tuple[Namespace, Any]) -> Iterator[dict[str, Any]]:
        stream = self._open.pop(key, None)
        if stream is not None and (tail := stream.close()):
            head = {"event": "tool-output-delta", "tool_call_id": key[1]}
            yield {**self._view.redact(head), "delta": tail}
