"""What every guard of durable state stands on: redactors, and failing closed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_tyrum.errors import RawSecretFound, TyrumError
from langchain_tyrum.state.texts import CleanTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from langchain_tyrum.redaction import Redactor

T = TypeVar("T")

#: Where a guarded object keeps its guard.
GUARD = "_tyrum_guard"
#: What no redactor looks into.
_ATOMS = (type(None), bool)
#: Stands for a value that has no name here, or must not be named.
NAMELESS = "[REDACTED]"


@dataclass(frozen=True)
class Guard:
    """One or more redactors that act as one, and let nothing through on a failure.

    More than one is what a saver gets that two brokers share: each of them must
    find its own values.
    """

    redactors: tuple[Redactor, ...]
    texts: CleanTexts = field(default_factory=CleanTexts, compare=False)

    def plus(self, redactor: Redactor) -> Guard:
        """Return the guard that also asks `redactor`; itself when it does already."""
        if any(known is redactor for known in self.redactors):
            return self
        return Guard((*self.redactors, redactor))

    @property
    def generation(self) -> tuple[int, ...]:
        """Changes whenever one more value is to be found."""
        if len(self.redactors) == 1:  # asked several times a step
            return (self.redactors[0].generation,)
        return tuple(redactor.generation for redactor in self.redactors)

    def clean(self, obj: T, what: str) -> T:
        """Return `obj` with markers in place of values; itself when it has none."""
        if type(obj) in _ATOMS:
            return obj
        cleaned: T = _closed(what, self._clean, obj)
        if isinstance(cleaned, str) and isinstance(obj, dict | list | tuple):
            raise _unreadable(what)  # the redactor withheld the whole
        return cleaned

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

    def _clean(self, obj: Any) -> Any:
        for redactor in self.redactors:
            obj = redactor.redact(obj)
        return obj

    def _holds(self, data: bytes) -> bool:
        return any(redactor.contains(data) for redactor in self.redactors)

    def _finds(self, obj: Any) -> tuple[str, str] | None:
        for redactor in self.redactors:
            for finding in redactor.scan(obj):
                return finding.path, finding.rule
        return None


def guard_of(obj: Any) -> Guard | None:
    """Return the guard that an object carries, if it does."""
    found = getattr(obj, GUARD, None)
    return found if isinstance(found, Guard) else None


def is_guarded(obj: Any) -> bool:
    """Say whether a saver, store, cache, serializer or channel is guarded."""
    return guard_of(obj) is not None


def refuse_each(guard: Guard, named: Iterable[tuple[str, Any]]) -> None:
    """Refuse values in identifiers; `named` pairs what each is with what it holds.

    Raises:
        RawSecretFound: One holds a value. Identifiers stand in every row and cannot
            be replaced without losing the row, so they are refused.
    """
    pairs = [(what, _text(value)) for what, value in named if value is not None]
    generation = guard.generation
    unknown = guard.texts.unknown(generation, (text for _, text in pairs))
    if not unknown:
        return
    # a line break keeps them apart: what is clean joined is clean by itself
    if guard.finds("\n".join(map(str, unknown)), "identifiers") is not None:
        for what, text in pairs:
            guard.refuse(text, what)
    guard.texts.add(generation, unknown)


def passes(guard: Guard, *names: Iterable[Any]) -> bool:
    """Say whether all these texts are known to be clean: they repeat at each step."""
    known = guard.texts.known(guard.generation)
    return all(map(known.issuperset, names))


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
