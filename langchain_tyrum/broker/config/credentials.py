"""Credentials do not stand in a settings file: those that do are refused.

Nothing that is found is repeated: problems name the line, the key and the rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from langchain_tyrum.broker.config.keys import Key, leaves, table
from langchain_tyrum.broker.config.variables import is_waiting, without_variables
from langchain_tyrum.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from langchain_tyrum.broker.config.report import Report

_ENVIRONMENT = "put it into the environment and write ${NAME}"
_SPENT = (
    "and replace it at its service, since whoever reads the file or its history has it"
)
#: What stands between user and `@` in a URL. A port and a path before an `@` are none.
_PASSWORD = re.compile(r"[A-Za-z][\w+.-]*://[^:/?#@\s]*:(?!\d+/)([^@]*)@")
_QUERY = re.compile(
    r"://[^?#\s]*\?(?:[^#\s]*&)?(?:password|passwd|pwd)=", re.IGNORECASE
)
_OPTIONS = ("token", "password", "passphrase", "secret", "secret_id", "api_key")


def is_credential(option: str) -> bool:
    """Whether an option of a provider holds a credential, judged by its name."""
    name = option.lower().replace("-", "_")
    return name in ("key", *_OPTIONS) or name.endswith(tuple(f"_{x}" for x in _OPTIONS))


def password_of(text: str) -> str | None:
    """The password in a URL, if a text is one that has it."""
    found = _PASSWORD.search(text)
    return unquote(found.group(1)) or None if found else None


def refuse_credentials(document: Mapping[str, Any], report: Report) -> None:
    """Note every credential that stands in the file itself."""
    for key, option in _provider_options(document):
        if is_credential(str(key[-1])) and not is_waiting(option):
            report.add(
                key,
                f"a credential does not stand in the file; {_ENVIRONMENT}, or name its "
                f"variable where the kind takes {key[-1]}_env, {_SPENT}",
            )
    for key, leaf in leaves(document):
        if isinstance(leaf, str) and not report.mentions(key):
            _refuse_text(key, leaf, report)
    refuse_shapes(document, report, lambda key: key)


def refuse_shapes(
    tree: Mapping[str, Any],
    report: Report,
    origin: Any,
    *,
    mend: str = f"{_ENVIRONMENT}, {_SPENT}",
) -> None:
    """Note what is a credential by its shape, in values and in names.

    Args:
        tree: What to look at.
        report: Where problems go.
        origin: From the key here to the key in the file.
        mend: What to do about it.
    """
    redactor = Redactor()
    for key, leaf in leaves(tree):
        bare = without_variables(leaf) if isinstance(leaf, str) else leaf
        found = redactor.scan({str(key[-1]): bare})
        if found and not report.mentions(origin(key)):
            report.add(
                origin(key), f"reads like a credential ({found[0].rule}); {mend}"
            )
    for key in _names(tree):
        if found := redactor.scan(str(key[-1])):
            report.add(
                origin(key), f"its name reads like a credential ({found[0].rule})"
            )


def refuse_query_password(key: Key, text: str, report: Report) -> None:
    """Note a password behind the `?` of a URL, where drivers and errors show it."""
    if _QUERY.search(text):
        report.add(
            key,
            "a password does not stand behind the '?'; write it as user:${NAME}@host",
        )


def _refuse_text(key: Key, text: str, report: Report) -> None:
    if password_of(without_variables(text)):
        report.add(
            key,
            f"a literal password stands in this URL; {_ENVIRONMENT} in its place, "
            f"{_SPENT}",
        )
        return
    refuse_query_password(key, text, report)


def _provider_options(document: Mapping[str, Any]) -> Iterator[tuple[Key, Any]]:
    tops: list[Key] = [
        (),
        *(("environments", x) for x in table(document, "environments")),
    ]
    for top in tops:
        providers = table(document, *top, "providers")
        for label in providers:
            for option, value in table(providers, label).items():
                yield (*top, "providers", label, option), value


def _names(tree: object, key: Key = ()) -> Iterator[Key]:
    """The key of everything that has a name."""
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield (*key, name)
            yield from _names(value, (*key, name))
