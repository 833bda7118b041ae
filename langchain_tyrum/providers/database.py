"""Values in a database, sealed: the embedded default."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, func, insert, inspect, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from langchain_tyrum.errors import ConfigError, KeyMismatch, ProviderError
from langchain_tyrum.providers import table
from langchain_tyrum.providers.base import BaseProvider
from langchain_tyrum.providers.cipher import Ciphers, Place
from langchain_tyrum.providers.sealing import Sealing, row_of
from langchain_tyrum.providers.table import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, RowMapping

    from langchain_tyrum.providers.cipher import Cipher, Keys, KeySource

T = TypeVar("T")

_KEY_MEND = (
    "give the key that sealed it by `key=`, TYRUM_MASTER_KEY or the key file; if it is "
    "lost, so are the values: replace them at their services and start a new database"
)

#: How often a version is drawn anew that another writer took, and a key looked for that
#: is changing; and how many values a rotation seals anew before it lets others write.
_DRAWS, _LOOKS, _BATCH = 20, 3, 100


class DatabaseProvider(BaseProvider):
    """Keeps values in a SQL table, sealed with AES-256-GCM.

    A row opens only under its key and in its place: provider, ref and version are
    authenticated with it, so a row that is swapped or copied does not open. A key
    that does not open what is stored never writes beside it.

    Each call is a transaction of its own. Never call it while you hold a write
    transaction on the same SQLite file: the two would wait for each other.

    Args:
        engine: An engine, shared with the catalog if you like, or a URL.
        key: A master key, its 32 bytes, several of these with the newest first, a
            `KeyRing`, or a callable that finds one; it is called when a broker opens
            (the redactor has to know the key) or the first value is sealed or opened,
            and again when a row names a key that is not known.
        label: How records and errors call it. Part of what is authenticated.
    """

    __slots__ = ("__ciphers", "__engine", "__owned", "__reader", "__ready", "__writer")

    writable = True
    by_handle = True

    def __init__(
        self,
        engine: Engine | str,
        *,
        key: Keys | Callable[[], Keys],
        label: str = "database",
    ) -> None:
        super().__init__(label)
        self.__owned = isinstance(engine, str)
        opened = table.open_engine(engine) if isinstance(engine, str) else engine
        table.leave_to_the_parent(opened)
        self.__engine = opened
        options = table.transaction_options
        self.__reader = opened.execution_options(**options(opened, write=False))
        self.__writer = opened.execution_options(**options(opened, write=True))
        self.__ciphers = Ciphers(key)
        self.__ready = False

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return a value; see `SecretProvider.get`.

        Raises:
            KeyMismatch: Another key sealed it.
            ProviderError: The row was altered or moved, or the database is broken.
        """
        self.__ciphers.all()
        query = select(VALUES).where(*self._rows(name, version))
        newest = query.order_by(VALUES.c.version.desc()).limit(1)

        def read(connection: Connection) -> RowMapping | None:
            return connection.execute(newest).mappings().first()

        found = self._look(read, None)
        for _ in range(_LOOKS):
            if found is None or self.__ciphers.of(found["key_id"]):
                break
            # Read again too: the row may have been sealed anew in between.
            self.__ciphers.reload()
            found = self._look(read, None)
        if found is None:
            raise self._missing(name, version)
        return self._unseal(found)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Seal and store a value; see `SecretProvider.put`.

        Raises:
            KeyMismatch: Values under another key are stored here already.
            ProviderError: The database is broken or read-only.
        """
        if not name:
            raise ConfigError(f"the provider {self.label!r} needs a name for a value")
        self.__ciphers.all()

        def store(connection: Connection) -> bool:
            cipher = self._sealing(connection).cipher()
            number = self._next(connection, name) if version is None else version
            place = Place(self.label, name, number, cipher.key_id)
            if version is not None:
                connection.execute(delete(VALUES).where(*self._rows(name, version)))
            row = insert(VALUES).values(**row_of(cipher, value, place))
            try:
                connection.execute(row)
            except IntegrityError:
                connection.rollback()
                return False
            return True

        if not any(self._write(store) for _ in range(_DRAWS)):
            raise self._failed("it is busy")

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Destroy one version or all; see `SecretProvider.delete`."""
        gone = delete(VALUES).where(*self._rows(name, version))
        self._write(lambda connection: connection.execute(gone))

    def names(self) -> list[str]:
        """List what it holds, sorted."""
        mine = (VALUES.c.provider == self.label, VALUES.c.ref != "")
        query = select(VALUES.c.ref).where(*mine).distinct()
        none: Sequence[str] = ()
        return sorted(self._look(lambda c: c.execute(query).scalars().all(), none))

    def credentials(self) -> dict[str, str | bytes]:
        """Return the master keys, for the redactor, by name."""
        return self.__ciphers.credentials()

    def close(self) -> None:
        """Close the connections it opened itself; those of a given engine stay."""
        if self.__owned:
            self.__engine.dispose()

    def after_fork(self) -> None:
        """Leave to the parent what cannot be shared with a child."""
        self.__ciphers.after_fork()
        if self.__owned:
            self.__engine.dispose(close=False)

    def has_rows(self) -> bool:
        """Tell whether anything is sealed in this database, under any label.

        As long as this is so, no key may be generated.
        """
        one = select(VALUES.c.version).limit(1)
        return self._look(lambda c: c.execute(one).first() is not None, default=False)

    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys that it knows, the newest first."""
        return tuple(cipher.key_id for cipher in self.__ciphers.all())

    def sealed_by(self) -> frozenset[str]:
        """The ids of all keys under which something in this database is sealed."""
        return self._look(table.key_ids, frozenset())

    def rewrap(self, new_key: KeySource | bytes) -> int:
        """Seal every value anew under another key, while others read and write.

        From the first step on nobody seals under an older key. Run it again when it
        was stopped half-way; what was done stays done. Other processes need the new
        key before, beside the old one, or where they look again for their key.

        Args:
            new_key: The key to change to.

        Returns:
            How many values were sealed anew.

        Raises:
            KeyMismatch: Some value is sealed by a key that is not known; nothing was
                changed.
            ProviderError: Some value does not open; nothing was changed, unless it
                was altered in just this moment.
        """
        self.__ciphers.all()
        new = self.__ciphers.bring(new_key)
        # Rows by the thousand come from a cursor, which needs a real transaction.
        whole = self.__engine.execution_options(tyrum_begin="BEGIN")
        self._look(lambda c: self._sealing(c).check(), None, reader=whole)
        self._write(lambda connection: self._sealing(connection).begin(new))
        count, after = 0, None
        while True:
            work = partial(self._batch, new=new, after=after)
            done, after = self._write(work)
            count += done
            if after is None:
                return count

    def _batch(
        self, connection: Connection, *, new: Cipher, after: tuple[Any, ...] | None
    ) -> tuple[int, tuple[Any, ...] | None]:
        return self._sealing(connection).batch(new, _BATCH, after)

    def _sealing(self, connection: Connection) -> Sealing:
        return Sealing(
            connection,
            self.__ciphers,
            self.label,
            unseal=self._unseal,
            other_key=self._other_key,
        )

    def _rows(self, name: str, version: int | None = None) -> list[ColumnElement[bool]]:
        # '' is no secret's name: see `Sealing`.
        mine, named = VALUES.c.provider == self.label, VALUES.c.ref == name
        where = [mine, named, VALUES.c.ref != ""]
        return where if version is None else [*where, VALUES.c.version == version]

    def _unseal(self, row: RowMapping) -> str | bytes:
        cipher = self.__ciphers.of(row["key_id"])
        if cipher is None:
            raise self._other_key(row["key_id"])
        place = Place(row["provider"], row["ref"], row["version"], row["key_id"])
        value = cipher.open(row["nonce"], row["sealed"], place)
        if value is not None:
            return value
        raise ProviderError(
            f"the provider {self.label!r} cannot open version {place.version} of "
            f"{place.ref!r}: the row was altered, or moved here from another place; "
            "restore it from a backup or put the secret anew",
            provider=self.label,
            handle=place.ref,
        )

    def _other_key(self, stored: str) -> KeyMismatch:
        known = " and ".join(cipher.key_id for cipher in self.__ciphers.all())
        return KeyMismatch(
            f"the provider {self.label!r} holds values sealed by the key {stored}, and "
            f"was given the key {known}: {_KEY_MEND}",
            key_id=stored,
        )

    def _next(self, connection: Connection, name: str) -> int:
        highest = select(func.max(VALUES.c.version)).where(*self._rows(name))
        return int(connection.execute(highest).scalar() or 0) + 1

    def _look(
        self,
        work: Callable[[Connection], T],
        default: T,
        *,
        reader: Engine | None = None,
    ) -> T:
        """Read; `default` when nothing was ever stored."""
        try:
            with (reader or self.__reader).connect() as connection:
                if not self.__ready and not inspect(connection).has_table(VALUES.name):
                    return default
                self.__ready = True
                return work(connection)
        except SQLAlchemyError as error:
            failed = table.kind_of(error)
        raise self._failed(failed)

    def _write(self, work: Callable[[Connection], T]) -> T:
        try:
            with self.__writer.begin() as connection:
                table.lock_for_writing(connection)
                if not self.__ready:
                    table.make_table(connection)
                result = work(connection)
            self.__ready = True
            return result
        except SQLAlchemyError as error:
            failed = table.kind_of(error)
        raise self._failed(failed)

    def _failed(self, reason: str) -> ProviderError:
        return ProviderError(
            f"the provider {self.label!r} cannot use {self._where} ({reason}): check "
            "that it exists, is a database, and is readable and writable for you; "
            "nothing was changed in it",
            provider=self.label,
        )

    @property
    def _where(self) -> str:
        return repr(table.shown(self.__engine))

    def __repr__(self) -> str:
        return f"DatabaseProvider({self.label!r}, {self._where})"
