"""What somebody who only observes is given: redacted, and it says nothing else later.

A handler, a log line or a provider turns objects into text when it likes. What was
clean when it was looked at may say a value then, so objects that compute their text
are replaced by stand-ins. Where there are none, this costs what redacting costs.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.redaction.markers import NAMELESS
from langchain_tyrum.redaction.visitors import Collecting, Redacting
from langchain_tyrum.redaction.walk.kinds import kind_of
from langchain_tyrum.redaction.walk.machine import walk
from langchain_tyrum.redaction.walk.standin import StandIns
from langchain_tyrum.redaction.walk.told import times_asked

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.redaction.text import TextGuard

_log = logging.getLogger(__name__)


_ALL, _BUT_DATA = StandIns(), StandIns(data=False)


class _Noting(Collecting):
    def __init__(self, guard: TextGuard, freezes: StandIns) -> None:
        super().__init__(guard, None)
        self.freezes = freezes


class _Freezing(Redacting):
    def __init__(self, guard: TextGuard, freezes: StandIns) -> None:
        super().__init__(guard)
        self.freezes = freezes


def steady(obj: Any, redactor: Redactor, *, data: bool = True) -> Any:
    """Put markers in place of values, and stand-ins in place of what may say others.

    Args:
        obj: Any object; it is left alone, and stays itself where the run goes on.
        redactor: What to redact with.
        data: Whether mappings, sequences and text of somebody's own class are
            replaced too. Who works with them needs them as they are.

    Returns:
        The same object when it is clean and holds nothing that computes its text.

    Raises:
        RawSecretFound: A shape stands in it and the mode is `refuse`.
    """
    before = times_asked()
    clean = redactor.redact(obj)
    if times_asked() == before:
        return clean
    guard = getattr(redactor, "_guard", None)
    if guard is None:
        return clean
    freezes = _ALL if data else _BUT_DATA
    try:
        noted = _Noting(guard, freezes)
        twin = walk(clean, noted, kind_of)
        if not noted.opaque and not guard.covered(noted.joined()):
            return twin
        return walk(clean, _Freezing(guard, freezes), kind_of)
    except RawSecretFound:
        raise
    except Exception as error:
        _log.warning("an object was withheld: %s", type(error).__name__)
        return NAMELESS
