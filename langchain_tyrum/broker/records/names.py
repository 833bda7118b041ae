"""What a secret may be called."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sqlalchemy import case, func, or_, select

from langchain_tyrum.errors import ConfigError, SecretNotFound, WeakSecret
from langchain_tyrum.handles import HANDLE_TEXT, SCHEME
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.columns import is_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from langchain_tyrum.ledger.catalog import Catalog

#: No blanks, brackets or control characters: names stand in markers and in URLs.
_NAME = re.compile(r"[^\s\[\]{}<>\x00-\x1f\x7f]{1,256}")
_HANDLE_LIKE = re.compile(r"tyrum://.*|h_[0-9A-Za-z]{22}")
#: Categories of characters that nobody sees: control, format, surrogates, separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: What people call a secret: words, a number of two digits at most behind each.
_WORDS = re.compile(r"[A-Za-z]{1,20}[0-9]{0,2}(?:[/_.:-][A-Za-z]{1,20}[0-9]{0,2})*")
#: Ids that the package makes: of handles, references, grants and the like.
_ID = re.compile(r"[a-z]_[0-9A-Za-z]{22}")
#: What the ledger calls what happened, beside the names of errors.
_WORDS_OF_LEDGER = """
arm declare drop_master_keys grant_created grant_ended grant_released
grant_reserved grant_used lease lease_denied lease_intent leak_found purge put
approval_asked approval_answered approval_left reauthorize reference reserved
resolved revoke rotate superseded unfinished
"""
_LEDGER_WORDS = frozenset(_WORDS_OF_LEDGER.split())
#: How many names are compared, at most, to find the one that was meant.
_COMPARED = 1000


def check_name(name: str, value: str | bytes | None = None) -> None:
    """Refuse a name that could not stand where names stand.

    Raises:
        ConfigError: It is empty or too long, has blanks, brackets or characters that
            nobody sees, reads like a handle, or contains the value it names.
    """
    wellformed = isinstance(name, str) and _NAME.fullmatch(name)
    if not wellformed or _HANDLE_LIKE.fullmatch(name) or _has_unseen(name):
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


def is_handle_id(text: str | None) -> bool:
    """Tell a handle's id from a name: an error may be about either."""
    return bool(text and text.startswith("h_") and _HANDLE_LIKE.fullmatch(text))


def reads_as_name(text: str) -> bool:
    """Tell whether a text that names nothing may be repeated: it could be a value.

    It may be a typed name, or a value passed by mistake. Words are taken for a name,
    so a passphrase of plain words is still repeated.
    """
    return len(text) <= 64 and bool(_WORDS.fullmatch(text) or _ID.fullmatch(text))


def refuse_in_details(value: str | bytes, *texts: str | None) -> None:
    """Refuse a value that stands in what is said of it: the catalog keeps that raw.

    Raises:
        ConfigError: It does.
    """
    raw = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if raw and any(raw in text for text in texts if text):
        raise ConfigError(
            "the scope, environment or a host holds the value itself: these are shown "
            "everywhere; say something else there"
        )


def refuse_word(name: object, value: str | bytes, *ids: str | None) -> None:
    """Refuse a value that the books and ids are made of: it is no secret.

    Args:
        name: The secret's name, for the message.
        value: Its value.
        ids: Whose it is: their tenant and user.

    Raises:
        WeakSecret: It is such a word.
    """
    raw = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    bare = raw.strip()
    known = bare in _LEDGER_WORDS or bare in ids
    if known or _ID.fullmatch(bare):
        raise WeakSecret(
            f"the value of {_called(name)} is an identifier, of a user, a handle or "
            "the ledger: use a random value"
        )


def check_value(name: object, value: object) -> None:
    """Refuse what is no value: it is not repeated, whatever it is.

    Raises:
        ConfigError: It is neither text nor bytes, or text that cannot be written.
    """
    if isinstance(value, bytes) or (isinstance(value, str) and is_unicode(value)):
        return
    if isinstance(value, str):
        raise ConfigError(
            f"the value of {str(name)!r} has lone surrogates, which no encoding can "
            "write: pass the bytes that were meant"
        )
    if value is None:
        raise ConfigError(
            f"the value of {_called(name)} is None: is the variable set? Pass text or "
            "bytes"
        )
    raise ConfigError(
        f"the value of {_called(name)} is of type {type(value).__name__}: is the "
        "variable set? Pass text or bytes"
    )


def _called(name: object) -> str:
    text = str(name).removeprefix(SCHEME)
    return repr(str(name)) if reads_as_name(text) else "this secret"


def check_alias(alias: str | None) -> None:
    """Refuse an alias that models could not write, or could take for a handle.

    Raises:
        ConfigError: It has other characters than `[A-Za-z0-9_-]` and `/`, is too
            long, or reads like a handle.
    """
    if alias is None:
        return
    wellformed = isinstance(alias, str) and HANDLE_TEXT.fullmatch(SCHEME + alias)
    if not wellformed or len(alias) > 120 or _HANDLE_LIKE.fullmatch(alias):
        raise ConfigError(
            "an alias has letters, digits, '_', '-' and '/' only, at most 120, and is "
            "no handle: e.g. 'github'"
        )


def check_title(title: str | None) -> None:
    """Refuse a display name that could forge a line of what models and people read.

    Raises:
        ConfigError: It is empty or too long, or has characters that nobody sees.
    """
    if title is None:
        return
    if not isinstance(title, str) or not 1 <= len(title) <= 120 or _has_unseen(title):
        raise ConfigError(
            "a display name has 1 to 120 characters on one line: e.g. 'GitHub bot'"
        )


def _has_unseen(text: str) -> bool:
    return any(unicodedata.category(char) in _UNSEEN for char in text)


def names_of(
    catalog: Catalog,  # noqa: ARG001 - callers name whose connection it is
    connection: Connection,
    *,
    tenant: str,
    owners: Sequence[str],
    like: str = "",
) -> list[str]:
    """Names that a caller may know of: its tenant's services', and its own.

    At most a thousand, and those first that could be meant by `like`: a slip leaves
    the beginning or the end of a name as it was, and hardly changes its length.

    Args:
        catalog: Where they are kept.
        connection: The open transaction.
        tenant: The caller's tenant.
        owners: Whose names count; '' stands for the services.
        like: The name that was asked for.
    """
    name, third = schema.secrets.c.name, max(len(like) // 3, 1)
    tail = func.substr(name, func.length(name) - third + 1, third)
    akin = or_(func.substr(name, 1, third) == like[:third], tail == like[-third:])
    query = (
        select(name)
        .where(
            schema.secrets.c.tenant == tenant,
            schema.secrets.c.owner.in_(tuple(owners)),
        )
        .order_by(case((akin, 0), else_=1), func.abs(func.length(name) - len(like)))
        .order_by(name)
        .limit(_COMPARED)
    )
    return list(connection.execute(query).scalars())


def is_known(catalog: Catalog, name: str) -> bool:
    """Whether anybody, in any tenant, has a secret of that name."""
    with catalog.reading() as connection:
        return bool(catalog.find(connection, schema.secrets.c.name == name))


def unknown(shown: str, names: Iterable[str]) -> SecretNotFound:
    """The error for a name that nothing is stored under.

    Args:
        shown: The name, as it may be shown. It is left out where it is no slip of a
            known name and does not read like one: it may be a value.
        names: Those that the caller may know of; the closest one is proposed.
    """
    close = get_close_matches(shown, list(names), n=1)
    guess = f"did you mean {close[0]!r}? Else " if close else ""
    if not close and not reads_as_name(shown):
        return SecretNotFound(
            "no secret has that name (not repeated here, since it reads like a "
            "value): pass a name or handle, and store it with broker.put(…) or "
            "`langchain-tyrum secret set`"
        )
    return SecretNotFound(
        f"no secret is named {shown!r}: {guess}store it with broker.put(…) or "
        "`langchain-tyrum secret set`",
        handle=shown,
    )
