"""What somebody claims to be, read as exactly one user, or as nobody, or refused."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn
from uuid import UUID

from langchain_tyrum.errors import ConfigError, SecretForbidden
from langchain_tyrum.handles import Principal

if TYPE_CHECKING:
    from collections.abc import Callable

#: What the catalog's columns hold.
_LONGEST = 256
#: Control characters and lone surrogates; line and paragraph separators.
_REFUSED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_READING_FAILED = object()


def claimed(what: str, found: object) -> str | None:
    """Read a claimed tenant or user id.

    Args:
        what: What it is, for the error.
        found: The claim; None and the empty text claim nothing.

    Raises:
        SecretForbidden: It is no text, too long, or has control characters. It is
            not repeated.
    """
    if found is None:
        return None
    if not isinstance(found, str):
        refuse_unknown_user(f"the {what} is of type {type(found).__name__}")
    text = plain_text(found)
    if text is None:
        return None
    if len(text) > _LONGEST:
        refuse_unknown_user(f"the {what} has more than {_LONGEST} characters")
    if any(unicodedata.category(char) in _REFUSED for char in text):
        refuse_unknown_user(f"the {what} has control characters")
    return text


def server_user(user: object) -> Principal:
    """Read the user object that a server put into a config after authentication.

    Args:
        user: An object or a mapping with `identity`, or the id itself.

    Raises:
        SecretForbidden: It vouches for somebody and cannot be read.
    """
    if user is None or isinstance(user, str):
        return Principal(user=user)
    if isinstance(user, list | tuple | set | frozenset | bytes | int | float):
        refuse_unknown_user(f"langgraph_auth_user is of type {type(user).__name__}")
    if _read(user, "is_authenticated") is False:
        return Principal()
    tenant = claimed("tenant", _read(user, "tenant"))
    return Principal(
        tenant=tenant or "default",
        user=claimed("identity", _read(user, "identity")),
    )


def plain_text(found: object) -> str | None:
    """Read an id that is text, a whole number or a UUID; anything else is none.

    No method of the object itself is asked, so that it cannot answer differently
    each time.
    """
    if isinstance(found, str):
        return str.__str__(found) or None
    if type(found) is int:
        return str(found)
    return UUID.__str__(found) if isinstance(found, UUID) else None


def id_text(what: str, found: object) -> str | None:
    """Read an id. One that is none is refused: session grants hang on a thread's.

    Raises:
        ConfigError: It is neither text, nor a whole number, nor a UUID.
    """
    text = plain_text(found)
    if text is None and found is not None and not isinstance(found, str):
        raise ConfigError(
            f"{what} is of type {type(found).__name__}: give text, a whole number "
            "or a UUID"
        )
    return text


def refuse_unknown_user(why: str) -> NoReturn:
    """Refuse a run whose user is vouched for and cannot be told.

    Raises:
        SecretForbidden: Always.
    """
    raise SecretForbidden(
        f"it cannot be told who is calling: {why}; authenticate with an identity of 1 "
        f"to {_LONGEST} characters of text, or open the broker with "
        "SecretBroker(identity=…)"
    )


def _read(user: object, name: str) -> object:
    """Read one field; an object that fails to answer is refused, not guessed."""
    read: Callable[[], object] = (
        (lambda: user.get(name))
        if isinstance(user, Mapping)
        else (lambda: getattr(user, name, None))
    )
    try:
        found = read()
    except Exception:  # its own text may hold anything
        found = _READING_FAILED
    if found is _READING_FAILED:
        refuse_unknown_user(f"langgraph_auth_user fails to tell its {name}")
    return found
