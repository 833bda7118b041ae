"""What a file without mistakes still lacks: told at the start, not at a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tyrum.broker.config.building import given_options
from langchain_tyrum.broker.config.keys import shown_name
from langchain_tyrum.broker.config.refs import class_of, ref_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_tyrum.broker.config.reading import Config

_NOWHERE = (
    "no provider of this file can be written, so `secret set`, broker.put(…) and what "
    "users paste have nowhere to go, and no store of before is looked into: add "
    '[providers.store] with kind = "database"'
)


def lacking(config: Config, environ: Mapping[str, str]) -> list[str]:
    """Tell what the providers of a file need and do not find now, one line each.

    Args:
        config: The settings.
        environ: The environment variables.

    Returns:
        Variables and files by their names, never what they hold.
    """
    lines = []
    for label in config.tables.providers:
        made = class_of(config.view.tables, label)
        refs = [
            ref
            for name, secret in config.tables.secrets.items()
            if secret.provider == label
            and (ref := secret.ref or ref_of(config.view.tables, name, made))
        ]
        ask: Callable[..., list[str]] = getattr(made, "lacking", _nothing)
        if found := ask(given_options(config, label), refs, environ):
            lines.append(
                f"the provider {shown_name(label)!r} cannot answer: "
                f"{'; '.join(map(shown_name, found))}"
            )
    return lines


def _nothing(*_: object) -> list[str]:
    return []


def nowhere_to_put(config: Config) -> list[str]:
    """Tell of a file whose providers are all read-only."""
    labels = list(config.tables.providers)
    if not labels or any(_writable(config, label, ()) for label in labels):
        return []
    return [_NOWHERE]


def _writable(config: Config, label: str, above: tuple[str, ...]) -> bool:
    """Whether a provider can be written, as far as its kind tells."""
    table = config.tables.providers.get(label)
    if table is None or label in above:  # a mistake, which building it tells
        return True
    if table.kind == "chain":
        asked = (table.model_extra or {}).get("providers", ())
        return any(_writable(config, str(each), (*above, label)) for each in asked)
    return bool(getattr(class_of(config.view.tables, label), "writable", True))
