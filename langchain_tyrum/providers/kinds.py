"""Kinds of providers: the built-in ones, and those that packages register."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from langchain_tyrum.errors import ConfigError

#: The entry-point group in which other packages register a kind.
GROUP = "langchain_tyrum.providers"

_ROOM = "langchain_tyrum.providers"
_BUILT_IN = {
    "memory": f"{_ROOM}.memory:MemoryProvider",
    "env": f"{_ROOM}.env:EnvProvider",
    "dotenv": f"{_ROOM}.dotenv:DotenvProvider",
    "keyring": f"{_ROOM}.keyring:KeyringProvider",
    "database": f"{_ROOM}.database:DatabaseProvider",
    "onepassword": f"{_ROOM}.onepassword:OnePasswordProvider",
    "vault": f"{_ROOM}.vault:VaultProvider",
    "chain": f"{_ROOM}.chain:ChainProvider",
}


def provider_kinds() -> dict[str, EntryPoint]:
    """List the kinds of providers by name; nothing is imported before `.load()`.

    No package can take the place of a built-in kind.
    """
    found = {item.name: item for item in entry_points(group=GROUP)}
    built_in = {
        kind: EntryPoint(name=kind, value=value, group=GROUP)
        for kind, value in _BUILT_IN.items()
    }
    return dict(sorted((found | built_in).items()))


def provider_class(kind: str) -> Any:
    """Import what makes a provider of a kind.

    Raises:
        ConfigError: No such kind is known, or what registers it cannot be imported.
    """
    kinds = provider_kinds()
    if kind not in kinds:
        raise ConfigError(
            f"there is no kind of provider {kind!r}; known are: {', '.join(kinds)}. "
            f"Others come with packages that register the entry point {GROUP!r}"
        )
    try:
        return kinds[kind].load()
    except (ImportError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
    raise ConfigError(
        f"the provider kind {kind!r} cannot be loaded from {kinds[kind].value!r} "
        f"({reason}): install what it needs"
    )
