"""Looks at what is about to be written: at new pieces only, and at their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.markers import SEALED_HEAD
from langchain_tyrum.state import compat
from langchain_tyrum.state.acting import acts_with
from langchain_tyrum.state.known import Known, Marks, fingerprint
from langchain_tyrum.state.pieces import Draft, Piece, Repair
from langchain_tyrum.state.view import view_of
from langchain_tyrum.state.written import Written

if TYPE_CHECKING:
    from collections.abc import Hashable, MutableMapping

    from langchain_tyrum.redaction.stored import Stored
    from langchain_tyrum.state.guard import Guard

WHAT = "a serialized value"
_TRIES = 8


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
        self._runs: MutableMapping[Any, tuple[Hashable, Written]] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"Looker({self._known!r})"

    def write(self, obj: Any) -> bytes:
        """Serialize an object, with markers where values stood.

        Raises:
            RawSecretFound: It holds a value that no walk could reach.
        """
        run = acts_with(self.guard.redactors[0])
        generation = self._generation(run)  # first: a value may come in meanwhile
        known = self._known.at((self.guard, generation))
        written = self._of(run or self, generation)
        draft = Draft(self._encoder, known, written)
        draft.add(obj)
        if self._is_clean(draft):
            known.add([*draft.marks, *[piece.mark for piece in draft.fresh]])
            if draft.messages:
                written.add(draft.messages)
            return draft.written()
        repair = Repair(lambda made_of: self._clean_piece(made_of, known))
        repair.add(obj)
        return repair.written()

    def _generation(self, run: Stored | None) -> Hashable:
        if run is not None and len(self.guard.redactors) == 1:
            return (run.generation,)
        return self.guard.generation

    def _of(self, run: Any, generation: Hashable) -> Written:
        """Return what this run has written; it is forgotten with the run."""
        at, written = self._runs.get(run, (None, None))
        if written is None or at != generation:
            view = view_of(run)
            every = self.guard.redactors
            trusted = view is not None and all(map(view.looks_like, every))
            written = Written(view, trusted=trusted)
            self._runs[run] = generation, written
        return written

    def _is_clean(self, draft: Draft) -> bool:
        # names and ids are refused by the saver; here their bytes are looked at
        names = b"".join(draft.names)
        if names and (SEALED_HEAD in names or self.guard.holds(names, WHAT)):
            return False
        return not draft.fresh or self._written_clean(draft.fresh)

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
