"""The catalog: what is known of secrets and references, in SQL; never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, insert, literal, select, update

from langchain_tyrum.errors import SecretExists, SecretNotFound
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.columns import Text
from langchain_tyrum.ledger.database import Database, utc_now
from langchain_tyrum.ledger.secret_rows import (
    Entry,
    entry_of,
    meant_in,
    reference_of,
    row_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Engine

    from langchain_tyrum.handles import SecretReference

#: Made once: every lease executes it.
_BY_ID = select(schema.secrets).where(schema.secrets.c.handle_id == bindparam("wanted"))


class Catalog(Database):
    """Records and references of all tenants, in one database.

    Every change happens inside `transaction()`, together with the ledger row that
    tells of it: both are written or neither.

    Rows are not signed, those of the ledger are: who can write this database past the
    package can grant, or make a revoked secret active again, and the ledger, which
    shows what went through the package, stays whole. It cannot read a sealed value, nor
    point one stored secret to the value of another.

    Args:
        database: An SQLAlchemy URL or engine.
        clock: Where the time comes from.
    """

    def __init__(
        self, database: str | Engine, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._changes = 0
        super().__init__(database, clock=clock)

    def changes(self) -> int:
        """How often secrets were added or changed, by any process."""
        if self.in_memory:
            return self._changes
        return self.glance(select(schema.catalog_state.c.changes))

    def find(self, connection: Connection, *where: ColumnElement[bool]) -> list[Entry]:
        """All secrets that match, oldest first."""
        query = select(schema.secrets).where(*where).order_by("created_at", "name")
        now = self.clock()
        found = connection.execute(query).mappings()
        return [entry_of(row, now=now) for row in found]

    def by_id(self, connection: Connection, handle_id: str) -> Entry:
        """The secret with that handle id.

        Raises:
            SecretNotFound: There is none.
        """
        row = connection.execute(_BY_ID, {"wanted": handle_id}).mappings().first()
        if row is None:
            raise SecretNotFound(
                f"no secret has the handle {handle_id!r}: it was never stored here",
                handle=handle_id,
            )
        return entry_of(row, now=self.clock())

    def named(
        self,
        connection: Connection,
        name: str,
        *,
        tenant: str,
        owner: str = "",
        environment: str = "",
    ) -> Entry | None:
        """The secret of exactly that name, owner ('' = a service) and environment."""
        columns = schema.secrets.c
        found = self.find(
            connection,
            columns.tenant == tenant,
            columns.owner == owner,
            columns.name == name,
            columns.environment == environment,
        )
        return found[0] if found else None

    def by_name(
        self,
        connection: Connection,
        name: str,
        *,
        tenant: str,
        owners: tuple[str, ...],
        environment: str | None = None,
    ) -> Entry | None:
        """The secret that a name means here.

        Args:
            connection: The open transaction.
            name: The name.
            tenant: Whose name it is.
            owners: Who may own it, in this order ('' = a service).
            environment: Where the name is used: that environment's own secret comes
                first, then the one for any environment.

        Raises:
            ConfigError: It stands only for several other environments' secrets.
        """
        columns = schema.secrets.c
        found = self.find(
            connection,
            columns.tenant == tenant,
            columns.name == name,
            columns.owner.in_(owners),
        )
        for owner in owners:
            mine = {
                entry.record.environment: entry
                for entry in found
                if (entry.record.owner or "") == owner
            }
            if mine:
                alive = {
                    place: entry
                    for place, entry in mine.items()
                    if entry.record.status != "disabled"
                }
                return meant_in(environment, alive or mine)
        return None

    def check(self, entry: Entry) -> None:
        """Refuse a record that could not be stored, before its value is.

        Raises:
            LedgerError: A text of it is too long, or no plain Unicode.
        """
        row = row_of(entry)
        for column in schema.secrets.c:
            if isinstance(column.type, Text):
                column.type.process_bind_param(row[column.name], self.engine.dialect)

    def add(self, connection: Connection, entry: Entry) -> None:
        """Store a new record.

        Raises:
            SecretExists: Its name is taken, as a name or as an alias.
        """
        record = entry.record
        self._refuse_taken_name(connection, record.name, tenant=record.tenant)
        # Looked up, not tried: PostgreSQL ends a transaction whose insert fails.
        if self.named(
            connection,
            record.name,
            tenant=record.tenant,
            owner=record.owner or "",
            environment=record.environment or "",
        ):
            raise SecretExists(
                f"{record.name!r} is already stored: rotate it, or pass replace=True",
                handle=record.name,
            )
        connection.execute(insert(schema.secrets).values(**row_of(entry)))
        self._count_change(connection)

    def change(self, connection: Connection, handle_id: str, **columns: Any) -> None:
        """Set columns of one record, and when it happened."""
        columns.setdefault("updated_at", self.clock().isoformat())
        table = schema.secrets
        connection.execute(
            update(table).where(table.c.handle_id == handle_id).values(**columns)
        )
        self._count_change(connection)

    def draw_version(self, connection: Connection, handle_id: str) -> int:
        """Reserve the next version number; two rotations never get the same one."""
        table = schema.secrets
        mine = table.c.handle_id == handle_id
        connection.execute(
            update(table).where(mine).values(next_version=table.c.next_version + 1)
        )
        drawn = connection.execute(
            select(table.c.next_version).where(mine)
        ).scalar_one()
        return int(drawn) - 1

    def add_reference(
        self,
        connection: Connection,
        reference: SecretReference,
        *,
        handle_id: str,
        tenant: str,
        environment: str = "",
    ) -> None:
        """Store or replace a reference; '' is one for any environment.

        Raises:
            SecretExists: Its alias is already the name of something else.
        """
        table = schema.references
        alias = reference.secret_alias
        connection.execute(
            table.delete().where(table.c.secret_ref_id == reference.secret_ref_id)
        )
        if alias is not None:
            here = table.c.environment == environment
            self._refuse_taken_alias(connection, alias, tenant, here)
        connection.execute(
            insert(table).values(
                **reference.model_dump(mode="json"),
                handle_id=handle_id,
                tenant=tenant,
                environment=environment,
            )
        )

    def references(
        self, connection: Connection, *where: ColumnElement[bool]
    ) -> list[tuple[str, SecretReference]]:
        """Pairs of handle id and reference that match, in a stable order."""
        table = schema.references
        query = select(table).where(*where).order_by("secret_alias", "secret_ref_id")
        found = connection.execute(query).mappings()
        return [(row["handle_id"], reference_of(row)) for row in found]

    def _count_change(self, connection: Connection) -> None:
        self._changes += 1
        table = schema.catalog_state
        connection.execute(update(table).values(changes=table.c.changes + 1))

    def _refuse_taken_name(
        self,
        connection: Connection,
        name: str,
        *where: ColumnElement[bool],
        tenant: str,
    ) -> None:
        columns = schema.references.c
        text = literal(name, Text)  # as long as it is: an alias is shorter than a name
        if self.references(
            connection,
            columns.tenant == tenant,
            (columns.secret_alias == text) | (columns.secret_ref_id == text),
            *where,
        ):
            raise SecretExists(
                f"{name!r} is taken: names of secrets, and ids and aliases of "
                "references, are unique against each other; choose another name",
                handle=name,
            )

    def _refuse_taken_alias(
        self,
        connection: Connection,
        alias: str,
        tenant: str,
        here: ColumnElement[bool],
    ) -> None:
        names = schema.secrets.c
        self._refuse_taken_name(connection, alias, here, tenant=tenant)
        if self.find(connection, names.tenant == tenant, names.name == alias):
            raise SecretExists(
                f"the alias {alias!r} is the name of a secret: choose another, or give "
                "none, and models choose by the reference's id",
                handle=alias,
            )
