"""What one run has seen clean: messages are walked once, not at each guard."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor


class RunView:
    """A redactor that knows the messages of its run.

    A state shows its whole history at each step, to each guard. A message that was
    clean is known by the very objects it holds: when a field is set anew, it is
    looked at again. What is edited in place *inside* a field is not noticed here,
    but by the guards in front of the disk and the traces, which keep no such memo.

    Everything else is the redactor's.

    Args:
        redactor: Who redacts.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._fresh = redactor
        # Messages deep in other objects are known by the redactor's own memo.
        self._redactor = redactor.memoized()
        self._known: dict[int, tuple[BaseMessage, list[Any]]] = {}
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
            if isinstance(item, BaseMessage):
                known[id(item)] = item, list(vars(item).values())
        return clean

    def _forget(self) -> None:
        """Start anew when a value was registered since."""
        at = self._redactor.generation
        if at != self._at:
            self._known, self._words, self._at = {}, set(), at


def _same(known: dict[int, tuple[Any, list[Any]]], item: Any) -> bool:
    """Whether this is a message that was clean, and no field was set since."""
    entry = known.get(id(item))
    return (
        entry is not None
        and entry[0] is item
        and all(map(is_, vars(item).values(), entry[1]))
    )


def _has_messages(value: Any, depth: int = 1) -> bool:
    """Whether this is a list of messages, or the update of a node that holds one."""
    if type(value) is list:
        return bool(value) and isinstance(value[0], BaseMessage)
    if type(value) is dict and depth:
        return any(_has_messages(each, depth - 1) for each in value.values())
    return False
