"""What a program passes that cannot be right, refused where it is passed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from langchain_tyrum.broker.identity import CallIdentity
from langchain_tyrum.errors import ConfigError
from langchain_tyrum.handles import SecretHandle, SecretRecord

if TYPE_CHECKING:
    from langchain_tyrum.broker.core import Secret

_TOOL = "tool_id='create_issue'"


def check_text(what: str, given: object, mend: str) -> None:
    """Refuse what is no text, or empty. It is not repeated: it could be a value.

    Args:
        what: What it is, for the error.
        given: What was passed.
        mend: What to write in its place.

    Raises:
        ConfigError: It is something else.
    """
    if isinstance(given, str) and given:
        return
    found = "empty" if isinstance(given, str) else f"of type {type(given).__name__}"
    raise ConfigError(f"{what} is {found}: write {mend}")


def check_texts(what: str, given: object, mend: str) -> None:
    """Refuse what is no list of texts, or an empty one.

    Raises:
        ConfigError: It is something else.
    """
    listed = isinstance(given, Iterable) and not isinstance(given, str | Mapping)
    found: list[Any] = list(given) if listed else []  # type: ignore[call-overload]
    if not found:
        raise ConfigError(f"{what} is a list of at least one: write {mend}")
    for one in found:
        check_text(f"one of {what}", one, mend)


def check_tool_id(tool_id: object) -> None:
    """Refuse a consumer that nobody could name in a policy or a grant.

    Raises:
        ConfigError: It is no text, or empty.
    """
    check_text("the tool id", tool_id, f"{_TOOL}, the name that policies give it")


def caller(call: CallIdentity | None) -> CallIdentity:
    """On whose behalf a call happens; None is a service, nowhere.

    Raises:
        ConfigError: It is no `CallIdentity`, e.g. the config that one is read from.
    """
    if call is None:
        return CallIdentity()
    if isinstance(call, CallIdentity):
        return call
    raise ConfigError(
        f"call= is a CallIdentity, not a {type(call).__name__}: write "
        "call=broker.identify(config)"
    )


def several(secrets: Iterable[Secret] | Secret) -> list[Secret]:
    """Secrets, where one alone may stand for the list of it.

    Raises:
        ConfigError: It is neither.
    """
    if isinstance(secrets, str | SecretHandle | SecretRecord):
        return [secrets]
    if isinstance(secrets, Iterable) and not isinstance(secrets, bytes | Mapping):
        return list(secrets)
    raise ConfigError(
        f"secrets are a list of names or handles, not a {type(secrets).__name__}: "
        "write ['github/token']"
    )
