"""Transactions on the database of the catalog, and its tables made or migrated."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, inspect, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from langchain_tyrum.errors import LedgerError
from langchain_tyrum.ledger import engines, schema

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
        if isinstance(database, str):
            database = engines.make_engine(database)
        self.engine = database
        self.clock = clock
        self._pid = os.getpid()
        # One shared connection (SQLite in memory) serves one thread at a time.
        self.in_memory = isinstance(self.engine.pool, StaticPool)
        self._turn = threading.RLock() if self.in_memory else nullcontext()
        self._reader = engines.reading_engine(self.engine)
        self._glancer = engines.glancing_engine(self.engine)
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
        self._notice_fork()
        with self._turn, self._translated(), self.engine.begin() as connection:
            engines.lock_for_writing(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one snapshot: all reads in it see the same moment, and wait for nobody.

        Yields:
            The connection; nothing can be written through it for good.

        Raises:
            LedgerError: The database cannot be opened or read.
        """
        self._notice_fork()
        with self._turn, self._translated(), self._reader.connect() as connection:
            yield connection

    def glance(self, query: Executable) -> int:
        """One number, read without a transaction."""
        self._notice_fork()
        with self._turn, self._translated(), self._glancer.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _notice_fork(self) -> None:
        if os.getpid() != self._pid:  # a forked child must not share sockets
            self.engine.dispose(close=False)
            self._pid = os.getpid()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        problem: str
        try:
            yield
        except IntegrityError:
            raise
        except (SQLAlchemyError, UnicodeError, OverflowError) as error:
            # The driver's text may quote parameters; its class is enough.
            problem = type(getattr(error, "orig", None) or error).__name__
        else:
            return
        raise LedgerError(
            f"the catalog {self.engine.url.render_as_string()!r} cannot be used "
            f"({problem}): check that the file or server is there, is a tyrum catalog "
            "and can be written; nothing was changed"
        )

    def _set_up(self) -> None:
        """Make the tables, or bring those of an older version to the present shape."""
        with self._turn, self._translated():
            with self._reader.connect() as connection:
                found = _shape(connection)
            if found != schema.SCHEMA:
                with self.engine.begin() as connection:
                    engines.lock_for_setup(connection)
                    found = _set_up(connection)
        if found != schema.SCHEMA:
            raise LedgerError(
                f"this catalog has schema {found}, and this version of langchain-tyrum "
                f"works with {schema.SCHEMA}: install the version that made it"
            )


def _set_up(connection: Connection) -> int:
    found = _shape(connection)
    if found is None:
        schema.metadata.create_all(connection)
        first = {"schema": schema.SCHEMA, "changes": 0}
        connection.execute(insert(schema.catalog_state).values(**first))
    elif found < schema.SCHEMA:
        from langchain_tyrum.ledger.migrations import migrate  # noqa: PLC0415 - rare

        migrate(connection, found)
    else:
        return found
    return schema.SCHEMA


def _shape(connection: Connection) -> int | None:
    """The number of the schema that a database has; None when it has none."""
    if not inspect(connection).has_table(schema.catalog_state.name):
        return None
    return connection.execute(select(schema.catalog_state.c.schema)).scalar()
