"""Looks at what is about to be written: at new pieces only, and at their bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.ids import registry_of
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.state import compat
from langchain_tyrum.state.acting import acts, acts_with
from langchain_tyrum.state.known import Known, Marks, fingerprint
from langchain_tyrum.state.pieces import Draft, Piece, Repair
from langchain_tyrum.state.view import view_of
from langchain_tyrum.state.written import Written

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from langchain_tyrum.redaction.registry import Registry
    from langchain_tyrum.redaction.stored import Stored
    from langchain_tyrum.state.guard import Guard

WHAT = "a serialized value"
_TRIES = 8


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class _Run:
    """What is known of a run, for as long as no more values are to be found.

    Attributes:
        who: Returns on whose behalf is stored.
        registries: Where values are registered.
        generations: The generation of each, before anything was looked at.
        known: Which pieces were clean, of whatever run.
        written: Which messages of this run, and what they were written as.
        alone: What is stored on this behalf is for the only redactor to redact.
    """

    who: Callable[[], Any]
    registries: tuple[Registry, ...]
    generations: tuple[int, ...]
    known: Marks
    written: Written
    alone: bool

    @property
    def is_current(self) -> bool:
        """Whether no value came in since."""
        return tuple(map(_generation, self.registries)) == self.generations


_generation = attrgetter("generation")


def _nobody() -> None:
    """Return who acts when nobody does."""


class Looker:
    """Writes objects as msgpack without values.

    A run may go on editing its state in place while a checkpoint of it is written
    in the background. So it is not enough that the objects were clean: what counts
    is what was made of them, and that is looked at last.

    Attributes:
        guard: Knows the values.
    """

    def __init__(self, guard: Guard, encoder: compat.Encoder) -> None:
        self.guard = guard
        self._encoder = encoder
        self._known = Known()
        self._runs: MutableMapping[Any, _Run] = WeakKeyDictionary()
        self._last: Callable[[], _Run | None] = _nobody

    def __repr__(self) -> str:
        return f"Looker({self._known!r})"

    def write(self, obj: Any) -> bytes:
        """Serialize an object, with markers where values stood.

        Raises:
            RawSecretFound: It holds a value that no walk could reach.
        """
        who = acts()
        run = self._last()
        if run is None or run.who() is not who or not run.is_current:
            run = self._run_of(who)
        alone = run.written.alone(obj, self._encoder)
        if alone is not None:
            return alone
        draft = Draft(self._encoder, run.known, run.written)
        draft.add(obj)
        if self._is_clean(draft, who if run.alone else None):
            run.known.add([*draft.marks, *[piece.mark for piece in draft.fresh]])
            if draft.messages:
                run.written.add(draft.messages)
            return draft.written()
        repair = Repair(lambda made_of: self._clean_piece(made_of, run.known))
        repair.add(obj)
        return repair.written()

    def _run_of(self, who: Stored | None) -> _Run:
        """Return what this run has written; it is forgotten with the run."""
        every = self.guard.redactors
        registries = tuple(map(registry_of, every))
        generations = tuple(map(_generation, registries))  # before all else
        key = next(filter(None, map(acts_with, every)), self)
        run = self._runs.get(key)
        if run is None or not run.is_current:
            view = view_of(key)
            trusted = view is not None and all(map(view.looks_like, every))
            run = _Run(
                _nobody,
                registries,
                generations,
                self._known.at((self.guard, self.guard.generation)),
                Written(view, trusted=trusted),
                alone=key is who and len(every) == 1,
            )
        if run.who() is not who:
            run = replace(run, who=_nobody if who is None else ref(who))
        self._runs[key] = run
        self._last = ref(run)
        return run

    def _is_clean(self, draft: Draft, stored: Stored | None) -> bool:
        # names and ids are refused by the saver; here their bytes are looked at
        names = b"".join(draft.names)
        if names and (SEALED_HEAD in names or self._holds(names, stored)):
            return False
        return not draft.fresh or self._written_clean(draft.fresh)

    def _holds(self, data: bytes, stored: Stored | None) -> bool:
        if stored is not None:
            return stored.contains(data)  # as the guard would, at each step
        return self.guard.holds(data, WHAT)

    def _written_clean(self, pieces: list[Piece]) -> bool:
        """Look at what was written, and at objects with more to them."""
        held = b"".join([piece.whole for piece in pieces])
        if SEALED_HEAD in held:
            return False
        plain = compat.Plain()
        looked: list[Any] = [
            plain.decode(piece.whole) if piece.data is None else plain.part(piece.data)
            for piece in pieces
        ]
        if not plain.odd and self.guard.knows(looked, plain.ids):
            return True
        if self.guard.holds(held, WHAT):
            return False
        plain = compat.Plain()
        looked = [plain.decode(piece.whole) for piece in pieces]
        if plain.odd:
            looked.append([piece.made_of for piece in pieces])
        return self.guard.clean(looked, WHAT) is looked

    def _clean_piece(self, made_of: Any, known: Marks) -> bytes:
        whole = self._encoder.any(made_of)
        mark = fingerprint(whole)
        if mark not in known:
            if not self._written_clean([Piece(made_of, whole, mark)]):
                return self._sound(self._marked(made_of))
            known.add([mark])
        return whole

    def _marked(self, made_of: Any) -> bytes:
        """Return the bytes of a copy in which markers stand."""
        last = b""
        for _ in range(_TRIES):
            cleaned = self.guard.clean(made_of, WHAT)
            whole = self._encoder.any(cleaned)
            # the same again: an id that looks like a credential, or a seal
            if whole == last or self._is_marked(whole, cleaned):
                return whole
            last = whole
        return self._marked_bytes(last)  # it is edited all the while

    def _is_marked(self, whole: bytes, cleaned: Any) -> bool:
        # sealed markers may stand in it: they were put there just now
        if self.guard.holds(whole, WHAT):
            return False
        plain = compat.Plain()
        looked = [plain.decode(whole), *([cleaned] if plain.odd else [])]
        return self.guard.clean(looked, WHAT) is looked

    def _marked_bytes(self, whole: bytes) -> bytes:
        return compat.encode(self.guard.clean(compat.decode(whole), WHAT))

    def _sound(self, whole: bytes) -> bytes:
        if self.guard.holds(whole, WHAT):
            whole = self._marked_bytes(whole)
            refuse_held(self.guard, whole)
        return whole


def refuse_held(guard: Guard, data: bytes) -> None:
    """Let bytes pass only when they hold no registered value.

    Raises:
        RawSecretFound: They do, though all that a walk reaches was redacted.
    """
    if guard.holds(data, WHAT):
        raise RawSecretFound(
            f"{WHAT} still holds a raw value after redaction, so it was not "
            "written: keep the value out of state and pass a handle",
            path=WHAT,
            rule="registered",
        )
