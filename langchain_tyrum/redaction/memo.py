"""What was clean when last looked at: the messages of one run, the last strings."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.keyed import keyed
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.redaction.visitors import Collecting
from langchain_tyrum.redaction.walk.blocks import joined_text
from langchain_tyrum.redaction.walk.kinds import kind_of
from langchain_tyrum.redaction.walk.machine import SMALL
from langchain_tyrum.redaction.walk.objects import is_message, walk_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_tyrum.redaction.text import TextGuard
    from langchain_tyrum.redaction.walk import Step

_MOST = 20_000
_MOST_NODES = 20_000
_DEEPEST_DATA = 16
_MOST_PARTS = 4096
_MOST_LETTERS = 1 << 20
_DEEPEST = 6
_PLAIN = (type(None), bool, int, float)

#: What a message was made of: the ids of its strings and the shape around them.
Print = tuple[Any, ...]


class Memo:
    """Remembers clean messages by identity and by what they are made of.

    A message can be edited in place, so its id alone proves nothing. The ids of its
    strings do: strings cannot change, and they are kept, so that no other string is
    given the id of a freed one. New registrations forget everything.
    """

    def __init__(self) -> None:
        self._clean: dict[int, tuple[Any, Print, list[Any]]] = {}
        self._generation = -1

    def __len__(self) -> int:
        return len(self._clean)

    def knows(self, message: Any, generation: int) -> bool:
        """Tell whether this very message, unchanged, was clean."""
        if generation != self._generation:
            self._clean.clear()
            self._generation = generation
            return False
        entry = self._clean.get(id(message))
        if entry is None or entry[0] is not message:
            return False
        made_of = _print_of(message, [])
        return made_of is not None and made_of == entry[1]

    def remember(self, messages: list[Any], generation: int) -> None:
        """Note messages that were just found clean."""
        if generation != self._generation:
            return
        if len(self._clean) + len(messages) > _MOST:
            self._clean.clear()
        for message in messages:
            kept: list[Any] = []
            made_of = _print_of(message, kept)
            if made_of is not None:
                self._clean[id(message)] = (message, made_of, kept)


class Parts:
    """The last strings in which nobody's value and no shape was found.

    A message passes several guards at each step, and each of them asks about the
    same strings, through whatever eyes: this answers for all of them. A registration
    makes all strings unknown again. No lock, so a fork finds none held: at worst two
    threads look at one string twice.
    """

    def __init__(self) -> None:
        self._known: tuple[int, set[bytes | str]] = (-1, set())
        self._ids: tuple[int, set[str]] = (-1, set())
        self._letters = 0

    def __len__(self) -> int:
        return len(self._known[1])

    def known(self, generation: int) -> set[bytes | str]:
        """Return what was clean at this generation; forget what is older."""
        at, known = self._known
        if at < generation:
            self._known, self._letters = (generation, set()), 0
        return known if at == generation else set()

    def ids(self, generation: int) -> set[str]:
        """Return the made-up ids in which nobody's value was found; add more to it."""
        at, ids = self._ids
        if at != generation or len(ids) > _MOST_PARTS:
            ids = set()
            self._ids = generation, ids
        return ids

    def add(self, generation: int, parts: set[bytes | str]) -> None:
        """Remember strings.

        Args:
            generation: What it was before they were looked at.
            parts: Strings in which nothing was found for anybody.
        """
        letters = sum(map(len, parts))
        if letters > _MOST_LETTERS:
            return
        at, known = self._known
        full = len(known) > _MOST_PARTS or self._letters > _MOST_LETTERS
        if at != generation or full:
            self._known, self._letters = (generation, set(parts)), letters
        else:
            known |= parts
            self._letters += letters


class Fresh(Collecting):
    """Collects the strings that are not known to be clean."""

    def __init__(self, guard: TextGuard, memo: Memo | None, parts: Parts) -> None:
        super().__init__(guard, memo)
        self._clean = parts
        self._known = parts.known(self._generation)

    def gather(self, obj: Any) -> bool:
        """Collect from plain data and messages at once, as the walk would.

        Returns:
            False when something else is in it: then the object has to be walked.
        """
        self._nodes = _MOST_NODES
        try:
            return self._gather(obj, "", _DEEPEST_DATA)
        except Exception:  # another thread changed it, or it is an odd object
            return False

    def _gather(self, obj: Any, under: str, depth: int) -> bool:
        cls = type(obj)
        if cls is str:
            self._keep(obj, under)
            return True
        if cls is float or (cls is int and not -SMALL < obj < SMALL):
            return not self.numbers
        if cls in _PLAIN:
            return True
        self._nodes -= 1
        if depth == 0 or self._nodes < 0:
            return False
        if cls is dict:
            return self._pairs(obj, depth - 1)
        if cls is list or cls is tuple:
            if len(obj) > 1 and (joined := joined_text(obj, under)):
                self._keep(joined, "")
            return self._items(obj, depth - 1)
        return is_message(cls) and self._message(obj, depth - 1)

    def _pairs(self, pairs: dict[Any, Any], depth: int) -> bool:
        # strings are most of what there is, so nothing is called for one that is known
        shortest, known = self._shortest, self._known
        for key, value in pairs.items():
            if type(key) is str:
                name = key
                if len(key) >= shortest and key not in known:
                    self._parts.add(key)
            elif self._gather(key, "", depth):
                name = ""
            else:
                return False
            if type(value) is str:
                if value not in known or _tells(name):
                    self._keep(value, name)
            elif value is not None and not self._gather(value, name, depth):
                return False
        return True

    def _items(self, items: list[Any] | tuple[Any, ...], depth: int) -> bool:
        known = self._known
        for each in items:
            if type(each) is str:
                if each not in known:
                    self._keep(each, "")
            elif each is not None and not self._gather(each, "", depth):
                return False
        return True

    def _message(self, obj: Any, depth: int) -> bool:
        cls: type = type(obj)
        if kind_of(cls).handler is not walk_model:
            return False
        if obj.__pydantic_extra__ or obj.__pydantic_private__:
            return False
        return self.knows(obj) or self._pairs(vars(obj), depth)

    def text(self, text: str, step: Step, path: Callable[[], str]) -> str:
        """Keep a string, unless it is known."""
        del path
        self._keep(text, step.under)
        return text

    def _keep(self, text: str, under: str) -> None:
        if len(text) >= self._shortest:
            part = keyed(under, text) if under and _tells(under) else text
            if part not in self._known:
                self._parts.add(part)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was collected."""
        return not self._parts

    def is_clean(self, guard: TextGuard, *, seals: bool) -> bool:
        """Look at all that was collected at once.

        Args:
            guard: Through whose eyes, if anything is found.
            seals: Whether sealed markers may stand in it.
        """
        if not self._parts:
            return True
        joined = self.joined()
        if guard.spans(joined, anybody=True):
            return (seals or SEALED_HEAD not in joined) and not guard.spans(joined)
        self._clean.add(self._generation, self._parts)
        return True


@lru_cache(maxsize=1024)
def _tells(key: str) -> bool:
    """Tell whether a key says that its value is a credential."""
    return keyed(key, "") != ""


def _print_of(message: Any, kept: list[Any]) -> Print | None:
    """Return what a message is made of; None when it holds more than plain data."""
    parts: list[Any] = []
    state = message.__dict__
    extra = getattr(message, "__pydantic_extra__", None)
    private = getattr(message, "__pydantic_private__", None)
    for part in (state, extra, private):
        if not _collect(part, parts, kept, _DEEPEST):
            return None
    return tuple(parts)


def _collect(part: Any, parts: list[Any], kept: list[Any], depth: int) -> bool:
    cls = type(part)
    if cls is str or cls is bytes:
        parts.append(id(part))
        kept.append(part)
    elif part is None:
        parts.append(part)
    elif cls in _PLAIN:
        parts += (cls, part)  # 1 == 1.0 == True
    elif depth == 0:
        return False
    elif cls is dict:
        parts.append(len(part))
        return all(
            _collect(each, parts, kept, depth - 1)
            for item in part.items()
            for each in item
        )
    elif cls is list or cls is tuple:
        parts.append(-len(part) - 1)
        return all(_collect(each, parts, kept, depth - 1) for each in part)
    else:
        return False
    return True
