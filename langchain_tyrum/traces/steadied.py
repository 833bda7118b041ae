"""Errors and objects that are written out later, once more than they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.frames import with_links
from langchain_tyrum.redaction.walk.standin import REPR, STR, stand_in
from langchain_tyrum.redaction.walk.steady import steady
from langchain_tyrum.redaction.walk.voices import voices_of

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

_PLAIN = frozenset({str, bytes, int, float, bool, type(None)})


def computes(value: Any) -> bool:
    """Tell whether an object's class computes what it says of itself."""
    return type(value) not in _PLAIN and voices_of(type(value)) is not None


def steady_error(error: BaseException, redactor: Redactor) -> BaseException:
    """Return an error that says again what it says now, and so do its links.

    Args:
        error: The error. What it says has been looked at, and may change.
        redactor: What to redact with.

    Returns:
        The same one if it computes nothing, nor do its arguments.
    """
    if not any(map(_may_change, with_links(error))):
        return error
    same = steady(error, redactor)
    if isinstance(same, BaseException):
        return same
    return RuntimeError("[WITHHELD: this error could not be redacted]")


def saying(value: Any, text: str, shown: str) -> Any:
    """Return an object that goes on saying these texts, which were looked at.

    Args:
        value: The object.
        text: What `str` gave.
        shown: What `repr` gave.
    """
    if not computes(value):
        return value
    try:
        return stand_in(value, {REPR: shown, STR: text})
    except Exception:
        return text


def _may_change(error: BaseException) -> bool:
    args = error.args
    return computes(error) or any(type(each) not in _PLAIN for each in args)
