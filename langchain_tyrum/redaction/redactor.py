"""The redactor: knows live values and shapes, and puts markers in their place."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn, Self, get_args

from langchain_tyrum.errors import ConfigError, RawSecretFound
from langchain_tyrum.handles import Principal
from langchain_tyrum.redaction.data import redact_data
from langchain_tyrum.redaction.detectors import DETECTORS, Detector
from langchain_tyrum.redaction.findings import REGISTERED, Finding, refuse_finding
from langchain_tyrum.redaction.known import HasPartition, Sight
from langchain_tyrum.redaction.markers import NAMELESS
from langchain_tyrum.redaction.memo import Fresh, Memo, Parts
from langchain_tyrum.redaction.registry import Registry, bare, entry_of
from langchain_tyrum.redaction.shapes import compiled
from langchain_tyrum.redaction.stored import Stored
from langchain_tyrum.redaction.stream import RedactionStream
from langchain_tyrum.redaction.text import Mode, TextGuard
from langchain_tyrum.redaction.visitors import Redacting, Reporting
from langchain_tyrum.redaction.walk import walk
from langchain_tyrum.redaction.walk.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITHHELD = "withheld"
_log = logging.getLogger(__name__)


class Redactor:
    """Hides registered values, in every form they travel in, and shapes.

    Thread-safe. Views share what is registered, and see it with other eyes. Since it
    holds live values, it is its own copy and refuses pickle.

    Args:
        detectors: Rows to look for; the built-in ones when not given.
        shapes: What happens to credentials that nobody registered: `redact` them,
            `refuse` them with `RawSecretFound`, or only `observe` them, so that
            `scan` alone reports them. Registered values are always redacted.

    Raises:
        ConfigError: `shapes` is none of these.
    """

    def __init__(
        self,
        *,
        detectors: Sequence[Detector] | None = None,
        shapes: Mode = "redact",
    ) -> None:
        if shapes not in get_args(Mode):
            raise ConfigError(
                f"shapes={shapes!r} is unknown: choose 'redact', 'refuse' or 'observe'"
            )
        self._registry = Registry()
        sight = Sight(Principal().tenant, Principal().user, everyone=True)
        rows = compiled(DETECTORS if detectors is None else tuple(detectors))
        self._guard = TextGuard(self._registry, sight, rows, mode=shapes)
        self._memo: Memo | None = None
        self._parts = Parts()

    def _with(self, sight: Sight, memo: Memo | None) -> Self:
        twin = object.__new__(type(self))
        twin._registry = self._registry
        twin._guard = self._seeing(sight)
        twin._memo = memo
        twin._parts = self._parts
        return twin

    def _seeing(self, sight: Sight) -> TextGuard:
        guard = self._guard
        return TextGuard(self._registry, sight, guard.shapes, mode=guard.mode)

    @property
    def generation(self) -> int:
        """Grows with each registration; what was clean before may not be now."""
        return self._registry.generation

    def register(
        self,
        name: str,
        value: str | bytes,
        *,
        tenant: str = "default",
        owner: str | None = None,
        allow_short: bool = False,
    ) -> None:
        """Cover a value, in all views, before this returns. Idempotent.

        Args:
            name: What its marker says.
            value: The raw value.
            tenant: Whose it is.
            owner: The user it belongs to; None for a service's.
            allow_short: Accept 3 to 7 characters; they match as whole words, in
                their own tenant.

        Raises:
            WeakSecret: The value cannot be told from ordinary text.
            ConfigError: The name or the value is none.
        """
        entry = entry_of(name, value, tenant=tenant, owner=owner)
        self._registry.add(entry, allow_short=allow_short)

    def unregister(
        self,
        name: str,
        *,
        value: str | bytes | None = None,
        tenant: str = "default",
        owner: str | None = None,
    ) -> None:
        """Stop covering a name's values, or the one given. Unknown names pass."""
        raw = bare(value) if value is not None else None
        self._registry.remove((tenant, owner, name), value=raw)

    def view(self, principal: HasPartition, *, everyone: bool = False) -> Self:
        """See with a principal's eyes.

        Args:
            principal: Whose values, and whose tenant's services', are named.
            everyone: Cover everybody's values, the foreign ones namelessly: for
                durable sinks. Without it foreign values are not looked for, so that
                nobody can probe what others registered.

        Returns:
            A redactor that shares what is registered.
        """
        sight = Sight(principal.tenant, principal.user, everyone, seals=not everyone)
        return self._with(sight, None)

    def seal_with(self, key: bytes) -> None:
        """Give the key of sealed markers, to all views. The first one stays."""
        if self._registry.seal_key is None:
            self._registry.seal_key = key

    def stored_for(self, principal: HasPartition) -> Stored:
        """Redact what is stored for a principal, who alone reads their text again."""
        sight = Sight(principal.tenant, principal.user, everyone=True)
        return Stored(self, principal, self._seeing(sight))

    def memoized(self) -> Self:
        """Return a view for one run, that remembers which messages are clean."""
        return self._with(self._guard.sight, Memo())

    def in_mode(self, mode: Mode) -> Self:
        """Return a view that does with shapes what another mode says."""
        twin = self._with(self._guard.sight, None)
        twin._guard.mode = mode  # noqa: SLF001 - made just now
        return twin

    def redact_text(self, s: str) -> str:
        """Put markers in place of values; the same object when the text is clean.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
            TypeError: It is no text.
        """
        if not isinstance(s, str):
            raise _no_text(s)
        data = s.encode("utf-8", "surrogatepass")
        clean = self._guard.redact(data, ascii_only=len(data) == len(s))
        return s if clean == data else clean.decode("utf-8", "surrogatepass")

    def redact_bytes(self, b: bytes) -> bytes:
        """Redact text in bytes; what is no text and holds a value is withheld.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        return redact_data(self._guard, b)

    def redact(self, obj: Any) -> Any:
        """Put markers in place of values anywhere in an object.

        The object itself comes back when it is clean; otherwise a copy that shares
        the clean parts. Nothing is edited in place. What cannot be looked into, such
        as a generator, is replaced by a marker.

        Args:
            obj: Any object; nothing of it is validated or constructed anew.

        Returns:
            The same object, or its copy.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        try:
            if self.is_clean(obj):
                return obj
            if self._guard.mode == "refuse":
                self._refuse_shapes(obj)
            return walk(obj, Redacting(self._guard), kind_of)
        except RawSecretFound:
            raise
        except Exception as error:
            _log.warning("an object was withheld: %s", type(error).__name__)
            return NAMELESS

    def is_clean(self, obj: Any, *, seals: bool = True) -> bool:
        """Look at all strings at once, which is far cheaper than one by one.

        Args:
            obj: Any object.
            seals: Whether sealed markers may stand in it.
        """
        collected = Fresh(self._guard, self._memo, self._parts)
        if not collected.gather(obj):
            collected = Fresh(self._guard, self._memo, self._parts)
            walk(obj, collected, kind_of)
        if collected.opaque or not collected.is_clean(self._guard, seals=seals):
            return False
        if self._memo is not None:
            self._memo.remember(collected.messages, self.generation)
        return True

    def scan(self, obj: Any) -> list[Finding]:
        """Tell where values stand in an object, and by which rule; never the value.

        Args:
            obj: Any object.

        Returns:
            Findings in the order of the walk. One of rule `withheld` stands for an
            object that could not be searched.
        """
        report = Reporting(self._guard)
        try:
            if not self.is_clean(obj):
                walk(obj, report, kind_of)
        except Exception as error:
            _log.warning("an object cannot be searched: %s", type(error).__name__)
            report.findings.append(Finding("", "", _WITHHELD, "", 0, 0))
        return report.findings

    def refuse(self, obj: Any, *, where: str = "") -> None:
        """Refuse an object that holds a value.

        Args:
            obj: Any object.
            where: What the object is, to go before the path in the error.

        Raises:
            RawSecretFound: It does; path and rule are named.
        """
        if findings := self.scan(obj):
            refuse_finding(findings[0], where)

    def _refuse_shapes(self, obj: Any) -> None:
        for finding in self.scan(obj):
            if finding.rule != REGISTERED:
                refuse_finding(finding, "")

    def stream(self) -> RedactionStream:
        """Open a stream whose chunks, joined, come out like one redacted text."""
        return RedactionStream(self._guard)

    def contains(self, data: bytes) -> bool:
        """Tell whether serialized data holds a registered value, in any form.

        Shapes are not looked at: beside packed bytes they cannot be told. Data that
        cannot be searched counts as holding one.
        """
        try:
            return self._guard.holds(data)
        except Exception as error:
            _log.warning("data cannot be searched: %s", type(error).__name__)
            return True

    def __repr__(self) -> str:
        sight = self._guard.sight
        return (
            f"{type(self).__name__}(values={len(self._registry)}, "
            f"detectors={len(self._guard.shapes.rows)}, shapes={self._guard.mode!r}, "
            f"tenant={sight.tenant!r}, everyone={sight.everyone})"
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Redactor holds live values and cannot be pickled: build one where it "
            "is used"
        )


def _no_text(given: object) -> TypeError:
    return TypeError(
        f"redact_text takes str, not {type(given).__name__}: redact_bytes takes bytes, "
        "and redact any object"
    )
