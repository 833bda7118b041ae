"""The options of providers, held against what makes a provider of their kind."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.keys import Key, table
from langchain_tyrum.broker.config.report import meant
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.providers import provider_class, provider_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tyrum.broker.config.report import Report

#: What a settings file can say, by the words that annotations use for it.
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "Path": ((str,), "text"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a number"),
    "float": ((int, float), "a number"),
    "Mapping": ((dict,), "a table"),
    "dict": ((dict,), "a table"),
    "Sequence": ((list,), "a list"),
    "list": ((list,), "a list"),
    "tuple": ((list,), "a list"),
    "None": ((), ""),
}
#: Made by the broker, or there for tests: no settings.
_NOT_SET = ("label", "environ", "backend")
_SPECIAL: dict[str, dict[str, str]] = {
    "database": {"url": "str | None"},
    "chain": {"providers": "Sequence[str]"},
    "memory": {},
}


def options_of(kind: str) -> dict[str, inspect.Parameter]:
    """The options that a kind takes, by name.

    Raises:
        ConfigError: No such kind is known, or it cannot be loaded.
    """
    if kind in _SPECIAL:
        return {
            name: inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=annotation,
                default=None if "None" in annotation else inspect.Parameter.empty,
            )
            for name, annotation in _SPECIAL[kind].items()
        }
    found = inspect.signature(provider_class(kind)).parameters
    return {
        name: parameter
        for name, parameter in found.items()
        if name not in _NOT_SET and _can_be_written(parameter)
    }


def takes_label(kind: str) -> bool:
    """Whether a provider of that kind is told its label."""
    return "label" in inspect.signature(provider_class(kind)).parameters


def takes_paths(parameter: inspect.Parameter) -> bool:
    """Whether an option is a path, which the file's folder is the start of."""
    return bool(re.search(r"\bPath\b", str(parameter.annotation)))


def check_kinds(
    tables: Mapping[str, Any], report: Report, origin: Callable[[Key], Key]
) -> None:
    """Note unknown kinds, and options that a kind does not take."""
    kinds = provider_kinds()
    for label in table(tables, "providers"):
        key: Key = ("providers", label)
        options = dict(table(tables, *key))
        kind = options.pop("kind", None)
        if not isinstance(kind, str) or not kind:
            continue  # noted where links are checked
        if kind not in kinds:
            report.add(
                origin((*key, "kind")),
                f"there is no such kind of provider; {meant(kind, kinds)}; others come "
                "with packages that register one",
            )
            continue
        try:
            taken = options_of(kind)
        except ConfigError as error:
            problem = str(error)
        else:
            _check_options(key, options, taken, report, origin)
            continue
        report.add(origin((*key, "kind")), problem)


def _check_options(
    key: Key,
    options: Mapping[str, Any],
    taken: Mapping[str, inspect.Parameter],
    report: Report,
    origin: Callable[[Key], Key],
) -> None:
    anything = any(x.kind is x.VAR_KEYWORD for x in taken.values())
    known = [name for name, x in taken.items() if x.kind is not x.VAR_KEYWORD]
    for name, value in options.items():
        if name in known:
            if problem := _wrong_type(taken[name], value):
                report.add(origin((*key, name)), problem)
        elif not anything:
            report.add(
                origin((*key, name)),
                f"this kind of provider takes no such option; {meant(name, known)}",
            )
    for name in known:
        if taken[name].default is inspect.Parameter.empty and name not in options:
            report.add(origin(key), f"this kind of provider needs {name!r}; add it")


def _wrong_type(parameter: inspect.Parameter, value: object) -> str:
    words = _words(parameter.annotation)
    if not words or not set(words) <= set(_TYPES):
        return ""
    types = [each for word in words for each in _TYPES[word][0]]
    fits = bool in types if isinstance(value, bool) else isinstance(value, tuple(types))
    wanted = " or ".join(dict.fromkeys(_TYPES[w][1] for w in words if _TYPES[w][1]))
    return "" if fits else f"must be {wanted}"


def _words(annotation: object) -> list[str]:
    """The alternatives of an annotation, without what they hold."""
    text = (
        annotation
        if isinstance(annotation, str)
        else getattr(annotation, "__name__", str(annotation))
    )
    while "[" in text:
        shorter = re.sub(r"\[[^\[\]]*\]", "", text)
        if shorter == text:
            return []
        text = shorter
    return [word.strip().rpartition(".")[2] for word in text.split("|")]


def _can_be_written(parameter: inspect.Parameter) -> bool:
    """Whether a settings file could give it: no callables, no clients."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return False
    if (
        parameter.annotation is parameter.empty
        or parameter.kind is parameter.VAR_KEYWORD
    ):
        return True
    known = {*_TYPES, "Any", "object"}
    return any(w in known and w != "None" for w in _words(parameter.annotation))
