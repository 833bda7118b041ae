"""What a secret may be called."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from langchain_tyrum.errors import ConfigError, SecretNotFound
from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from langchain_tyrum.ledger.catalog import Catalog

#: No blanks, brackets or control characters: names stand in markers and in URLs.
_NAME = re.compile(r"[^\s\[\]{}<>\x00-\x1f\x7f]{1,256}")
_HANDLE_LIKE = re.compile(r"tyrum://.*|h_[0-9A-Za-z]{22}")


def check_name(name: str, value: str | bytes | None = None) -> None:
    """Refuse a name that could not stand where names stand.

    Raises:
        ConfigError: It is empty or too long, has blanks or brackets, reads like a
            handle, or contains the value it names.
    """
    wellformed = isinstance(name, str) and _NAME.fullmatch(name)
    if not wellformed or _HANDLE_LIKE.fullmatch(name):
        raise ConfigError(
            "a secret's name has 1 to 256 characters, no blanks or brackets, and is "
            "no handle: e.g. 'github/token'"
        )
    raw = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if raw and raw in name:
        raise ConfigError(
            "the name holds the value itself: names are shown everywhere; choose "
            "another name"
        )


def check_value(name: object, value: object) -> None:
    """Refuse what is no value: it is not repeated, whatever it is.

    Raises:
        ConfigError: It is neither text nor bytes.
    """
    if isinstance(value, str | bytes):
        return
    if value is None:
        raise ConfigError(
            f"the value of {str(name)!r} is None: is the variable set? Pass text or "
            "bytes"
        )
    raise ConfigError(
        f"the value of {str(name)!r} is of type {type(value).__name__}: is the "
        "variable set? Pass text or bytes"
    )


def names_of(
    catalog: Catalog, connection: Connection, *, tenant: str, owners: Sequence[str]
) -> list[str]:
    """The names that a caller may know of: its tenant's services, and its own."""
    columns = schema.secrets.c
    found = catalog.find(
        connection, columns.tenant == tenant, columns.owner.in_(tuple(owners))
    )
    return [entry.record.name for entry in found]


def is_known(catalog: Catalog, name: str) -> bool:
    """Whether anybody, in any tenant, has a secret of that name."""
    with catalog.reading() as connection:
        return bool(catalog.find(connection, schema.secrets.c.name == name))


def unknown(shown: str, names: Iterable[str]) -> SecretNotFound:
    """The error for a name that nothing is stored under.

    Args:
        shown: The name, as it may be shown.
        names: Those that the caller may know of; the closest one is proposed.
    """
    close = get_close_matches(shown, list(names), n=1)
    guess = f"did you mean {close[0]!r}? Else " if close else ""
    return SecretNotFound(
        f"no secret is named {shown!r}: {guess}store it with broker.put(…) or "
        "`langchain-tyrum secret set`",
        handle=shown,
    )
