"""Columns of text that refuse, on every database alike, what some could not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy.types import TypeDecorator

from langchain_tyrum.errors import LedgerError

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class Text(TypeDecorator[str]):
    """Text of any length, without NUL and lone surrogates.

    PostgreSQL holds neither and SQLite holds NUL: what one refuses, all refuse.
    """

    impl: type[sqlalchemy.String] = sqlalchemy.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse text that cannot be held.

        Raises:
            LedgerError: It is too long, holds NUL, or is no Unicode text.
        """
        del dialect
        if value is None:
            return None
        if "\0" in value or not is_unicode(value):
            raise LedgerError(
                "a text for the catalog holds NUL or lone surrogates, which not every "
                "database can keep: names, ids and scopes are plain Unicode text; "
                "nothing was changed"
            )
        longest = getattr(self.impl_instance, "length", None)
        if longest is not None and len(value) > longest:
            raise LedgerError(
                f"a text of {len(value)} characters does not fit the {longest} that "
                "the catalog has for it: shorten the name, id, scope or tenant; "
                "nothing was changed"
            )
        return value


class String(Text):
    """Text of at most so many characters; SQLite by itself would take any number."""

    impl = sqlalchemy.String
    cache_ok = True


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: lone surrogates cannot."""
    try:
        text.encode()
    except UnicodeError:
        return False
    return True
