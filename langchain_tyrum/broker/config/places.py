"""Which settings file declares for an application: two would disable each other's."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from langchain_tyrum.broker.config.reading import Config

_table = schema.sources


def is_another_file(config: Config, connection: Connection) -> bool:
    """Whether a file at another place declared last for this application."""
    query = select(_table.c.place).where(_table.c.application == config.application)
    return connection.execute(query).scalar() not in (None, _place(config))


def note_file(config: Config, connection: Connection) -> None:
    """Remember that this file declares for its application."""
    application = config.application
    connection.execute(delete(_table).where(_table.c.application == application))
    connection.execute(
        insert(_table).values(application=application, place=_place(config))
    )


def _place(config: Config) -> str:
    text = str(config.file).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()
