"""Log records without values: message, arguments, exception, stack and extras."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.frames import without_locals
from langchain_tyrum.redaction.sources import redactor_of
from langchain_tyrum.redaction.walk.steady import steady
from langchain_tyrum.traces.pieces import pieces_of
from langchain_tyrum.traces.steadied import computes, saying, steady_error
from langchain_tyrum.traces.written import is_written

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from langchain_tyrum.redaction import Redactor
    from langchain_tyrum.traces.sources import RedactorSource

#: Stands for a record that could not be redacted.
WITHHELD = "[WITHHELD: this log record could not be redacted]"

_STANDARD = frozenset(vars(logging.makeLogRecord({})))
_OWN = frozenset({"msg", "args", "exc_info", "exc_text"})
_DEEPEST = 3
_OURS = __name__.partition(".")[0]
_NESTED = threading.local()
_PLAIN = (bool, int, float, complex, type(None))


class RedactionFilter(logging.Filter):
    """A logging filter that redacts the record and lets it pass.

    It covers message, arguments, exception, stack and `extra` fields, and never
    raises: a record that cannot be redacted is emptied. Put it on handlers; a
    filter on a logger does not see what its children log.

    Args:
        redactor: A redactor, or a broker that has one.
    """

    def __init__(self, redactor: RedactorSource) -> None:
        super().__init__()
        self._redactor = redactor_of(redactor)

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact the record in place; it is always let through."""
        scrub(record, self._redactor)
        return True


def redaction_processor(
    redactor: RedactorSource,
) -> Callable[[Any, str, MutableMapping[str, Any]], MutableMapping[str, Any]]:
    """Return a structlog processor; put it right before the renderer.

    Args:
        redactor: A redactor, or a broker that has one.
    """
    known = redactor_of(redactor)

    def processor(
        logger: Any,  # noqa: ARG001 - structlog's signature
        method: str,  # noqa: ARG001
        event: MutableMapping[str, Any],
    ) -> MutableMapping[str, Any]:
        try:
            return _clean_event(event, known)
        except Exception:
            return {"event": WITHHELD}

    return processor


def scrub(record: logging.LogRecord, redactor: Redactor) -> None:
    """Redact one record in place; empty it when that fails. Never raises.

    What this package itself logs meanwhile is left alone: its messages are constant,
    and with a broken engine each of them would bring forth more of them.
    """
    depth = getattr(_NESTED, "depth", 0)
    if depth and record.name.partition(".")[0] == _OURS:
        return
    if depth == _DEEPEST:  # redacting logs, and that is redacted, and that logs …
        _empty(record)
        return
    _NESTED.depth = depth + 1
    try:
        _scrub(record, redactor)
    except Exception:
        _empty(record)
    finally:
        _NESTED.depth = depth


def _scrub(record: logging.LogRecord, redactor: Redactor) -> None:
    _scrub_message(record, redactor)
    _scrub_exception(record, redactor)
    for name, value in list(vars(record).items()):
        if name not in _OWN:
            clean = pieces_of(redactor).text(name)
            if name not in _STANDARD and clean != name:
                del vars(record)[name]
            if name not in _STANDARD or not isinstance(value, _PLAIN):
                vars(record)[clean] = clean_value(value, redactor)


def clean_value(value: Any, redactor: Redactor, *, numbers: bool = True) -> Any:
    """Return a value that a log line may show; the same object if clean.

    An object that is no data stays itself while its text forms are clean, since
    formats such as `%d` ask for the object. Handlers ask it again, so for one that
    computes its text there is a stand-in, which says again what it said here.

    Args:
        value: The value.
        redactor: What to redact with.
        numbers: Whether a number may become a marker; in the arguments of a message
            it may not, there the message itself is looked at.
    """
    if isinstance(value, _PLAIN) and not computes(value):
        return redactor.redact(value) if numbers else value
    if type(value) is str:
        return pieces_of(redactor).text(value)
    if isinstance(value, (str, bytes, BaseException, *_PLAIN)):
        return steady(value, redactor)
    if is_written(type(value)) and (written := steady(value, redactor)) is not value:
        return written
    if isinstance(value, dict):
        clean = {
            clean_value(key, redactor, numbers=numbers): clean_value(
                item, redactor, numbers=numbers
            )
            for key, item in value.items()
        }
        same = all(key in clean and clean[key] is item for key, item in value.items())
        return value if same else clean
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        items = [clean_value(item, redactor, numbers=numbers) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    texts = (str(value), repr(value))
    for text in texts:
        clean_text = pieces_of(redactor).text(text)
        if clean_text != text:
            return clean_text
    return saying(value, *texts)


def _scrub_message(record: logging.LogRecord, redactor: Redactor) -> None:
    args: Any = record.args
    if not args:
        record.msg = clean_value(record.msg, redactor)
        return
    record.args = clean_value(args, redactor, numbers=False)
    if type(record.msg) is not str:
        record.msg = clean_value(record.msg, redactor)
    try:
        text = record.getMessage()
    except Exception:  # a wrong format: logging reports it, with what it is given
        record.msg = pieces_of(redactor).text(str(record.msg))
        return
    clean = pieces_of(redactor).text(text)
    if clean != text:
        record.msg, record.args = clean, ()


def _scrub_exception(record: logging.LogRecord, redactor: Redactor) -> None:
    if record.exc_text:
        record.exc_text = pieces_of(redactor).text(record.exc_text)
    if not isinstance(record.exc_info, tuple) or record.exc_info[1] is None:
        return
    text = _formatted(record.exc_info[1])
    clean = pieces_of(redactor).text(text)
    if clean == text:
        error = without_locals(record.exc_info[1], redactor)
        same = steady_error(error, redactor)
        record.exc_text = record.exc_text if same is error else text
        record.exc_info = (type(same), same, error.__traceback__)
        return
    record.exc_text = clean
    error = redactor.redact(record.exc_info[1])
    if not isinstance(error, BaseException):
        error = RuntimeError(WITHHELD)
    # Without its traceback: the frames hold what was redacted from the text.
    record.exc_info = (type(error), error, None)


def _formatted(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip("\n")


def _empty(record: logging.LogRecord) -> None:
    record.msg, record.args = WITHHELD, ()
    record.exc_info = record.exc_text = record.stack_info = None
    for name in set(vars(record)) - _STANDARD:
        del vars(record)[name]


def _clean_event(
    event: MutableMapping[str, Any], redactor: Redactor
) -> MutableMapping[str, Any]:
    fields = dict(event)
    info = fields.get("exc_info")
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        text = _formatted(error)
        clean = pieces_of(redactor).text(text)
        if clean != text:
            del fields["exc_info"]
            fields["exception"] = clean
        else:
            del fields["exc_info"]
            error = steady_error(without_locals(error, redactor), redactor)
            return {**clean_value(fields, redactor), "exc_info": error}
    found: MutableMapping[str, Any] = clean_value(fields, redactor)
    return found
