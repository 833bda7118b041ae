"""Transactions on the database of the catalog, and its tables made or migrated."""

from __future__ import annotations

import weakref
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

from sqlalchemy import Connection, Engine, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger import engines, schema
from langchain_tyrum.ledger.causes import cause
from langchain_tyrum.ledger.quiet import Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Executable


def utc_now() -> datetime:
    """The clock; pass another one to a broker to test time."""
    return datetime.now(UTC)


class Database:
    """Opens transactions on one database, in any thread and after a fork.

    Args:
        database: An SQLAlchemy URL or engine.
        clock: Where the time comes from.

    Raises:
        LedgerError: It cannot be used, or a newer version of this package made it.
    """

    def __init__(
        self, database: str | Engine, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        own = isinstance(database, str)
        self.engine: Engine = (
            engines.make_engine(database) if isinstance(database, str) else database
        )
        self.clock = clock
        self.closed = False
        # One shared connection (SQLite in memory) serves one thread at a time.
        self.in_memory = isinstance(self.engine.pool, StaticPool)
        self._turn = Turn() if self.in_memory else nullcontext()
        self._writer = engines.writing_engine(self.engine)
        self._reader = engines.reading_engine(self.engine)
        self._glancer = engines.glancing_engine(self.engine)
        engines.leave_to_the_parent(self.engine)
        if own and not self.in_memory:
            weakref.finalize(self, self.engine.dispose)  # for those who never close
        self._set_up()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.engine.dialect.name})"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open one transaction that keeps all other writers out from its start.

        Yields:
            The connection; it commits on exit and rolls back on any exception.

        Raises:
            LedgerError: The database cannot be opened, read or written.
        """
        with self._turn, self._translated(), self._writer.begin() as connection:
            # Another process may have migrated the catalog meanwhile.
            _refuse_other(engines.lock_for_writing(connection))
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one snapshot: all reads in it see the same moment, and wait for nobody.

        Yields:
            The connection; nothing can be written through it for good.

        Raises:
            LedgerError: The database cannot be opened or read.
        """
        with self._turn, self._translated(), self._reader.connect() as connection:
            yield connection

    def glance(self, query: Executable) -> int:
        """One number, read without a transaction."""
        with self._turn, self._translated(), self._glancer.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def close(self) -> None:
        """Close all connections, for good."""
        self.closed = True
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if self.closed:
            raise LedgerError(
                f"the catalog {engines.shown(self.engine)!r} was closed: do this "
                "before broker.close() or the end of its `with` block, or open a new "
                "broker"
            )
        try:
            yield
        except (SQLAlchemyError, UnicodeError, OverflowError) as error:
            problem = self._told(error)
        else:
            return
        _raise_alone(LedgerError(problem))

    def _told(self, error: Exception) -> str:
        """What may be told of the driver's error: its text may quote parameters."""
        reason = getattr(error, "orig", None) or error
        if isinstance(reason, LedgerError):  # of a column that refused a text
            return str(reason)
        where = f"the catalog {engines.shown(self.engine)!r}"
        if getattr(error, "connection_invalidated", False):
            return (
                f"{where} was lost ({cause(reason)}): see that its server "
                "runs and can be reached, then try again; nothing was changed, unless "
                "it was lost in the moment of the commit"
            )
        return (
            f"{where} cannot be used ({cause(reason)}): check that the file or "
            "server is there, is a tyrum catalog and can be written; nothing was "
            "changed"
        )

    def _set_up(self) -> None:
        """Make the tables, or bring those of an older version to the present shape."""
        with self._turn, self._translated():
            with self._reader.connect() as connection:
                found = _shape(connection)
            if found != schema.SCHEMA:
                with self._writer.begin() as connection:
                    engines.lock_for_setup(connection)
                    found = _set_up(connection)
        _refuse_other(found)


def _set_up(connection: Connection) -> int:
    found = _shape(connection)
    if found is None:
        schema.metadata.create_all(connection)
        first = {"schema": schema.SCHEMA, "changes": 0}
        connection.execute(insert(schema.catalog_state).values(**first))
        return schema.SCHEMA
    if found < schema.SCHEMA:
        # In the order of every writer: else one of them and this could block another.
        found = engines.lock_for_writing(connection) or 0
    if 0 < found < schema.SCHEMA:
        from langchain_tyrum.ledger.migrations import migrate  # noqa: PLC0415 - rare

        migrate(connection, found)
        return schema.SCHEMA
    return found


def _raise_alone(error: LedgerError) -> NoReturn:
    """Raise without context.

    A `with` that ends by the driver's exception would hang that on this one, and it
    knows statement and parameters.
    """
    try:
        raise error
    finally:
        error.__context__ = None


def _refuse_other(found: int | None) -> None:
    """Refuse a catalog of another shape than this version knows."""
    if not found:
        raise LedgerError(
            "this catalog has lost the number of its schema: restore it from a "
            "backup; nothing was changed"
        )
    if found != schema.SCHEMA:
        raise LedgerError(
            f"this catalog has schema {found}, and this version of langchain-tyrum "
            f"works with {schema.SCHEMA}: install the version that made it; nothing "
            "was changed"
        )


def _shape(connection: Connection) -> int | None:
    """The number of the schema of a database; None without tables, 0 when lost."""
    if not inspect(connection).has_table(schema.catalog_state.name):
        return None
    return connection.execute(select(schema.catalog_state.c.schema)).scalar() or 0
