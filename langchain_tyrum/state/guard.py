"""What every guard of durable state stands on: redactors, and failing closed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from langchain_tyrum.errors import RawSecretFound, TyrumError
from langchain_tyrum.redaction.ids import are_beyond, may_stand_in_ids, registry_of
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.redaction.modes import mode_of, not_passed
from langchain_tyrum.redaction.remembered import are_clean_ids, are_known
from langchain_tyrum.redaction.sealing import Unsealing, unseal
from langchain_tyrum.state.acting import acts, acts_with, note_reading
from langchain_tyrum.state.texts import MOST, CleanTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.stored import Stored

T = TypeVar("T")

#: Where a guarded object keeps its guard.
GUARD = "_tyrum_guard"
#: What no redactor looks into.
_ATOMS = (type(None), bool)
_NUMBERS = (*_ATOMS, int, float)
_SEALED = SEALED_HEAD.decode()
#: Stands for a value that has no name here, or must not be named.
NAMELESS = "[REDACTED]"


class _Nobody:
    """Stands for nobody where somebody is compared."""


_NOBODY = _Nobody()
_NOTHING = CleanTexts(lambda: None, (), None, ids_pass=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """One or more redactors that act as one, and let nothing through on a failure.

    More than one is what a saver gets that two brokers share: each of them must
    find its own values. Where something is stored on somebody's behalf, it is their
    own text that they read again: see `Stored`.
    """

    redactors: tuple[Redactor, ...]
    _last: list[CleanTexts] = field(
        default_factory=lambda: [_NOTHING], compare=False, repr=False
    )

    def plus(self, redactor: Redactor) -> Guard:
        """Return the guard that also asks `redactor`; itself when it does already."""
        if any(known is redactor for known in self.redactors):
            return self
        return Guard((*self.redactors, redactor))

    @property
    def generation(self) -> tuple[Hashable, ...]:
        """Changes whenever one more value is to be found."""
        if len(self.redactors) == 1:  # asked several times a step
            return (_eyes(self.redactors[0]).generation,)
        return tuple(_eyes(redactor).generation for redactor in self.redactors)

    @property
    def known(self) -> CleanTexts:
        """The short texts that were found clean; none once a value was registered."""
        # asked several times a step: where nothing changed, nothing is called
        who = acts() or _NOBODY
        known = self._last[0]
        if known.who() is who and len(known.texts) <= MOST:
            for registry, generation in known.at:
                if registry.generation != generation:
                    break
            else:
                return known
        known = self._last[0] = self._anew(known, ref(who))
        return known

    def _anew(self, last: CleanTexts, who: ref[Any]) -> CleanTexts:
        registries = [registry_of(redactor) for redactor in self.redactors]
        at = tuple((registry, registry.generation) for registry in registries)
        generation = self.generation
        if last.generation == generation and len(last.texts) <= MOST:
            return replace(last, who=who, at=at)
        ids_pass = not any(map(may_stand_in_ids, registries))
        return CleanTexts(who, at, generation, ids_pass)

    @property
    def callers(self) -> Guard:
        """The guard of what stays in memory: it sees with the caller's eyes, if any.

        What somebody else registered must neither stop a run nor change its state.
        """
        acting = [acts_with(redactor) for redactor in self.redactors]
        if not any(acting):
            return self
        pairs = zip(acting, self.redactors, strict=True)
        return Guard(
            tuple(_own(who, redactor) if who else redactor for who, redactor in pairs)
        )

    def clean(self, obj: T, what: str) -> T:
        """Return `obj` with markers in place of values; itself when it has none."""
        if type(obj) in _ATOMS:
            return obj
        cleaned: T = _closed(what, self._clean, obj)
        if isinstance(cleaned, str) and isinstance(obj, dict | list | tuple):
            raise _unreadable(what)  # the redactor withheld the whole
        return cleaned

    def seal(self, number: float) -> str:
        """Return the marker of a number that is a value."""
        for redactor in self.redactors:
            if (who := acts_with(redactor)) is not None:
                return who.seal(number)
        return NAMELESS

    def opened(self, obj: Any, what: str) -> Any:
        """Return `obj` with what sealed markers hold; itself without any.

        What is not sealed for whom it is read becomes a nameless marker.
        """
        acting = map(acts_with, self.redactors)
        visitor = Unsealing([who.open for who in acting if who is not None])
        found = _closed(what, lambda stored: unseal(stored, visitor), obj)
        note_reading(opened=visitor.opened, denied=visitor.denied)
        return found

    def knows(self, data: Any, ids: list[str]) -> bool:
        """Tell of plain data that nobody's value is in it, as far as that is known.

        Args:
            data: What was decoded.
            ids: Ids that a framework made up.
        """
        return all(
            are_known(redactor, data)
            and (are_beyond(redactor, ids) or are_clean_ids(redactor, ids))
            for redactor in self.redactors
        )

    def holds(self, data: bytes, what: str) -> bool:
        """Say whether serialized data holds a registered value in any form."""
        return _closed(what, self._holds, data)

    def finds(self, obj: Any, what: str) -> tuple[str, str] | None:
        """Return path and rule of the first value in `obj`, or None."""
        return _closed(what, self._finds, obj)

    def refuse(self, obj: Any, what: str) -> None:
        """Let `obj` pass only when it holds no value.

        Raises:
            RawSecretFound: It holds one. Path and rule are named, the value is not.
        """
        found = self.finds(obj, what)
        if found is None:
            return
        path, rule = found
        raise RawSecretFound(
            f"{what} holds a raw value (rule {rule!r}): put a handle or an ordinary "
            "identifier there and lease the value inside a tool",
            path=path or what,
            rule=rule,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Guard:
        # as its redactors: what they know is shared
        return self

    def _clean(self, obj: Any) -> Any:
        for redactor in self.redactors:
            obj = _eyes(redactor).redact(obj)
        return obj

    def _holds(self, data: bytes) -> bool:
        return any(_eyes(redactor).contains(data) for redactor in self.redactors)

    def _finds(self, obj: Any) -> tuple[str, str] | None:
        for redactor in self.redactors:
            eyes = _eyes(redactor)
            for finding in not_passed(eyes, eyes.scan(obj)):
                return finding.path, finding.rule
        return None


def may_be_sealed(obj: Any) -> bool:
    """Say whether a sealed marker may stand in what was read: fast, for plain data."""
    if type(obj) is str:
        return _SEALED in obj
    if type(obj) is dict:
        return any(map(may_be_sealed, (*obj, *obj.values())))
    if type(obj) is list or type(obj) is tuple:
        return any(map(may_be_sealed, obj))
    if type(obj) is bytes:
        return SEALED_HEAD in obj
    return type(obj) not in _NUMBERS


def guard_of(obj: Any) -> Guard | None:
    """Return the guard that an object carries, if it does."""
    found = getattr(obj, GUARD, None)
    return found if isinstance(found, Guard) else None


def is_guarded(obj: Any) -> bool:
    """Say whether a saver, store, cache, serializer or channel is guarded."""
    return guard_of(obj) is not None


def refuse_each(guard: Guard, named: Iterable[tuple[str, Any]]) -> None:
    """Refuse values in identifiers; `named` pairs what each is with what it holds.

    In a run only those count that its caller may know of: who registers a thread id
    or a store key of somebody else must not stop their runs.

    Raises:
        RawSecretFound: One holds a value. Identifiers stand in every row and cannot
            be replaced without losing the row, so they are refused.
    """
    known = guard.known
    pairs = [(what, _text(value)) for what, value in named if value is not None]
    unknown = {text for _, text in pairs} - known.texts
    if not unknown:
        return
    # a line break keeps them apart: what is clean joined is clean by itself
    if guard.finds("\n".join(unknown), "identifiers") is None:
        known.texts.update(unknown)
        return
    callers = guard.callers
    for what, text in pairs:
        callers.refuse(text, what)


def _own(who: Stored, redactor: Redactor) -> Redactor:
    """The caller's eyes, in the mode of the guard that looks."""
    mode = mode_of(redactor)
    return who.own if mode_of(who.own) == mode else who.own.in_mode(mode)


def _eyes(redactor: Redactor) -> Redactor | Stored:
    return acts_with(redactor) or redactor


def _text(identifier: Any) -> str:
    """Write an identifier (a name, a UUID, a number, a namespace) as its text."""
    if isinstance(identifier, str):
        return identifier
    if isinstance(identifier, tuple | list):
        return "\n".join(map(_text, identifier))
    if isinstance(identifier, dict):
        return _text([*identifier, *identifier.values()])
    return str(identifier)


def _closed(what: str, work: Callable[[Any], T], obj: Any) -> T:
    """Turn any failure of a guard into a refusal that carries nothing of `obj`."""
    try:
        return work(obj)
    except TyrumError:
        raise
    except Exception:  # noqa: S110 - raised below, where no context holds the value
        pass
    raise _unreadable(what)


def _unreadable(what: str) -> RawSecretFound:
    return RawSecretFound(
        f"the guard could not look through {what}, so it let nothing pass: "
        "replace objects of unusual types by plain data",
        path=what,
        rule="unreadable",
    )
