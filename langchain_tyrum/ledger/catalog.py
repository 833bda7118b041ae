"""The catalog: what is known of secrets and references, in SQL; never a value."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from langchain_tyrum.errors import LedgerError, SecretExists, SecretNotFound
from langchain_tyrum.handles import SecretReference
from langchain_tyrum.ledger import schema
from langchain_tyrum.ledger.secret_rows import Entry, entry_of, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import ColumnElement


def utc_now() -> datetime:
    """The clock; pass another one to a broker to test time."""
    return datetime.now(UTC)


class Catalog:
    """Records and references of all tenants, in one database.

    Every change happens inside `transaction()`, together with the ledger row that
    tells of it: both are written or neither.

    Args:
        database: An SQLAlchemy URL or engine.
        clock: Where the time comes from.
    """

    def __init__(
        self, database: str | Engine, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        if isinstance(database, str):
            database = schema.make_engine(database)
        self.engine = database
        self.clock = clock
        self._pid = os.getpid()
        self._changes = 0
        # One shared connection (SQLite in memory) serves one thread at a time.
        self.in_memory = isinstance(self.engine.pool, StaticPool)
        self._turn = threading.RLock() if self.in_memory else nullcontext()
        with self._translated():
            schema.metadata.create_all(self.engine)
        with self.transaction() as connection:
            found = connection.execute(select(schema.catalog_state.c.schema)).scalar()
            if found is None:
                first = {"schema": schema.SCHEMA, "changes": 0}
                connection.execute(insert(schema.catalog_state).values(**first))
        if found not in (None, schema.SCHEMA):
            raise LedgerError(
                f"this catalog has schema {found}, and this version of langchain-tyrum "
                f"works with {schema.SCHEMA}: install the version that made it"
            )

    def __repr__(self) -> str:
        return f"Catalog({self.engine.dialect.name})"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open one transaction that holds the write lock from its start.

        Yields:
            The connection; it commits on exit and rolls back on any exception.

        Raises:
            LedgerError: The database cannot be opened, read or written.
        """
        if os.getpid() != self._pid:  # a forked child must not share sockets
            self.engine.dispose(close=False)
            self._pid = os.getpid()
        with self._turn, self._translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        problem: str
        try:
            yield
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            # The driver's text may quote parameters; its class is enough.
            problem = type(getattr(error, "orig", None) or error).__name__
        else:
            return
        raise LedgerError(
            f"the catalog {self.engine.url.render_as_string()!r} cannot be used "
            f"({problem}): check that the file or server is there, is a tyrum catalog "
            "and can be written; nothing was changed"
        )

    def changes(self) -> int:
        """How often secrets were added or changed, by any process."""
        if self.in_memory:
            return self._changes
        query = select(schema.catalog_state.c.changes)
        reading = self.engine.execution_options(**schema.READING)
        with self._translated(), reading.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

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
        found = self.find(connection, schema.secrets.c.handle_id == handle_id)
        if not found:
            raise SecretNotFound(
                f"no secret has the handle {handle_id!r}: it was never stored here",
                handle=handle_id,
            )
        return found[0]

    def by_name(
        self, connection: Connection, name: str, *, tenant: str, owners: tuple[str, ...]
    ) -> Entry | None:
        """The secret of that name that the first of `owners` has ('' = a service)."""
        columns = schema.secrets.c
        found = {
            entry.record.owner or "": entry
            for entry in self.find(
                connection,
                columns.tenant == tenant,
                columns.name == name,
                columns.owner.in_(owners),
            )
        }
        return next((found[owner] for owner in owners if owner in found), None)

    def add(self, connection: Connection, entry: Entry) -> None:
        """Store a new record.

        Raises:
            SecretExists: Its name is taken, as a name or as an alias.
        """
        record = entry.record
        self._refuse_taken_name(connection, record.name, tenant=record.tenant)
        try:
            connection.execute(insert(schema.secrets).values(**row_of(entry)))
        except IntegrityError:
            taken = True
        else:
            taken = False
            self._count_change(connection)
        if taken:
            raise SecretExists(
                f"{record.name!r} is already stored: rotate it, or pass replace=True",
                handle=record.name,
            )

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
    ) -> None:
        """Store or replace a reference.

        Raises:
            SecretExists: Its alias is already the name of something else.
        """
        table = schema.references
        alias = reference.secret_alias
        connection.execute(
            table.delete().where(table.c.secret_ref_id == reference.secret_ref_id)
        )
        if alias is not None:
            self._refuse_taken_alias(connection, alias, tenant, handle_id)
        connection.execute(
            insert(table).values(
                **reference.model_dump(mode="json"), handle_id=handle_id, tenant=tenant
            )
        )

    def references(
        self, connection: Connection, *where: ColumnElement[bool]
    ) -> list[tuple[str, SecretReference]]:
        """Pairs of handle id and reference that match, in a stable order."""
        table = schema.references
        query = select(table).where(*where).order_by("secret_alias", "secret_ref_id")
        return [
            (
                row["handle_id"],
                SecretReference(
                    secret_ref_id=row["secret_ref_id"],
                    secret_alias=row["secret_alias"],
                    allowed_tool_ids=tuple(row["allowed_tool_ids"]),
                    display_name=row["display_name"],
                ),
            )
            for row in connection.execute(query).mappings()
        ]

    def _count_change(self, connection: Connection) -> None:
        self._changes += 1
        table = schema.catalog_state
        connection.execute(update(table).values(changes=table.c.changes + 1))

    def _refuse_taken_name(
        self, connection: Connection, name: str, *, tenant: str
    ) -> None:
        columns = schema.references.c
        if self.references(
            connection,
            columns.tenant == tenant,
            (columns.secret_alias == name) | (columns.secret_ref_id == name),
        ):
            raise SecretExists(
                f"{name!r} is already the id or alias of a reference: names, ids and "
                "aliases are unique against each other; choose another name",
                handle=name,
            )

    def _refuse_taken_alias(
        self, connection: Connection, alias: str, tenant: str, handle_id: str
    ) -> None:
        names = schema.secrets.c
        named = self.find(connection, names.tenant == tenant, names.name == alias)
        self._refuse_taken_name(connection, alias, tenant=tenant)
        if any(entry.record.handle_id != handle_id for entry in named):
            raise SecretExists(
                f"the alias {alias!r} is the name of another secret: choose another",
                handle=alias,
            )
