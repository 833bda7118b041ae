"""Anchors: the few bytes of a form that engines look for in its stead."""

from __future__ import annotations

import re

#: Where a piece of a form begins, and where it ends.
Piece = tuple[int, int]

_SIZE = 16
_SKIP = 8
_HANDY = re.compile(rb"[^+/_\0-]{%d}" % _SIZE)
#: What may stand before a wrap, so it tells how far into a form the first may fall.
_LEADING = re.compile(rb"[A-Za-z0-9+/_-]*")
_DIGITS = re.compile(rb"[0-9A-Fa-f]{12,}")
_PAIRED = 12
_WORD = re.compile(rb"[A-Z]?[a-z_/+-]*|[A-Z_/+-]*")
#: What is shorter, or has fewer different bytes, stands all over ordinary text.
_LEAST, _VARIED = 6, 4


def anchor(form: bytes) -> Piece:
    """Choose the piece that a form is found by.

    Past the first bytes, which many tokens share, and without the bytes in which the
    two base64 alphabets differ, so that both alphabets share one anchor.
    """
    last = len(form) - _SIZE
    if last <= 0:
        return 0, len(form)
    first = min(_SKIP, last)
    handy = _HANDY.search(form, first, first + 2 * _SIZE)
    start = handy.start() if handy else first
    return start, start + _SIZE


def anchors(form: bytes) -> tuple[Piece, ...]:
    """Choose pieces of which one stays whole wherever a form is wrapped.

    Wraps are farther apart than the ends of two pieces, so two are enough. One is,
    where no wrap can fall into it.

    Returns:
        Pieces; the form is found by the first.
    """
    start, stop = anchor(form)
    leading = _LEADING.match(form)
    if leading is None or leading.end() <= start:
        return ((start, stop),)
    size = len(form)
    if size < 2 * _SIZE:
        half = min(size // 2, _SKIP)
        if half < size // 2 and (_is_word(form[:half]) or _is_word(form[half:][:half])):
            return (size // 2, size), (0, size // 2)
        # encodings that differ in their last bytes share both
        return (half, 2 * half), (0, half)
    if start < _SIZE and stop + _SIZE <= size:
        return (start, stop), (stop, stop + _SIZE)
    if size - stop >= _SKIP and start < _SIZE and _is_word(form[:start]):
        return (start, stop), (stop, size)
    return (start, stop), (max(0, start - _SIZE), start)


def pair_anchors(form: bytes, *, wraps: bool) -> tuple[bytes, ...]:
    """Write the anchors of a hexadecimal form whose pairs are set apart: `41:42:43`.

    Args:
        form: Any form; others have none.
        wraps: Whether one has to stay whole wherever the form is wrapped, which is
            done to hyphens only.
    """
    if not _DIGITS.fullmatch(form):
        return ()
    size = len(form)
    start = min(_SKIP, (size - _PAIRED) & ~1)
    found = [_apart(form, b":", start, start + _PAIRED)]
    if wraps:
        half = min(_PAIRED, (size // 2) & ~1)
        start = min(_SKIP, (size - 2 * half) & ~1)
        found.append(_apart(form, b"-", start + half, start + 2 * half))
        found.append(_apart(form, b"-", start, start + half))
    else:
        found.append(_apart(form, b"-", start, start + _PAIRED))
    return tuple(found)


def _apart(form: bytes, mark: bytes, low: int, high: int) -> bytes:
    pairs = [form[at : at + 2] for at in range(low, high, 2)]
    return mark.join(pairs)[:_SIZE]


def is_telling(text: bytes) -> bool:
    """Tell whether an anchor is rare enough to be looked for only to get a hint."""
    return (
        len(text) >= (_SKIP if _is_word(text) else _LEAST) and len(set(text)) >= _VARIED
    )


def _is_word(text: bytes) -> bool:
    return _WORD.fullmatch(text) is not None
