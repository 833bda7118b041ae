"""Disguises: whether a text shows traces of escapes, fillers or wraps."""

from __future__ import annotations

import re

from langchain_tyrum.redaction.copies import TRIGGERS
from langchain_tyrum.redaction.shapes.signals import Signals

#: One of these occurs wherever a trigger does; they take half the time to look for.
_HINTS = (
    rb"\\[ux]",
    rb"(?:[:-][0-9A-Fa-f]{2}){4}",
    *(each for each in TRIGGERS if not each.startswith((rb"\\", rb"(?:"))),
    *(each for each in TRIGGERS if each.startswith((rb"(?:%", rb"(?:&"))),
)
#: One of these occurs in any short text in which a trigger does.
_ODD = re.compile(
    rb"[\x00\\%&\r\n\xc2\xe2\xef]|[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]"
)
#: Up to here the interpreter is faster than an engine, to which threads hand it over.
SHORT = 64
_hints = Signals(_HINTS)
_triggers = Signals(TRIGGERS)


def looks_disguised(data: bytes) -> bool:
    """Tell whether a copy without disguises would differ from a text.

    Raises:
        EngineError: The search failed.
    """
    if len(data) <= SHORT and not looks_odd(data):
        return False
    return bool(_hints.fired(data)) and bool(_triggers.fired(data))


def looks_odd(data: bytes) -> bool:
    """Tell the same of a short text, in no time, and rather too often."""
    return _ODD.search(data) is not None
