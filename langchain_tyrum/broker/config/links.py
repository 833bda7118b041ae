"""What points to what: secrets to providers, references to secrets; and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.keys import Key, at, has, table
from langchain_tyrum.broker.config.report import meant
from langchain_tyrum.broker.config.variables import is_waiting
from langchain_tyrum.broker.records.names import check_name
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import HANDLE_TEXT, SCHEME

if TYPE_CHECKING:
    from langchain_tyrum.broker.config.report import Report
    from langchain_tyrum.broker.config.stacking import View

_MAX_LABEL = 120
#: The label of the provider that a file without any has.
DEFAULT = "database"


def check_links(view: View, report: Report) -> None:
    """Note what points nowhere, is missing or is named wrongly, in one environment."""
    own: Key = ("environments", view.environment or "")
    if has(view.document, own):
        _check_length(own, own, report)
    for label in view.tables["providers"]:
        _check_label(view, ("providers", label), report)
    for name in view.tables["secrets"]:
        _check_secret(view, name, report)
    for alias in view.tables["references"]:
        _check_reference(view, alias, report)


def _check_label(view: View, key: Key, report: Report) -> None:
    _check_length(key, view.origin(key), report)
    kind: Key = (*key, "kind")
    if not at(view.tables, kind) and not report.mentions(view.origin(kind)):
        report.add(view.origin(key), 'its kind is missing; write kind = "database"')


def _check_length(key: Key, origin: Key, report: Report) -> None:
    if not 0 < len(str(key[-1])) <= _MAX_LABEL:
        report.add(origin, f"a label has 1 to {_MAX_LABEL} characters")


def _check_secret(view: View, name: str, report: Report) -> None:
    key: Key = ("secrets", name)
    try:
        check_name(name)
    except ConfigError as error:
        problem = str(error)
    else:
        problem = ""
    if problem:
        report.add(view.origin(key), problem)
    providers = list(table(view.tables, "providers")) or [DEFAULT]
    _check_link(view, (*key, "provider"), providers, report)


def _check_reference(view: View, alias: str, report: Report) -> None:
    key: Key = ("references", alias)
    secrets = table(view.tables, "secrets")
    wellformed = HANDLE_TEXT.fullmatch(SCHEME + alias) and len(alias) <= _MAX_LABEL
    if not wellformed:
        report.add(
            view.origin(key),
            "an alias has letters, digits, '_', '-' and '/' only, 120 at most",
        )
    if alias in secrets:
        report.add(
            view.origin(key),
            "the alias is also the name of a secret; names and aliases are unique "
            "against each other, choose another alias",
        )
    if not at(view.tables, (*key, "tools")):
        report.add(
            view.origin(key),
            'the tools that may take it are missing; write tools = ["create_issue"]',
        )
    _check_link(view, (*key, "secret"), list(secrets), report)


def _check_link(view: View, key: Key, known: list[str], report: Report) -> None:
    """Note a `provider` or `secret` that is missing or is not in the file."""
    target: Any = at(view.tables, key)
    if report.mentions(view.origin(key)):
        return
    if target is None:
        report.add(
            view.origin(key),
            f"its {key[-1]} is missing; write {key[-1]} = …, {meant('', known)}",
        )
    elif target not in known and isinstance(target, str) and not is_waiting(target):
        report.add(
            view.origin(key),
            f"there is no such {key[-1]} in this file; {meant(target, known)}",
        )
