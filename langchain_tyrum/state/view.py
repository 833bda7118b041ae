"""What one run has seen clean: messages are walked once, not at each guard."""

from __future__ import annotations

from functools import lru_cache
from operator import is_
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from langchain_core.messages import BaseMessage
from langgraph.types import Send

from langchain_tyrum.redaction.ids import is_made_up, may_stand_in_ids, registry_of
from langchain_tyrum.redaction.made import Made, made_of
from langchain_tyrum.redaction.remembered import are_clean_ids, share_memory
from langchain_tyrum.redaction.snapshots import Contents, Snapshots, print_of
from langchain_tyrum.redaction.walk.kinds import kind_of
from langchain_tyrum.redaction.walk.machine import SMALL
from langchain_tyrum.redaction.walk.objects import is_message, walk_model

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.stored import Stored

#: LangGraph names each task so in the metadata of its runs: a node, and a random id.
_TASKS = frozenset({"langgraph_checkpoint_ns", "checkpoint_ns"})
_STEP = "langgraph_step"
_CONTAINERS = frozenset({list, dict})
_views: MutableMapping[Any, RunView] = WeakKeyDictionary()


class RunView:
    """A redactor that knows the messages of its run.

    A state shows its whole history at each step, to each guard. A message that was
    clean is known as long as it holds what it held; of one that was edited since,
    what was edited is looked at. Plain data that comes again (the tools of a model
    call, the other keys of a state) is known by what it holds.

    Everything else is the redactor's.

    Args:
        redactor: Who redacts.
        stored: Redacts what the run stores: what is known here need not be made out
            again there.
    """

    def __init__(self, redactor: Redactor, stored: Stored | None = None) -> None:
        if stored is not None:
            _views[stored] = self
        self._fresh = redactor
        self._all = None if stored is None else stored.everyones
        # Messages deep in other objects are known by the redactor's own memo.
        self._redactor = redactor.memoized()
        self._registry = registry_of(redactor)
        self._renew()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redactor, name)

    def __repr__(self) -> str:
        return f"RunView(messages={len(self._known)})"

    def made(self, message: Any) -> Made | None:
        """Return what a message was made of when it was last looked at, if it was."""
        return self._known.of(message)

    def named(self, made: Made, name: Any) -> Made:
        """Return what a message holds that was given an id since it was looked at."""
        held = made.renamed(name)
        beyond = type(name) is str and self._are_beyond([name])
        return held if beyond else held.found_clean(None)

    def is_everyones(self, made: Made) -> bool:
        """Tell whether nobody's value was in a message when it was looked at."""
        return made.clean_at == self._registry.generation

    def looks_like(self, redactor: Redactor) -> bool:
        """Tell whether what is clean here is clean for a redactor too."""
        return share_memory(self._fresh, redactor)

    def redact(self, obj: Any) -> Any:
        """Redact, and look only at what is not known to be clean."""
        if obj is None:
            return None
        if self._registry.generation != self._at:  # a value was registered since
            self._renew()
        kind = type(obj)
        if kind is list:
            return self._list(obj)
        if kind is dict:
            return self._dict(obj)
        if kind is Send:
            return self._send(obj)
        if isinstance(obj, BaseMessage):
            return self._list([obj])[0]
        return self._redactor.redact(obj)

    def _renew(self) -> None:
        at = self._registry.generation
        self._known, self._contents = Snapshots(), Contents()
        self._ids_pass = at, not may_stand_in_ids(self._registry)
        self._at = at  # last: until then each thread forgets for itself

    def _dict(self, obj: dict[Any, Any]) -> Any:
        """A state or an update: its messages by themselves, the rest at once."""
        known, rest = {}, {}
        for key, value in obj.items():
            if type(value) in _CONTAINERS and _has_messages(value):
                known[key] = value
            else:
                rest[key] = value
        if not known:
            return self._pairs(obj)
        given = [list(known), rest]
        other = self._data(given)
        if type(other) is not list:
            return other  # withheld
        shown = [self.redact(value) for value in known.values()]
        if other is given and all(map(is_, shown, known.values())):
            return obj
        return {**dict(zip(other[0], shown, strict=True)), **other[1]}

    def _send(self, obj: Send) -> Any:
        """A task that is sent: its parts are plain data mostly."""
        parts = [obj.node, obj.arg, getattr(obj, "timeout", None)]
        return obj if self._data(parts) is parts else self._redactor.redact(obj)

    def _data(self, obj: Any) -> Any:
        contents = self._contents
        if contents.knows(held := print_of(obj)):
            return obj
        clean = self._redactor.redact(obj)
        if clean is obj:
            contents.note(held)
        return clean

    def _pairs(self, obj: dict[Any, Any]) -> Any:
        """Plain data by its keys: metadata differs in a few of them from its last."""
        contents = self._contents
        fresh = contents.fresh_pairs(obj)
        if not fresh:
            return obj
        ids, rest = _parted(fresh)
        if print_of(rest) is None or not self._are_clean_ids(ids):
            return self._redactor.redact(obj)
        if rest and self._redactor.redact(rest) is not rest:
            return self._redactor.redact(obj)
        contents.note_pairs(fresh)
        return obj

    def _are_clean_ids(self, ids: list[str]) -> bool:
        """Look for values in what is made up anew each time, and is no shape."""
        return self._are_beyond(ids) or are_clean_ids(self._fresh, ids)

    def _are_beyond(self, ids: list[str]) -> bool:
        """Tell by their letters that nobody's value stands in them."""
        at, ids_pass = self._ids_pass
        if not ids_pass or at != self._registry.generation:
            return False
        return all(map(is_made_up, ids))

    def _list(self, items: list[Any]) -> Any:
        if not items or not isinstance(items[0], BaseMessage):
            return self._data(items)
        known = self._known
        fresh = known.fresh(items)
        if not fresh:
            return items
        if len(items) > 1 or items[0] in known:
            fresh = [at for at in fresh if not self._is_still_clean(known, items[at])]
        if len(fresh) == len(items):
            return self._look(known, items)
        found = [items[at] for at in fresh]
        looked = self._look(known, found) if found else found
        if looked is found:
            return items
        clean = list(items)
        for at, new in zip(fresh, looked, strict=True):
            clean[at] = new
        return clean

    def _is_still_clean(self, known: Snapshots, item: Any) -> bool:
        """Look at what was set since in a known message: its id, mostly."""
        if item not in known:
            return False
        held = known.renamed(item)
        if held is not None:
            name = [held.fields["id"]]
            if not (clean := self._are_beyond(name)):
                clean = are_clean_ids(self._fresh, name)
                held = held.found_clean(None)
        elif (held := made_of(item)) is not None:
            changes = known.changes(item, held)
            clean = changes is not None and self._fresh.redact(changes) is changes
        else:
            return False
        if clean:
            known.note(item, held)
        return clean

    def _look(self, known: Snapshots, items: list[Any]) -> list[Any]:
        made = [made_of(item) if is_message(type(item)) else None for item in items]
        told = [held for held in made if held is not None]
        if len(told) == len(items) and (looked := self._looked_at(told, items)):
            for item, held in zip(items, looked, strict=True):
                known.note(item, held)
            return items
        clean = self._fresh.redact(items)
        if type(clean) is not list or len(clean) != len(items):
            return [clean] * len(items)  # withheld
        for item, old, old_held in zip(clean, items, made, strict=True):
            if item is not old:
                known.note(item, made_of(item) if is_message(type(item)) else None)
            elif old_held is not None and old_held.is_of(item):  # not edited meanwhile
                known.note(item, old_held)
        return clean

    def _looked_at(self, made: list[Made], items: list[Any]) -> list[Made]:
        """Look at what messages were made of; none if they are not, or not clean."""
        if not all(map(_is_told_by_fields, map(type, items))):
            return []
        at = self._registry.generation
        ids, rest = [], []
        for held in made:
            fields = held.fields
            if type(name := fields.get("id")) is str:  # an id is no shape
                ids.append(name)
                fields = {**fields, "id": None}
            rest.append(fields)
        try:
            everyones = self._is_everyones(ids, rest)
            clean = everyones or (
                self._are_clean_ids(ids) and self._fresh.is_clean(rest)
            )
        except Exception:  # the walk through the messages themselves will tell
            return []
        if not clean or not all(map(Made.is_of, made, items)):
            return []
        return [held.found_clean(at) for held in made] if everyones else made

    def _is_everyones(self, ids: list[str], rest: list[Any]) -> bool:
        """Tell whether nobody's value is in it, so that it may be stored as it is."""
        if self._all is None or not self._are_beyond(ids):
            return False
        return self._all.is_clean(rest, seals=False)


def view_of(stored: Any) -> RunView | None:
    """Return what a run has seen clean, by what redacts for it what it stores."""
    return _views.get(stored)


@lru_cache(maxsize=256)
def _is_told_by_fields(cls: type) -> bool:
    """Whether all that a walk through a message finds stands in its fields."""
    return kind_of(cls).handler is walk_model


def _parted(fresh: dict[Any, Any]) -> tuple[list[str], dict[Any, Any]]:
    """Part what LangGraph makes up for each task from all else."""
    ids: list[str] = []
    rest: dict[Any, Any] = {}
    for key, each in fresh.items():
        if key in _TASKS and type(each) is str:
            ids.append(each)
        elif key != _STEP or type(each) is not int or not -SMALL < each < SMALL:
            rest[key] = each
    return list(set(ids)), rest


def _has_messages(value: Any, depth: int = 1) -> bool:
    """Whether this is a list of messages, or the update of a node that holds one."""
    if type(value) is list:
        return bool(value) and isinstance(value[0], BaseMessage)
    if type(value) is dict and depth:
        return any(_has_messages(each, depth - 1) for each in value.values())
    return False
