"""The providers of a settings file, built from their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.config.kinds import options_of, takes_label, takes_paths
from langchain_tyrum.broker.config.links import DEFAULT
from langchain_tyrum.broker.config.report import meant
from langchain_tyrum.broker.config.stores import database_url, located, resolved
from langchain_tyrum.providers import DatabaseProvider, MemoryProvider, provider_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from langchain_tyrum.broker.config.keys import Key
    from langchain_tyrum.broker.config.reading import Config
    from langchain_tyrum.ledger.keys import KeyRing
    from langchain_tyrum.providers import SecretProvider


class Building:
    """Builds the providers of a file; a chain after those that it asks.

    Args:
        config: The settings.
        engine: The catalog's database, which database providers share.
        key: Finds the master key, when the first value is sealed or opened.
    """

    def __init__(
        self, config: Config, engine: Engine, *, key: Callable[[], KeyRing]
    ) -> None:
        self._config = config
        self._engine = engine
        self._key = key
        self._built: dict[str, SecretProvider] = {}
        self._begun: list[str] = []

    def __repr__(self) -> str:
        return f"Building({sorted(self._built)})"

    def all(self) -> dict[str, SecretProvider]:
        """The providers by label, in the file's order: the first writable one counts.

        Raises:
            ConfigError: One cannot be built.
        """
        labels = list(self._config.tables.providers)
        if not labels:
            return {DEFAULT: DatabaseProvider(self._engine, key=self._key)}
        return {label: self._provider(label) for label in labels}

    def _provider(self, label: str) -> SecretProvider:
        if label in self._built:
            return self._built[label]
        table = self._config.tables.providers[label]
        options = dict(table.model_extra or {})
        key: Key = ("providers", label)
        make = {
            "database": self._database,
            "memory": self._memory,
            "chain": self._chain,
        }.get(table.kind or "", self._other)
        self._begun.append(label)
        built: SecretProvider = located(self._config, key, lambda: make(label, options))
        self._begun.remove(label)
        self._built[label] = built
        return built

    def _database(self, label: str, options: dict[str, Any]) -> SecretProvider:
        raw = options.get("url")
        if raw is None:
            return DatabaseProvider(self._engine, key=self._key, label=label)
        url = database_url(self._config, raw, ("providers", label, "url"))
        text = url.render_as_string(hide_password=False)
        return DatabaseProvider(text, key=self._key, label=label)

    def _memory(self, label: str, options: dict[str, Any]) -> SecretProvider:
        del options  # it takes none
        return MemoryProvider(label=label)

    def _chain(self, label: str, options: dict[str, Any]) -> SecretProvider:
        found = []
        for place, name in enumerate(options["providers"]):
            key: Key = ("providers", label, "providers", place)
            if name not in self._config.tables.providers:
                known = set(self._config.tables.providers) - {label}
                mend = meant(name, known)
                raise self._config.error(key, f"there is no such provider; {mend}")
            if name in self._begun:
                raise self._config.error(key, "a chain cannot contain itself")
            found.append(self._provider(name))
        chain: SecretProvider = provider_class("chain")(found, label=label)
        return chain

    def _other(self, label: str, options: dict[str, Any]) -> SecretProvider:
        del options
        kind = self._config.tables.providers[label].kind or ""
        named = {"label": label} if takes_label(kind) else {}
        given = given_options(self._config, label)
        built: SecretProvider = provider_class(kind)(**given, **named)
        return built


def given_options(config: Config, label: str) -> dict[str, Any]:
    """The options of a provider; paths are taken from the settings file's folder."""
    table = config.tables.providers[label]
    taken = options_of(table.kind or "")
    return {
        name: str(resolved(config, value))
        if name in taken and takes_paths(taken[name]) and isinstance(value, str)
        else value
        for name, value in (table.model_extra or {}).items()
    }
