"""What one run has seen clean: messages are walked once, not at each guard."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.messages import BaseMessage

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor


_ATOMS = frozenset({str, bytes, int, float, bool, type(None)})
_DEEPEST = 8


class RunView:
    """A redactor that knows the messages of its run.

    A state shows its whole history at each step, to each guard. A message that was
    clean is known by the very objects it holds, in its fields and in the lists and
    dicts inside them: when one of them is another, it is looked at again. A message
    that holds anything else, whose inside cannot be told so, is never known.

    Everything else is the redactor's.

    Args:
        redactor: Who redacts.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._fresh = redactor
        # Messages deep in other objects are known by the redactor's own memo.
        self._redactor = redactor.memoized()
        self._known: dict[int, _Seen] = {}
        self._words: set[str] = set()
        self._at = redactor.generation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redactor, name)

    def __repr__(self) -> str:
        return f"RunView(messages={len(self._known)})"

    def redact(self, obj: Any) -> Any:
        """Redact, and look only at what is not known to be clean."""
        if type(obj) is dict:
            return self._dict(obj)
        if type(obj) is list:
            return self._list(obj)
        if isinstance(obj, BaseMessage):
            return self._list([obj])[0]
        return None if obj is None else self._redactor.redact(obj)

    def _dict(self, obj: dict[Any, Any]) -> Any:
        """A state or an update: its messages by themselves, the rest at once."""
        known = {key: value for key, value in obj.items() if _has_messages(value)}
        self._forget()
        if not known:
            return self._redactor.redact(obj)
        if self._words.issuperset(known) and len(known) == len(obj):
            shown = [self.redact(value) for value in known.values()]
            if all(map(is_, shown, known.values())):
                return obj
        return self._rebuilt(obj, known)

    def _rebuilt(self, obj: dict[Any, Any], known: dict[Any, Any]) -> Any:
        rest = {key: value for key, value in obj.items() if key not in known}
        keys = list(known)
        other = self._redactor.redact([keys, rest])
        if type(other) is not list:
            return other  # withheld
        shown = [self.redact(value) for value in known.values()]
        same = all(map(is_, shown, known.values()))
        if same and other[0] is keys and other[1] is rest:
            self._words.update(key for key in keys if type(key) is str)
            return obj
        return {**dict(zip(other[0], shown, strict=True)), **other[1]}

    def _list(self, items: list[Any]) -> list[Any]:
        self._forget()
        known = self._known
        fresh = [at for at, item in enumerate(items) if not _same(known, item)]
        if not fresh:
            return items
        if len(fresh) == len(items):
            return self._look(items)
        found = [items[at] for at in fresh]
        looked = self._look(found)
        if looked is found:
            return items
        clean = list(items)
        for at, new in zip(fresh, looked, strict=True):
            clean[at] = new
        return clean

    def _look(self, items: list[Any]) -> list[Any]:
        known = self._known  # a registration meanwhile leaves it behind
        clean = self._fresh.redact(items)
        if type(clean) is not list or len(clean) != len(items):
            return [clean] * len(items)  # withheld
        for item in clean:
            seen = _seen(item) if isinstance(item, BaseMessage) else None
            if seen is not None:
                known[id(item)] = seen
        return clean

    def _forget(self) -> None:
        """Start anew when a value was registered since."""
        at = self._redactor.generation
        if at != self._at:
            self._known, self._words, self._at = {}, set(), at


class _Seen(NamedTuple):
    """A clean message: its fields, and what stood in the containers among them."""

    message: BaseMessage
    fields: list[Any]
    boxes: list[Any]
    held: list[Any]


def _seen(message: BaseMessage) -> _Seen | None:
    """Note what a message is made of; None when that cannot be told."""
    fields = list(vars(message).values())
    boxes = [
        value
        for value in [*fields, message.__pydantic_extra__]
        if type(value) not in _ATOMS
    ]
    try:
        held = [_plain_copy(box, _DEEPEST) for box in boxes]
    except TypeError:
        return None
    return _Seen(message, fields, boxes, held)


def _same(known: dict[int, _Seen], item: Any) -> bool:
    """Whether this is a message that was clean, and nothing in it was set since."""
    seen = known.get(id(item))
    if seen is None or seen.message is not item:
        return False
    now = vars(item)
    if len(now) != len(seen.fields) or not all(map(is_, now.values(), seen.fields)):
        return False
    try:
        return seen.boxes == seen.held
    except Exception:  # something was put in that cannot be compared
        return False


def _plain_copy(value: Any, deepest: int) -> Any:
    """Copy plain data.

    Raises:
        TypeError: It holds more than that, or is too deep.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if deepest and kind is dict:
        return {key: _plain_copy(each, deepest - 1) for key, each in value.items()}
    if deepest and kind in (list, tuple):
        return kind(_plain_copy(each, deepest - 1) for each in value)
    raise TypeError


def _has_messages(value: Any, depth: int = 1) -> bool:
    """Whether this is a list of messages, or the update of a node that holds one."""
    if type(value) is list:
        return bool(value) and isinstance(value[0], BaseMessage)
    if type(value) is dict and depth:
        return any(_has_messages(each, depth - 1) for each in value.values())
    return False
