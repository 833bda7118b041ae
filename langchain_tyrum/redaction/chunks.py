"""Redaction of streamed messages: one hold-back stream per message and part.

A credential that a model spells over two chunks is in neither of them. So every
part that grows (text, reasoning, the arguments of one tool call ...) runs through
its own `RedactionStream`; what it holds back comes out with a later chunk, and
what is left comes out with the last one. Nothing here knows a framework: a chunk
is what names its class so and is rebuilt by that class.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.chunk_items import APART, place
from langchain_tyrum.redaction.chunk_parts import HELD, PartStreams

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.chunk_parts import Names, Path

__all__ = ["EventStreamGuard", "InfoStream", "MessageStreamGuard", "PartStreams"]

#: Fields that are merged chunk by chunk: any string in them may grow.
_STREAMED = frozenset(
    {
        *("content", "tool_call_chunks", "additional_kwargs", "response_metadata"),
        "artifact",
    }
)
_KEPT = frozenset({"type", "chunk_position"})
_HOLLOW = frozenset({str, list, dict})
_DERIVED = ("tool_calls", "invalid_tool_calls")
_MAX_OPEN = 512
_MAX_ENDED = 64


class MessageStreamGuard:
    """Redacts a stream of message chunks, also of several messages interleaved.

    Feed it every chunk in order, also those that come after the one that says it is
    the last. A whole message is redacted as it is. If the stream may break off before
    its last chunk, `flush` gives what was held back; without it that tail is lost,
    never shown.

    Args:
        redactor: What to redact with.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._open: OrderedDict[Hashable, tuple[PartStreams, Any]] = OrderedDict()
        self._ended: OrderedDict[Hashable, PartStreams] = OrderedDict()

    def __repr__(self) -> str:
        return f"MessageStreamGuard(open={len(self._open)})"

    def feed(self, message: Any, *, key: Hashable = None) -> Any:
        """Return the chunk as it may be shown now.

        Args:
            message: A message chunk, or a whole message.
            key: What tells its message from others. The message's id when None;
                where one stream carries one message, pass a constant, since some
                providers name the id in the first chunk only.

        Returns:
            A rebuilt chunk of the same class; the same object when it is a whole
            message and clean.
        """
        if not type(message).__name__.endswith("Chunk"):
            return self._redactor.redact(message)
        key = message.id if key is None else key
        parts = self._parts(key, message)
        fields = _fields(message)
        clean = {
            name: self._field(parts, name, value) for name, value in fields.items()
        }
        if fields.get("chunk_position") == "last":
            self._end(key)
            _put_tails(clean, parts.drain())
            return _rebuild(type(message), clean)
        return _changed(message, fields, clean)

    def flush(self) -> list[Any]:
        """Close all open messages; return one more chunk for each that held text."""
        chunks = [_tail_chunk(*self._end(key)) for key in list(self._open)]
        return [chunk for chunk in chunks if chunk is not None]

    def _parts(self, key: Hashable, message: Any) -> PartStreams:
        parts = self._ended.pop(key, None)
        if key in self._open:
            parts, _ = self._open.pop(key)
        parts = parts or PartStreams(self._redactor)
        self._open[key] = (parts, message)
        if len(self._open) > _MAX_OPEN:
            self._open.popitem(last=False)
        return parts

    def _end(self, key: Hashable) -> tuple[PartStreams, Any]:
        """Close a message; a few are kept: some go on after their last chunk."""
        parts, message = self._open.pop(key)
        self._ended[key] = parts
        if len(self._ended) > _MAX_ENDED:
            self._ended.popitem(last=False)
        return parts, message

    def _field(self, parts: PartStreams, name: str, value: Any) -> Any:
        if value is None or (not value and type(value) in _HOLLOW):
            return parts.named(value) if name == "name" else value
        if name in _STREAMED:
            clean = parts.walk(value, (("key", name),))
            if clean is HELD:
                return {}
            return parts.whole(clean) if name == "response_metadata" else clean
        if name == "name":
            return parts.named(value)
        if name == "id":
            return parts.identified(value)
        return value if name in _KEPT else parts.whole(value)


class InfoStream:
    """Redacts what stands beside the chunks of one message, as `generation_info`.

    It is joined chunk by chunk like the fields of the message.

    Args:
        redactor: What to redact with.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._parts = PartStreams(redactor)

    def feed(self, info: Any, *, last: bool = False) -> Any:
        """Return what may be shown now; all that is left when nothing follows."""
        clean = self._parts.walk(info, (("key", "generation_info"),)) if info else info
        clean = {} if clean is HELD else clean
        return self._with_rest(clean) if last else clean

    def flush(self) -> dict[str, Any]:
        """Return what was held back."""
        rest: dict[str, Any] = self._with_rest({})
        return rest

    def _with_rest(self, info: Any) -> Any:
        fields = {"generation_info": info}
        _put_tails(fields, self._parts.drain())
        return fields["generation_info"]


class EventStreamGuard:
    """Redacts the events of one protocol stream (`stream_events(version="v3")`).

    Only `content-block-delta` grows; what it holds back comes as one more delta
    before the block finishes.

    Args:
        redactor: What to redact with.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._parts = PartStreams(redactor)

    def feed(self, event: Any) -> list[Any]:
        """Return the events that may be shown in place of this one."""
        kind = event.get("event") if isinstance(event, dict) else None
        if kind == "content-block-delta":
            delta = self._delta(event)
            return [] if delta is HELD else [{**event, "delta": delta}]
        if kind == "content-block-finish":
            return [*self._tails(event), self._redactor.redact(event)]
        if kind in ("message-finish", "error"):
            return [*self._tails(None), self._redactor.redact(event)]
        return [self._redactor.redact(event)]

    def _delta(self, event: dict[str, Any]) -> Any:
        delta = event.get("delta")
        if not isinstance(delta, dict) or delta.get("type") == "block-delta":
            return self._redactor.redact(delta)
        return self._parts.walk(delta, (("item", event.get("index")),))

    def _tails(self, event: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
        prefix: Path = () if event is None else (("item", event.get("index")),)
        for path, names, tail in self._parts.drain(prefix):
            yield {
                "event": "content-block-delta",
                "index": path[0][1],
                "delta": _grafted(None, path[1:], names, tail) if path[1:] else tail,
            }


def _fields(message: Any) -> dict[str, Any]:
    fields = {name: getattr(message, name) for name in type(message).model_fields}
    fields.update(message.model_extra or {})
    if fields.get("tool_call_chunks"):
        for name in _DERIVED:
            fields.pop(name, None)
    return fields


def _changed(message: Any, fields: dict[str, Any], clean: dict[str, Any]) -> Any:
    """Copy a chunk with what changed; built anew where it may hold more than that."""
    plain = (
        isinstance(fields.get("content"), str)
        and not fields.get("tool_call_chunks")
        and message.__pydantic_private__ is None
        and message.__dict__.keys() <= type(message).model_fields.keys()
    )
    if not plain:
        return _rebuild(type(message), clean)
    changed = {name: item for name, item in clean.items() if item is not fields[name]}
    return message.model_copy(update=changed)


def _rebuild(kind: type[Any], fields: dict[str, Any]) -> Any:
    # The constructor derives tool_calls anew; a model_copy would keep the raw ones.
    return kind(**{name: value for name, value in fields.items() if value is not None})


def _tail_chunk(parts: PartStreams, last: Any) -> Any:
    tails = list(parts.drain())
    if not tails:
        return None
    fields = _blank_fields(last)
    fields.update(id=last.id)
    _put_tails(fields, iter(tails))
    return _rebuild(type(last), fields)


def blank(message: Any) -> Any:
    """Return an empty chunk of the kind of another."""
    return type(message)(**_blank_fields(message))


def _blank_fields(message: Any) -> dict[str, Any]:
    fields = {
        name: getattr(message, name)
        for name, field in type(message).model_fields.items()
        if field.is_required()
    }
    content: Any = [] if isinstance(message.content, list) else ""
    return {**fields, "content": content}


def _put_tails(
    fields: dict[str, Any], tails: Iterator[tuple[Path, Names, Any]]
) -> None:
    """Append each tail to its part, in the shape in which chunks are merged."""
    for path, names, tail in tails:
        name = str(path[0][1])
        current = fields.get(name)
        if len(path) > 1:
            fields[name] = _grafted(current, path[1:], names, tail)
        elif isinstance(tail, dict):
            fields[name] = tail[name] if name == "name" else {**(current or {}), **tail}
        elif isinstance(current, list):
            fields[name] = [*current, {"type": "text", "text": tail}]
        else:
            fields[name] = (current or "") + tail


def _grafted(current: Any, path: Path, names: Names, tail: Any) -> Any:
    (kind, key), rest = path[0], path[1:]
    if kind == "item":
        items = list(current) if isinstance(current, list) else []
        places = [place(item) for item in items]
        if not rest:
            return [*items, tail]
        if (
            key != APART
            and key in places
            and isinstance(items[places.index(key)], dict)
        ):
            at = places.index(key)
            items[at] = _grafted(items[at], rest, names, tail)
            return items
        return [*items, _grafted(None, rest, names, tail)]
    fields = dict(current) if isinstance(current, dict) else dict(names[0])
    old = fields.get(str(key))
    if rest:
        fields[str(key)] = _grafted(old, rest, names[1:], tail)
    elif isinstance(tail, dict):
        fields[str(key)] = {**(old or {}), **tail}
    else:
        fields[str(key)] = (old or "") + tail
    return fields
