"""What a redactor does with shapes, and the view of it that lets them pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from langchain_tyrum.redaction.findings import REGISTERED

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.findings import Finding
    from langchain_tyrum.redaction.text import Mode

_KNOWN = frozenset({REGISTERED, "withheld"})
_observing: MutableMapping[Any, Redactor] = WeakKeyDictionary()


def mode_of(redactor: Any) -> Mode:
    """Return what happens to shapes; `redact` for a redactor that is not ours."""
    guard = getattr(redactor, "_guard", None)
    return cast("Mode", getattr(guard, "mode", "redact"))


def observing(redactor: Redactor) -> Redactor:
    """Return the view that lets shapes pass: one, so that guarding twice is once."""
    if mode_of(redactor) == "observe":
        return redactor
    if redactor not in _observing:
        _observing[redactor] = redactor.in_mode("observe")
    return _observing[redactor]


def not_passed(redactor: Any, findings: Iterable[Finding]) -> list[Finding]:
    """Return those findings that the redactor's mode does not let pass."""
    if mode_of(redactor) != "observe":
        return list(findings)
    return [finding for finding in findings if finding.rule in _KNOWN]
