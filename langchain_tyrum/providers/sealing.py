"""Under which key a value is sealed, and how all of them change to another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, tuple_, update

from langchain_tyrum.providers.cipher import Place
from langchain_tyrum.providers.table import VALUES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from langchain_tyrum.errors import KeyMismatch
    from langchain_tyrum.providers.cipher import Cipher, Ciphers

_PLACE = tuple(VALUES.primary_key)


class Sealing:
    """One open transaction on the values of a provider.

    A rotation of the master key first leaves a row that names the new key, and that
    sorts before all secrets: '' is no secret's name. Whoever seals a value looks at
    the first row and uses its key, so from then on nobody uses an older one, not even
    in a store that holds nothing.

    Args:
        connection: The transaction.
        ciphers: The keys that are known.
        label: The provider's.
        unseal: Opens a row.
        other_key: What is raised for a row under a key that is not known.
    """

    def __init__(
        self,
        connection: Connection,
        ciphers: Ciphers,
        label: str,
        *,
        unseal: Callable[[RowMapping], str | bytes],
        other_key: Callable[[str], KeyMismatch],
    ) -> None:
        self._connection = connection
        self._ciphers = ciphers
        self._label = label
        self._unseal = unseal
        self._other_key = other_key

    def cipher(self) -> Cipher:
        """The cipher under which a value is to be sealed here and now.

        Raises:
            KeyMismatch: Its key is not known, also after another look for it.
        """
        mine = select(VALUES.c.key_id).where(VALUES.c.provider == self._label)
        first = self._connection.execute(mine.order_by(*_PLACE).limit(1)).scalar()
        if first is None:
            return self._ciphers.all()[0]
        return self._known(first)

    def check(self) -> None:
        """Open every value.

        Raises:
            KeyMismatch: Some value is sealed by a key that is not known.
            ProviderError: Some value does not open.
        """
        known = [cipher.key_id for cipher in self._ciphers.all()]
        mine = or_(VALUES.c.provider == self._label, VALUES.c.key_id.in_(known))
        query = select(VALUES).where(mine).execution_options(yield_per=1_000)
        with self._connection.execute(query) as rows:
            for row in rows.mappings():
                self._known(row["key_id"])
                self._unseal(row)

    def begin(self, new: Cipher) -> None:
        """Name the key that all labels under one of our keys change to.

        Raises:
            KeyMismatch: Values are sealed by a key that is not known.
        """
        olds = self._olds(new)
        labels = select(VALUES.c.provider).where(VALUES.c.key_id.in_(olds)).distinct()
        for label in {self._label, *self._connection.execute(labels).scalars()}:
            self._name(label, new, olds)

    def batch(
        self, new: Cipher, size: int, after: tuple[Any, ...] | None
    ) -> tuple[int, tuple[Any, ...] | None]:
        """Seal some values anew.

        Args:
            new: The key to change to.
            size: How many at most.
            after: Where the batch before this one ended.

        Returns:
            How many there were, and where this batch ended; None when it was the last.
        """
        due = select(VALUES).where(VALUES.c.key_id.in_(self._olds(new)))
        if after is not None:
            due = due.where(tuple_(*_PLACE) > tuple_(*after))
        due = due.order_by(*_PLACE).limit(size).with_for_update()
        rows = self._connection.execute(due).mappings().all()
        for row in rows:
            place = Place(row["provider"], row["ref"], row["version"], new.key_id)
            same = [column == row[column.name] for column in _PLACE]
            columns = row_of(new, self._unseal(row), place)
            self._connection.execute(update(VALUES).where(*same).values(**columns))
        if len(rows) < size:
            return len(rows), None
        return len(rows), tuple(rows[-1][column.name] for column in _PLACE)

    def _name(self, label: str, new: Cipher, olds: list[str]) -> None:
        place = Place(label, "", 0, new.key_id)
        here = (VALUES.c.provider == label, VALUES.c.ref == "")
        named = self._connection.execute(select(VALUES.c.key_id).where(*here)).scalar()
        if named == new.key_id:
            return
        if named is not None and named not in olds:
            raise self._other_key(named)
        self._connection.execute(delete(VALUES).where(*here))
        self._connection.execute(insert(VALUES).values(**row_of(new, "", place)))

    def _olds(self, new: Cipher) -> list[str]:
        return [one.key_id for one in self._ciphers.all() if one != new]

    def _known(self, key_id: str) -> Cipher:
        known = self._ciphers.of(key_id)
        if known is None:
            self._ciphers.reload()
            known = self._ciphers.of(key_id)
        if known is None:
            raise self._other_key(key_id)
        return known


def row_of(cipher: Cipher, value: str | bytes, place: Place) -> dict[str, Any]:
    """Seal a value as a row."""
    nonce, sealed = cipher.seal(value, place)
    return {
        "provider": place.provider,
        "ref": place.ref,
        "version": place.version,
        "key_id": place.key_id,
        "nonce": nonce,
        "sealed": sealed,
    }
