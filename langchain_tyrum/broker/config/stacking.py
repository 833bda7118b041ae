"""The tables of one environment: its own, laid over those at the top of the file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.keys import Key, has, table
from langchain_tyrum.broker.config.report import meant
from langchain_tyrum.broker.config.variables import is_waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_tyrum.broker.config.report import Report

_NAMED = ("providers", "secrets", "references")


@dataclass(frozen=True)
class View:
    """What a file says to one environment, before any variable is filled.

    Attributes:
        document: The whole file.
        environment: The environment; None is none.
        tables: Its tables, stacked field by field. Policies are layers and stay apart.
    """

    document: Mapping[str, Any] = field(repr=False)
    environment: str | None
    tables: Mapping[str, Any] = field(repr=False)

    def origin(self, key: Key) -> Key:
        """Where in the file something comes from: from the environment, or the top.

        Of a key that is missing, the table that it is missing from.
        """
        while key:
            own = ("environments", self.environment or "", *key)
            for place in (own, key):
                if has(self.document, place):
                    return place
            key = key[:-1]
        return key

    def is_own(self, *key: str) -> bool:
        """Whether the environment's own tables speak of something."""
        own = ("environments", self.environment or "", *key)
        return has(self.document, own)


def stacked(document: Mapping[str, Any], environment: str | None) -> View:
    """Lay an environment's tables over those at the top, field by field.

    A provider that gets another kind starts anew, since options belong to a kind.
    """
    over = table(document, "environments", environment or "")
    tables: dict[str, Any] = {
        "catalog": {**table(document, "catalog"), **table(over, "catalog")}
    }
    for name in _NAMED:
        base, more = table(document, name), table(over, name)
        tables[name] = {
            label: _merged(table(base, label), table(more, label))
            for label in {**base, **more}
        }
    return View(document, environment, tables)


def choose(
    document: Mapping[str, Any],
    given: str | None,
    environ: Mapping[str, str],
    default: str | None,
    report: Report,
) -> str | None:
    """The environment: given, `TYRUM_ENVIRONMENT`, or what the file says.

    One that a file with environments does not know is a mistake: its policy layer
    would silently be missing. Only what the file itself spells out needs no table.

    Args:
        document: The whole file.
        given: What the program says.
        environ: The environment variables.
        default: What the file says.
        report: Where a problem goes.
    """
    known = table(document, "environments")
    named = given or environ.get("TYRUM_ENVIRONMENT") or None
    chosen = named or default
    spelt = [default] if default and not is_waiting(document["environment"]) else []
    if chosen is None or not known or chosen in (*known, *spelt):
        return chosen
    where = "from_config(environment=…)" if given else "TYRUM_ENVIRONMENT"
    report.add(
        ("environments",) if named else ("environment",),
        f"the environment that {where if named else 'the variable'} names is not in "
        f"this file; {meant(chosen, [*known, *spelt])}",
    )
    return chosen


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    if "kind" in base and over.get("kind", base["kind"]) != base["kind"]:
        return dict(over)
    return {**base, **over}
