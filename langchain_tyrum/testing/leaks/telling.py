"""Every text that can be got out of an object, by whatever road.

Slower and blunter than the redactor's walk, and no part of it: a hole there cannot
hide a leak from this reader.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import operator
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

#: Objects of these packages are not looked into: they keep raw values on purpose.
_CLOSED = ("langchain_tyrum", "threading", "_thread", "langsmith.client")
#: The built-in rows stand in one of them, and keep nothing.
_ROWS = f"{__package__}.sources"
#: Classes of these packages show what they hold, which is read.
_FRAMEWORKS = ("langchain_core.", "langgraph.", "langchain.", "langsmith.", "pydantic",
               "builtins", "collections")  # fmt: skip
#: What serializers, templates and notebooks call, by themselves.
_TELLERS = ("model_dump", "model_dump_json", "dict", "to_dict", "to_json", "__json__",
            "__html__", "_repr_html_", "_repr_markdown_")  # fmt: skip
#: The frames of the caller, which has given what it has given.
_OWN = tuple(f"{__package__}.{name}" for name in ("runs", "ways"))
_PLAIN = (type(None), bool, int, float, complex, type)
_SHOWN = (str, bytes, dict, list, tuple, set)


def told(obj: Any, *, frames: list[bytes] | None = None) -> bytes:
    """Read an object: strings, bytes, containers, attributes, errors.

    Args:
        obj: What was streamed, returned, raised or stored.
        frames: Takes the locals of the frames that errors in it carry, as error
            reporters send them. They are a surface of their own.

    Returns:
        All texts in it, one after the other.
    """
    reader = _Reader()
    reader.read(obj)
    if frames is not None:
        frames += reader.frames
    return b"\n".join(reader.texts)


def joined(parts: Iterable[Any]) -> bytes:
    """Put streamed pieces together, as a client does: a value may span several.

    Args:
        parts: What a stream yielded.

    Returns:
        The text of each message, content block and tool call.
    """
    texts: dict[Any, str] = {}
    for part in parts:
        _join(part, texts)
    return "\n".join(texts.values()).encode("utf-8", "surrogatepass")


class _Reader:
    """Goes through objects once each, and keeps what it reads."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.frames: list[bytes] = []
        # Objects, not only their ids: an id is used again when its object is gone.
        self._seen: dict[int, Any] = {}

    def read(self, obj: Any) -> None:
        if isinstance(obj, str):
            self.texts.append(str.__str__(obj).encode("utf-8", "surrogatepass"))
        elif isinstance(obj, bytes | bytearray | memoryview):
            self.texts.append(bytes(obj))
        elif not isinstance(obj, _PLAIN) and id(obj) not in self._seen:
            self._seen[id(obj)] = obj
            self._inside(obj)

    def _inside(self, obj: Any) -> None:
        if isinstance(obj, dict):
            for key, value in list(obj.items()):
                self.read(key)
                self.read(value)
                if key == "content" and isinstance(value, list):
                    self.read(_in_one(value))
        elif isinstance(obj, BaseException):
            self._error(obj)
        elif not _is_closed(type(obj)):
            self._attributes(obj)
            self._computed(obj)
            if _is_container(obj):
                for item in list(obj):
                    self.read(item)

    def _attributes(self, obj: Any) -> None:
        self.read(getattr(obj, "__dict__", None))
        for kind in type(obj).__mro__:
            slots = vars(kind).get("__slots__", ())
            for slot in (slots,) if isinstance(slots, str) else slots:
                self.read(getattr(obj, slot, None))
        if callable(getattr(obj, "get_secret_value", None)):
            self.read(obj.get_secret_value())
        if isinstance(obj, Exception | memoryview) or hasattr(obj, "__fspath__"):
            self.read(str(obj))
        self.read(getattr(obj, "pattern", None))

    def _computed(self, obj: Any) -> None:
        """What no field holds: text, and what serializers make of the object."""
        kind = type(obj)
        if kind.__module__.startswith(_FRAMEWORKS):
            return
        for name in ("__repr__", "__str__", *_TELLERS):
            with contextlib.suppress(Exception):
                said = operator.methodcaller(name)(obj) if hasattr(kind, name) else ""
                if inspect.iscoroutine(said):
                    said.close()
                self.read(said if isinstance(said, str | bytes) else repr(said))

    def _error(self, error: BaseException) -> None:
        self.read(list(error.args))
        self.read(getattr(error, "__dict__", None))
        self.read(str(error))
        if type(error).__module__.startswith("pydantic"):
            for show in ("errors", "json"):
                self.read(_said(error, show))
        for inner in getattr(error, "exceptions", ()):
            self.read(inner)
        self.read("".join(traceback.format_exception(error)))
        self._frames(error.__traceback__)
        self.read(error.__cause__)
        self.read(error.__context__)

    def _frames(self, trace: TracebackType | None) -> None:
        """The simple locals of the frames that an error carries."""
        while trace is not None:
            if trace.tb_frame.f_globals.get("__name__") not in _OWN:
                for value in list(trace.tb_frame.f_locals.values()):
                    if isinstance(value, _SHOWN):
                        self.frames.append(repr(value).encode("utf-8", "replace"))
            trace = trace.tb_next


def _is_closed(kind: type) -> bool:
    home = kind.__module__
    return home.startswith(_CLOSED) and not home.startswith(_ROWS)


def _said(error: BaseException, show: str) -> Any:
    """What a validation error says when asked; pydantic's others cannot be asked."""
    with contextlib.suppress(Exception):  # a value that JSON does not know
        return operator.methodcaller(show)(error)
    return None


def _in_one(blocks: list[Any]) -> str:
    """The text blocks of a message as its reader sees them: as one text."""
    texts = [
        block.get("text") if isinstance(block, dict) else block for block in blocks
    ]
    return "".join(text for text in texts if isinstance(text, str))


def _is_container(obj: Any) -> bool:
    return hasattr(obj, "__len__") and hasattr(obj, "__iter__")


def _join(part: Any, texts: dict[Any, str]) -> None:
    if isinstance(part, dict):
        if part.get("event") == "content-block-delta":
            _join_delta(part, texts)
        elif part.get("event") == "tool-output-delta":
            said = part.get("delta")
            name = ("tool", part.get("tool_call_id"))
            _add(texts, name, said if isinstance(said, str) else "")
        for value in part.values():
            _join(value, texts)
    elif isinstance(part, list | tuple):
        for value in part:
            _join(value, texts)
    elif hasattr(part, "tool_call_chunks"):
        _add(texts, part.id, str(part.text))
        for call in part.tool_call_chunks:
            _add(texts, (part.id, call["index"]), call["args"] or "")
        for name, value in part.additional_kwargs.items():
            _add(texts, (part.id, name), value if isinstance(value, str) else "")
    else:
        for step in getattr(part, "ops", ()):
            if "streamed_output_str" in step["path"]:
                _add(texts, step["path"], str(step["value"]))
            _join(step, texts)


def _join_delta(part: dict[str, Any], texts: dict[Any, str]) -> None:
    delta = part.get("delta")
    for name, text in delta.items() if isinstance(delta, dict) else ():
        words = text if isinstance(text, str) else json.dumps(text, default=str)
        if name != "type":
            _add(texts, ("v3", part.get("index"), name), words)


def _add(texts: dict[Any, str], key: Any, text: str) -> None:
    texts[key] = texts.get(key, "") + text
