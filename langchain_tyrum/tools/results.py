"""What leaves a secret tool: results, and errors that hold nothing of the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langgraph.errors import GraphInterrupt
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from langchain_tyrum.errors import RawSecretFound
from langchain_tyrum.tools.compat import interrupt_refused
from langchain_tyrum.tools.failures import loosen, tells, withheld

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

_LEAVES = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, repr=False)
class Outcome:
    """How an inner call ended, redacted: with a result or with an error.

    It carries the error out of the frames that held the value, to be raised where
    no `except` is open and no such frame is left.
    """

    result: Any = None
    error: BaseException | None = None

    def unwrap(self) -> Any:
        """Return the result, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.result


def succeeded(result: Any, redactor: Redactor) -> Outcome:
    """Redact a result: text, messages, commands, lists, content and artifact.

    What cannot be redacted is not passed on, nor what still shows a value in the
    text that a message would carry.
    """
    try:
        clean = redactor.redact(result)
        if _is_plain(clean) or not tells(clean, redactor):
            return Outcome(result=clean)
        kind = type(result).__name__
    except Exception as error:
        kind = type(error).__name__
    return Outcome(
        error=RawSecretFound(
            f"the tool's result could not be redacted ({kind}), so it is withheld: "
            "return plain data, text or messages",
            path="result",
            rule="unreadable",
        )
    )


def _is_plain(obj: Any) -> bool:
    """Tell whether a result is data all through, which the redactor sees whole."""
    stack, seen = [obj], set()
    while stack:
        one = stack.pop()
        kind = type(one)
        if kind in _LEAVES or id(one) in seen:
            continue
        seen.add(id(one))
        if kind is dict:
            stack += [*one.keys(), *one.values()]
        elif kind is list or kind is tuple:
            stack += one
        else:
            return False
    return True


def failed(error: BaseException, redactor: Redactor) -> Outcome:
    """Redact an error and cut it loose from the frames that it passed.

    Args:
        error: What the inner call raised; bubble-ups and cancellations too.
        redactor: Who knows the values.
    """
    if isinstance(error, GraphInterrupt):
        return Outcome(error=interrupt_refused())
    try:
        if isinstance(error, ValidationError):
            return Outcome(error=_uninformed(error, redactor))
        return Outcome(error=loosen(error, redactor))
    except Exception:  # noqa: S110 - an error without a redacted form is withheld
        pass
    return Outcome(error=withheld(error))


def _uninformed(error: ValidationError, redactor: Redactor) -> ValidationError:
    """Rebuild a validation error without the input that it quotes."""
    lines = [
        InitErrorDetails(
            type=PydanticCustomError(
                cast("Any", line["type"]),
                "{problem}",
                {"problem": redactor.redact_text(line["msg"])},
            ),
            loc=redactor.redact(line["loc"]),
            input=None,
        )
        for line in error.errors(include_url=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, lines, hide_input=True)
