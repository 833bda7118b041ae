"""Bringing an older catalog to the present shape, one numbered step after another."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from langchain_tyrum.ledger import schema

if TYPE_CHECKING:
    from sqlalchemy import Connection


def migrate(connection: Connection, found: int) -> None:
    """Run the steps from an older shape to the present one.

    All of them happen in the caller's transaction: a process that dies on the way
    leaves the catalog as it was.

    Args:
        connection: The open transaction, which keeps other processes out.
        found: The shape that the catalog has.
    """
    # Slow to import, and needed once in the life of a catalog.
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.operations import Operations  # noqa: PLC0415

    operations = Operations(MigrationContext.configure(connection))
    for number in range(found + 1, schema.SCHEMA + 1):
        import_module(f"{__name__}.to_{number}").upgrade(operations)
    state = schema.catalog_state
    connection.execute(state.update().values(schema=schema.SCHEMA))
