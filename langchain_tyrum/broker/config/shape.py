"""Whether a settings file has the right tables, keys and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from langchain_tyrum.broker.config.keys import Key, at, has
from langchain_tyrum.broker.config.models import Document, known_keys
from langchain_tyrum.broker.config.report import meant
from langchain_tyrum.broker.config.variables import is_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_core import ErrorDetails

    from langchain_tyrum.broker.config.report import Report

M = TypeVar("M", bound=BaseModel)

_WHAT = {
    "string_type": "must be text; write it in quotes",
    "tuple_type": 'must be a list; write ["…"]',
    "list_type": 'must be a list; write ["…"]',
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "string_too_short": "is empty; write something, or remove the key",
}


def check_shape(document: Mapping[str, Any], report: Report) -> None:
    """Note unknown keys and wrong types; what waits for a variable is left alone."""
    for key, what in _problems(Document, document):
        if not is_waiting(at(document, key)):
            report.add(key, what)


def read_model(
    model: type[M],
    raw: Mapping[str, Any],
    report: Report,
    origin: Callable[[Key], Key],
) -> M | None:
    """Read tables whose variables are filled; note what is wrong, where it came from.

    Args:
        model: What to read.
        raw: The tables.
        report: Where problems go.
        origin: From the key here to the key in the file.

    Returns:
        The model, or None when something is wrong.
    """
    problems = _problems(model, raw)
    for key, what in problems:
        if not report.mentions(origin(key)):
            report.add(origin(key), what)
    return None if problems else model.model_validate(raw)


def _problems(model: type[BaseModel], raw: Mapping[str, Any]) -> list[tuple[Key, str]]:
    try:
        model.model_validate(raw)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    else:
        return []
    return [(_key(raw, each["loc"]), _what(raw, each)) for each in found]


def _key(raw: object, loc: tuple[str | int, ...]) -> Key:
    """Where pydantic means; the tags of unions stand in no file."""
    key: Key = ()
    for part in loc:
        if has(raw, (*key, part)):
            key = (*key, part)
    return key


def _what(raw: object, error: ErrorDetails) -> str:
    key = _key(raw, error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        mend = meant(key[-1], known_keys(*key[:-1]))
        return f"there is no such key; {mend}"
    if key == ("environment",) and isinstance(at(raw, key), dict):
        return "must be text; tables of environments are named [environments.<name>]"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    return _WHAT.get(kind) or str(error["msg"]).replace("Input should be", "must be")
