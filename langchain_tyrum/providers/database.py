"""Values in a database, sealed: the embedded default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, func, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from langchain_tyrum.errors import KeyMismatch, ProviderError
from langchain_tyrum.providers.base import BaseProvider
from langchain_tyrum.providers.cipher import Cipher, LazyCipher, Place, cipher_of
from langchain_tyrum.providers.table import VALUES, lock_for_writing, open_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement, Connection, Engine, RowMapping

    from langchain_tyrum.providers.cipher import KeySource

T = TypeVar("T")

_KEY_MEND = (
    "give the key that sealed it by `key=`, TYRUM_MASTER_KEY or the key file; if it is "
    "lost, so are the values: replace them at their services and start a new database"
)

#: How often a version is drawn anew when another writer took it meanwhile.
_DRAWS = 20


class DatabaseProvider(BaseProvider):
    """Keeps values in a SQL table, sealed with AES-256-GCM.

    A row opens only under its key and in its place: provider, ref and version are
    authenticated with it, so a row that is swapped or copied does not open. A key
    that does not open what is stored never writes beside it.

    Each call is a transaction of its own. Never call it while you hold a write
    transaction on the same SQLite file: the two would wait for each other.

    Args:
        engine: An engine, shared with the catalog if you like, or a URL.
        key: A master key, its 32 bytes, or a callable that finds one; it is called
            once, when the first value is sealed or opened.
        label: How records and errors call it. Part of what is authenticated.
    """

    __slots__ = ("__cipher", "__engine", "__owned", "__ready")

    writable = True
    by_handle = True

    def __init__(
        self,
        engine: Engine | str,
        *,
        key: KeySource | bytes | Callable[[], KeySource | bytes],
        label: str = "database",
    ) -> None:
        super().__init__(label)
        self.__owned = isinstance(engine, str)
        self.__engine = open_engine(engine) if isinstance(engine, str) else engine
        self.__cipher = LazyCipher(key)
        self.__ready = False

    def get(self, name: str, *, version: int | None = None) -> str | bytes:
        """Return a value; see `SecretProvider.get`.

        Raises:
            KeyMismatch: Another key sealed it.
            ProviderError: The row was altered or moved, or the database is broken.
        """
        cipher = self.__cipher.get()
        query = select(VALUES).where(*self._rows(name, version))
        newest = query.order_by(VALUES.c.version.desc()).limit(1)
        found = self._run(
            lambda connection: connection.execute(newest).mappings().first()
        )
        if found is None:
            raise self._missing(name, version)
        return self._unseal(cipher, found)

    def put(self, name: str, value: str | bytes, *, version: int | None = None) -> None:
        """Seal and store a value; see `SecretProvider.put`.

        Raises:
            KeyMismatch: Values under another key are stored here already.
            ProviderError: The database is broken or read-only.
        """
        cipher = self.__cipher.get()

        def store(connection: Connection) -> bool:
            self._refuse_mixed_keys(connection, cipher.key_id)
            number = self._next(connection, name) if version is None else version
            place = Place(self.label, name, number, cipher.key_id)
            if version is not None:
                connection.execute(delete(VALUES).where(*self._rows(name, version)))
            row = insert(VALUES).values(**_columns(cipher, value, place))
            try:
                connection.execute(row)
            except IntegrityError:
                connection.rollback()
                return False
            return True

        if not any(self._run(store) for _ in range(_DRAWS)):
            raise self._failed("it is busy")

    def delete(self, name: str, *, version: int | None = None) -> None:
        """Destroy one version or all; see `SecretProvider.delete`."""
        gone = delete(VALUES).where(*self._rows(name, version))
        self._run(lambda connection: connection.execute(gone))

    def names(self) -> list[str]:
        """List what it holds, sorted."""
        query = select(VALUES.c.ref).where(VALUES.c.provider == self.label).distinct()
        return sorted(
            self._run(lambda connection: connection.execute(query).scalars().all())
        )

    def close(self) -> None:
        """Close the connections it opened itself; those of a given engine stay."""
        if self.__owned:
            self.__engine.dispose()

    def has_rows(self) -> bool:
        """Tell whether anything is sealed in this database, under any label.

        As long as this is so, no key may be generated.
        """

        def look(connection: Connection) -> bool:
            if not inspect(connection).has_table(VALUES.name):
                return False
            return connection.execute(select(VALUES.c.version)).first() is not None

        return self._run(look, create=False)

    def rewrap(self, new_key: KeySource | bytes) -> int:
        """Seal every value anew under another key, in one transaction, and use it.

        Other processes see `KeyMismatch` until they are given the new key.

        Args:
            new_key: The key to change to.

        Returns:
            How many values were sealed anew.

        Raises:
            KeyMismatch: Some value is sealed by neither key; nothing was changed.
            ProviderError: Some value does not open; nothing was changed.
        """
        old, new = self.__cipher.get(), cipher_of(new_key)

        def seal_anew(connection: Connection) -> int:
            self._refuse_mixed_keys(connection, old.key_id, new.key_id)
            others = VALUES.c.key_id != new.key_id
            mine = select(VALUES).where(VALUES.c.key_id == old.key_id, others)
            rows = connection.execute(mine).mappings().all()
            for row in rows:
                value = self._unseal(old, row)
                place = Place(row["provider"], row["ref"], row["version"], new.key_id)
                same = [column == row[column.name] for column in VALUES.primary_key]
                columns = _columns(new, value, place)
                connection.execute(update(VALUES).where(*same).values(**columns))
            return len(rows)

        count = self._run(seal_anew)
        self.__cipher.replace(new)
        return count

    def _rows(self, name: str, version: int | None = None) -> list[ColumnElement[bool]]:
        where = [VALUES.c.provider == self.label, VALUES.c.ref == name]
        return where if version is None else [*where, VALUES.c.version == version]

    def _unseal(self, cipher: Cipher, row: RowMapping) -> str | bytes:
        if row["key_id"] != cipher.key_id:
            raise self._other_key(row["key_id"], cipher.key_id)
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

    def _refuse_mixed_keys(self, connection: Connection, *key_ids: str) -> None:
        query = select(VALUES.c.key_id).where(
            VALUES.c.provider == self.label, VALUES.c.key_id.not_in(key_ids)
        )
        stored = connection.execute(query.limit(1)).scalar()
        if stored is not None:
            raise self._other_key(stored, key_ids[0])

    def _other_key(self, stored: str, mine: str) -> KeyMismatch:
        return KeyMismatch(
            f"the provider {self.label!r} holds values sealed by the key {stored}, and "
            f"was given the key {mine}: {_KEY_MEND}",
            key_id=stored,
        )

    def _next(self, connection: Connection, name: str) -> int:
        highest = select(func.max(VALUES.c.version)).where(*self._rows(name))
        return int(connection.execute(highest).scalar() or 0) + 1

    def _run(self, work: Callable[[Connection], T], *, create: bool = True) -> T:
        try:
            with self.__engine.begin() as connection:
                lock_for_writing(connection)
                if create and not self.__ready:
                    connection.execute(CreateTable(VALUES, if_not_exists=True))
                result = work(connection)
            self.__ready = self.__ready or create
            return result
        except SQLAlchemyError as error:
            # The driver's text quotes parameters; its class is enough.
            kind = type(getattr(error, "orig", None) or error).__name__
        raise self._failed(kind)

    def _failed(self, reason: str) -> ProviderError:
        return ProviderError(
            f"the provider {self.label!r} cannot use {self._where} ({reason}): check "
            "that it exists, is a database, and is readable and writable for you; "
            "nothing was changed in it",
            provider=self.label,
        )

    @property
    def _where(self) -> str:
        return repr(self.__engine.url.render_as_string(hide_password=True))

    def __repr__(self) -> str:
        return f"DatabaseProvider({self.label!r}, {self._where})"


def _columns(cipher: Cipher, value: str | bytes, place: Place) -> dict[str, Any]:
    nonce, sealed = cipher.seal(value, place)
    return {
        "provider": place.provider,
        "ref": place.ref,
        "version": place.version,
        "key_id": place.key_id,
        "nonce": nonce,
        "sealed": sealed,
    }
