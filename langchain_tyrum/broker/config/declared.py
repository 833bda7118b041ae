"""What a whole file declares, in all its environments: the rest is disabled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.keys import table
from langchain_tyrum.broker.config.stacking import stacked
from langchain_tyrum.broker.config.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: A tenant or owner whose variable is not set here: it could be anybody.
_ANYBODY = None


@dataclass(frozen=True)
class Declared:
    """The secrets and aliases of a file.

    Attributes:
        secrets: As (tenant, owner, name, environment); '' is a service's, and any
            environment.
        aliases: As (tenant, alias, environment).
    """

    secrets: frozenset[tuple[str | None, str | None, str, str]]
    aliases: frozenset[tuple[str | None, str, str]]

    def has_secret(
        self, tenant: str, owner: str | None, name: str, environment: str | None
    ) -> bool:
        """Whether the file declares a secret in some environment."""
        return any(
            (a, b, name, environment or "") in self.secrets
            for a in (tenant, _ANYBODY)
            for b in (owner or "", _ANYBODY)
        )

    def has_alias(self, tenant: str, alias: str, environment: str) -> bool:
        """Whether the file declares a reference; '' is one for any environment."""
        return any(
            (who, alias, environment) in self.aliases for who in (tenant, _ANYBODY)
        )


def declarations(document: Mapping[str, Any], environ: Mapping[str, str]) -> Declared:
    """Collect what a file declares at the top and in each environment."""
    names = [None, *table(document, "environments")]
    return Declared(
        frozenset(x for name in names for x in _secrets(document, name, environ)),
        frozenset(x for name in names for x in _aliases(document, name, environ)),
    )


def _secrets(
    document: Mapping[str, Any], environment: str | None, environ: Mapping[str, str]
) -> Iterator[tuple[str | None, str | None, str, str]]:
    view = stacked(document, environment)
    for name, raw in view.tables["secrets"].items():
        if environment is None or view.is_own("secrets", name):
            tenant = _filled(raw.get("tenant", "default"), environ)
            owner = _filled(raw.get("owner", ""), environ)
            yield tenant, owner, name, environment or ""


def _aliases(
    document: Mapping[str, Any], environment: str | None, environ: Mapping[str, str]
) -> Iterator[tuple[str | None, str, str]]:
    view = stacked(document, environment)
    for alias, raw in view.tables["references"].items():
        if environment is None or view.is_own("references", alias):
            secret = _filled(raw.get("secret", ""), environ)
            found = table(view.tables, "secrets", secret or "")
            tenant = _filled(found.get("tenant", "default"), environ)
            yield (tenant if secret else _ANYBODY), alias, environment or ""


def _filled(raw: object, environ: Mapping[str, str]) -> str | None:
    problems: list[str] = []
    text = Variables(environ).fill(str(raw), problems.append)
    return _ANYBODY if problems else text
