"""Disguises: whether a text shows traces of escapes, fillers or wraps."""

from __future__ import annotations

import re

from langchain_tyrum.redaction.copies import ESCAPES, FILLERS, TRIGGERS
from langchain_tyrum.redaction.shapes.signals import Signals

#: One of these occurs in any short text in which a trigger does.
_ODD = re.compile(
    rb"[\x00\\%&\r\n\xc2\xe2\xef]|[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]"
)
#: Up to here the interpreter is faster than an engine, to which threads hand it over.
SHORT = 64
#: Up to here one pass for everything is cheaper than two for what is likely.
_SMALL = 1 << 12
_LINE = 60

_all = Signals(TRIGGERS)
_pairs = Signals([FILLERS["colons"]])
_nul = Signals([FILLERS["nul"]])
_zero_width = Signals([FILLERS["zero_width"]])
_backslash = Signals([FILLERS["escaped"], ESCAPES["unicode"], ESCAPES["hex_escape"]])
_percent = Signals([ESCAPES["percent"]])
_entity = Signals([ESCAPES["entity"]])
#: Few lines end like wrapped ones, and to tell that of them costs less than to tell it.
_line, _wrap = Signals([FILLERS["line"]]), Signals([FILLERS["wrap"]])
_line_or_pairs = Signals([FILLERS["line"], FILLERS["colons"]])
_LINES = (_line, _line_or_pairs)


def looks_disguised(
    data: bytes, *, pairs: bool = True, wraps: bool = True, ascii_only: bool = False
) -> bool:
    """Tell whether a copy without disguises would differ from a text.

    Args:
        data: The text.
        pairs: Whether to look for pairs of digits between colons or hyphens too.
        wraps: Whether to look for wrapped lines too.
        ascii_only: Whether it is known to hold ASCII only.

    Raises:
        EngineError: The search failed.
    """
    size = len(data)
    if size <= SHORT and not looks_odd(data):
        return False
    likely = _likely(data, pairs=pairs, wraps=wraps, ascii_only=ascii_only)
    if not likely:
        return False
    if size <= _SMALL and (len(likely) > 1 or likely[0] in _LINES):
        return bool((_wrap if likely == [_line] else _all).fired(data))
    return any(_fires(each, data) for each in likely)


def _fires(signals: Signals, data: bytes) -> bool:
    fired = signals.fired(data)
    if fired == [0] and signals in _LINES:
        return bool(_wrap.fired(data))
    return bool(fired)


def _likely(
    data: bytes, *, pairs: bool, wraps: bool, ascii_only: bool
) -> list[Signals]:
    """List what to look for: a byte that is missing is told in no time."""
    likely = []
    escaped = 0x5C in data
    if escaped:
        likely.append(_backslash)
    if 0x25 in data:
        likely.append(_percent)
    if b"&#" in data:
        likely.append(_entity)
    if 0 in data:
        likely.append(_nul)
    if not ascii_only and (0xE2 in data or 0xEF in data or 0xC2 in data):
        likely.append(_zero_width)
    if wraps and len(data) > _LINE and (escaped or 0x0A in data or 0x0D in data):
        likely.append(_line_or_pairs if pairs else _line)
    elif pairs:
        likely.append(_pairs)
    return likely


def looks_odd(data: bytes) -> bool:
    """Tell the same of a short text, in no time, and rather too often."""
    return _ODD.search(data) is not None
