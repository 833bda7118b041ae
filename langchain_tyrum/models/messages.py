"""Pure helpers: messages on their way to a model, results on their way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_args

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.redaction.text import Mode
from langchain_tyrum.redaction.walk.steady import steady

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from langchain_core.messages import BaseMessage

    from langchain_tyrum.redaction import Redactor

T = TypeVar("T")

_DATA = (str, bytes, dict, list, tuple, set, frozenset)
_WITHHELD = (
    "the messages of a model call could not be redacted, so they were withheld: see "
    "that they hold plain data"
)


def check_mode(mode: object) -> None:
    """Refuse a mode that there is not: a misspelled `refuse` must not redact.

    Raises:
        ConfigError: It is unknown.
    """
    if mode not in get_args(Mode):
        raise ConfigError(
            f"mode={mode!r} is unknown: choose 'redact', 'refuse' or 'observe'"
        )


def guard_messages(
    messages: Sequence[BaseMessage], redactor: Redactor, *, mode: Mode = "redact"
) -> list[BaseMessage]:
    """Return messages that a model may see.

    Args:
        messages: The messages; they are never edited.
        redactor: What to redact with.
        mode: `refuse` raises where `redact` puts a marker; `observe` lets shapes
            pass.

    Returns:
        A list; the messages in it are the given objects where they are clean.

    Raises:
        RawSecretFound: Mode `refuse`, and a value or shape was found.
        RuntimeError: They cannot be redacted.
        ConfigError: The mode is unknown.
    """
    if mode == "refuse":
        redactor.refuse({"messages": list(messages)})
        return list(messages)
    if mode != "redact":
        redactor = _in(mode, redactor)
    clean = steady(list(messages), redactor)
    if not isinstance(clean, list) or len(clean) != len(messages):
        raise RuntimeError(_WITHHELD)
    return clean


def guard_result(result: T, redactor: Redactor, *, mode: Mode = "redact") -> T:
    """Return what came back from a model without values.

    Args:
        result: A message, a `ChatResult`, an `LLMResult` or a list of them.
        redactor: What to redact with.
        mode: `refuse` raises where `redact` puts a marker; `observe` lets shapes
            pass.

    Returns:
        The same object when it is clean.

    Raises:
        RawSecretFound: Mode `refuse`, and a value or shape was found.
        RuntimeError: It cannot be redacted.
        ConfigError: The mode is unknown.
    """
    if mode == "refuse":
        redactor.refuse({"result": result})
        return result
    if mode != "redact":
        redactor = _in(mode, redactor)
    clean: T = redactor.redact(result)
    if type(clean) is not type(result):
        raise RuntimeError(_WITHHELD)
    return clean


def guard_options(
    options: dict[str, Any],
    redactor: Redactor,
    *,
    mode: Mode = "redact",
    but: Container[str] = (),
) -> dict[str, Any]:
    """Return the keyword arguments of a model call: tools, stop words, headers.

    Only data is looked into; classes, functions and clients are no text. Clean data
    stays the given object, of whatever class, since a provider works with it; other
    objects that compute their text say again what they said.

    Args:
        options: The keyword arguments.
        redactor: What to redact with.
        mode: `refuse` raises where `redact` puts a marker; `observe` lets shapes
            pass.
        but: Names that are passed on as they are.

    Raises:
        RawSecretFound: Mode `refuse`, and a value or shape was found.
    """
    if mode not in ("redact", "refuse"):
        redactor = _in(mode, redactor)
    clean = dict(options)
    for name, value in options.items():
        if name in but or not isinstance(value, _DATA):
            continue
        if not value and type(value) in _DATA:
            continue
        if mode == "refuse":
            redactor.refuse({name: value})
        else:
            clean[name] = steady(value, redactor, data=False)
    return clean


def _in(mode: Mode, redactor: Redactor) -> Redactor:
    check_mode(mode)
    return redactor.in_mode(mode)
