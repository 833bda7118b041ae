"""What is stored on somebody's behalf: nobody's values, and their own text sealed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.markers import NAMELESS
from langchain_tyrum.redaction.sealing import Unsealing, seal, unseal
from langchain_tyrum.redaction.seals import Seals

if TYPE_CHECKING:
    from collections.abc import Hashable

    from langchain_tyrum.redaction.findings import Finding
    from langchain_tyrum.redaction.known import HasPartition
    from langchain_tyrum.redaction.redactor import Redactor
    from langchain_tyrum.redaction.text import TextGuard

_log = logging.getLogger(__name__)


class Stored:
    """A redactor of what is stored for one principal, and of what they read again.

    What it writes is as safe as what `view(principal, everyone=True)` writes. But
    where somebody else's value stood there is a sealed marker, so that the principal
    reads again what `view(principal)` showed them, and learns nothing. Without a key
    it is a nameless marker.

    Args:
        redactor: Knows the values.
        principal: On whose behalf something is stored.
        guard: Finds everybody's values, through the eyes of the principal.
    """

    def __init__(
        self, redactor: Redactor, principal: HasPartition, guard: TextGuard
    ) -> None:
        self.own = redactor.view(principal)
        self._all = redactor.view(principal, everyone=True)
        self._principal = principal
        self._guard = guard
        self._registry = guard.registry
        self._seals: Seals | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sealing={self._registry.seal_key is not None})"

    @property
    def everyones(self) -> Redactor:
        """What redacts everybody's values."""
        return self._all

    @property
    def generation(self) -> Hashable:
        """Changes whenever what was clean may not be.

        Short values are looked for in their own tenant only.
        """
        generation = self._registry.generation
        if self._registry.has_short:
            return generation, self._principal.tenant
        return generation

    def stands_for(self, redactor: Any) -> bool:
        """Tell whether a redactor hides the same values, everybody's."""
        guard = getattr(redactor, "_guard", None)
        return (
            guard is not None
            and guard.registry is self._registry
            and guard.sight.everyone
        )

    def redact(self, obj: Any) -> Any:
        """Put markers in place of values, sealed ones for somebody else's.

        It is done anew with what was sealed before, so doing it twice changes
        nothing, and what only looks like a sealed marker does not stay.

        Raises:
            RawSecretFound: A shape stands in it and the mode is `refuse`.
        """
        try:
            seals = self._sealing()
            if seals is None:
                return self._all.redact(obj)
            if self._all.is_clean(obj, seals=False):
                return obj
            shown = self.own.redact(unseal(obj, Unsealing([seals.open])))
            return seal(shown, self._guard, seals)
        except RawSecretFound:
            raise
        except Exception as error:
            _log.warning("an object was withheld: %s", type(error).__name__)
            return NAMELESS

    def seal(self, number: Any) -> str:
        """Seal a number that turned out to be a value."""
        seals = self._sealing()
        if seals is None:
            return NAMELESS
        return seals.seal(str(number).encode(), of=type(number)).decode()

    def open(self, body: bytes) -> Any:
        """Return what the body of a sealed marker holds; None when it is not theirs."""
        seals = self._sealing()
        return None if seals is None else seals.open(body)

    def contains(self, data: bytes) -> bool:
        """Tell whether serialized data holds a value of anybody."""
        return self._all.contains(data)

    def scan(self, obj: Any) -> list[Finding]:
        """Tell where values stand in an object."""
        return self._all.scan(obj)

    def _sealing(self) -> Seals | None:
        key = self._registry.seal_key
        if self._seals is None and key is not None:
            self._seals = Seals(key, self._principal)
        return self._seals
