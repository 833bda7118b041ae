"""Reading `tyrum.toml`: every problem of the file at once, or the settings."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.credentials import refuse_credentials, refuse_shapes
from langchain_tyrum.broker.config.declared import Declared, declarations
from langchain_tyrum.broker.config.discovery import find_config
from langchain_tyrum.broker.config.filling import credentials_in, fill
from langchain_tyrum.broker.config.keys import Key, table
from langchain_tyrum.broker.config.kinds import check_kinds
from langchain_tyrum.broker.config.layers import read_layers
from langchain_tyrum.broker.config.links import check_links
from langchain_tyrum.broker.config.models import Document, Tables
from langchain_tyrum.broker.config.refs import check_refs
from langchain_tyrum.broker.config.report import Report
from langchain_tyrum.broker.config.shape import check_shape, read_model
from langchain_tyrum.broker.config.stacking import View, choose, stacked
from langchain_tyrum.broker.config.variables import Variables, is_waiting
from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from langchain_tyrum.policy import SecretPolicy

_AT = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")
_PLAIN = re.compile(r"(?:[A-Za-z/ -]|'.')+")
_SHOWN = "what models and people are shown is no place for it; write something else"


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one environment, read and checked; nothing is opened yet.

    Attributes:
        file: Where they stand.
        application: Who declares.
        environment: The environment; None is none.
        tables: What holds in it.
        layers: Its policies, the file's own first.
        declared: What the whole file declares, all environments together.
        credentials: Passwords and the like that came from the environment, by name.
        view: How it was stacked, to tell where something comes from.
        variables: What was taken from the environment.
        report: Where errors about the file get their lines.
    """

    file: Path
    application: str
    environment: str | None
    tables: Tables = field(repr=False)
    layers: tuple[SecretPolicy, ...] = field(repr=False)
    declared: Declared = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)
    view: View = field(repr=False)
    variables: Variables = field(repr=False)
    report: Report = field(repr=False)

    def error(self, key: Key, what: str) -> ConfigError:
        """An error about one key, without anything that came from the environment."""
        return self.report.error(self.view.origin(key), self.variables.mask(what))


def read_config(
    path: str | Path | None = None,
    *,
    environment: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Find, read and check a settings file.

    Args:
        path: The file or its folder; see `find_config`.
        environment: The environment; by default `TYRUM_ENVIRONMENT`, then the file's.
        environ: The environment variables, for tests.

    Returns:
        The settings.

    Raises:
        ConfigError: There is no file, or something is wrong with it: all problems, one
            a line, as `file:line: key: what is wrong; mend`.
    """
    environ = os.environ if environ is None else environ
    file = find_config(path, environ=environ)
    text = _text(file)
    document = _parsed(file, text)
    report = Report(file, text)
    check_shape(document, report)
    refuse_credentials(document, report)
    variables = Variables(environ)
    top = _top(document, variables, report, is_given=_is_given(environment, environ))
    chosen = choose(document, environment, environ, top.get("environment"), report)
    view = stacked(document, chosen)
    filled = fill(view.tables, variables, report, view.origin)
    _check(filled, view, report)
    tables = read_model(Tables, filled, report, view.origin)
    layers = read_layers(document, chosen, variables, report)
    report.refuse()
    return Config(
        file=file,
        application=top.get("application", "default"),
        environment=chosen,
        tables=tables or Tables(),  # None was reported
        layers=layers,
        declared=declarations(document, environ),
        credentials=credentials_in(filled),
        view=view,
        variables=variables,
        report=report,
    )


def _top(
    document: Mapping[str, Any],
    variables: Variables,
    report: Report,
    *,
    is_given: bool,
) -> dict[str, str]:
    """What stands above all tables; an environment that is not needed may wait."""
    found = {
        name: fill(document[name], variables, report, key=(name,))
        for name in ("application", "environment")
        if isinstance(document.get(name), str)
        and not (name == "environment" and is_given and is_waiting(document[name]))
    }
    read_model(Document, found, report, lambda key: key)
    return found


def _is_given(environment: str | None, environ: Mapping[str, str]) -> bool:
    return bool(environment or environ.get("TYRUM_ENVIRONMENT"))


def _check(filled: Mapping[str, Any], view: View, report: Report) -> None:
    """Note what only the stacked tables can show."""
    shown = {name: filled[name] for name in ("secrets", "references")}
    refuse_shapes(shown, report, view.origin, mend=_SHOWN)
    check_kinds(filled, report, view.origin)
    names = [x for x in table(view.document, "environments") if x != view.environment]
    others = [stacked(view.document, name) for name in names]
    for each in (replace(view, tables=filled), *others):
        check_links(each, report)
        check_refs(each, report)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        reason = "it is no UTF-8 text; save it as UTF-8"
    except OSError as error:
        reason = f"it cannot be read ({error.strerror}); check its permissions"
    raise ConfigError(f"{file}: {reason}")


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:
        where = _AT.search(str(error))
        line = (where.group(1) if where else None) or text.count("\n") + 1
        reason = _AT.sub("", str(error))
    except RecursionError:
        line, reason = 1, "too many brackets"
    if not _PLAIN.fullmatch(reason):  # it quotes what stands there
        reason = "a name stands twice, or something stands where it cannot"
    raise ConfigError(
        f"{file}:{line}: (top): this is no TOML ({reason}); texts stand in quotes, "
        """names with '/' too, as in [secrets."github/token"]"""
    )
