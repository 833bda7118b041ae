"""The master keys of one store: the newest first, and all of them open."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.ledger.master import MasterKey
from langchain_tyrum.ledger.sources import FileSource, GivenSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_tyrum.ledger.sources import KeySource


class KeyRing:
    """Master keys, and the place where they stand.

    Usually one. While a rotation goes on, and as long as older processes run, two: the
    newest one first.

    Args:
        source: Where they stand.

    Raises:
        ConfigError: There are none, or one is malformed.
    """

    def __init__(self, source: KeySource) -> None:
        self._source = source
        # Keys that a rotation brought, and that the source cannot be told of.
        self._brought: tuple[MasterKey, ...] = ()
        self._turn = threading.Lock()
        self._keys = source.read()
        if not self._keys:
            raise ConfigError(f"{source.where} holds no master key")

    @classmethod
    def of(cls, *keys: MasterKey, writable: bool = False) -> KeyRing:
        """A ring of given keys; `writable` when a rotation may simply make another."""
        return cls(GivenSource(keys, writable=writable))

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """All of them, the newest first."""
        return self._keys

    @property
    def ids(self) -> tuple[str, ...]:
        """Their ids, the newest first."""
        return tuple(key.key_id for key in self._keys)

    @property
    def current(self) -> MasterKey:
        """The newest one."""
        return self._keys[0]

    @property
    def where(self) -> str:
        """What the place of the keys is called."""
        return self._source.where

    @property
    def writable(self) -> bool:
        """Whether a rotation changes the place of the keys by itself."""
        return self._source.writable

    def by_id(self, key_id: str) -> MasterKey | None:
        """The key of that id, if it is on the ring."""
        return next((key for key in self._keys if key.key_id == key_id), None)

    def reload(self) -> None:
        """Look at the place of the keys again: another process may have rotated.

        Raises:
            ConfigError: It cannot be read any more, or is malformed.
        """
        found = self._source.read()
        if found:
            self._keys = tuple(dict.fromkeys((*self._brought, *found)))

    @contextmanager
    def rotation(
        self,
        key: MasterKey | None = None,
        *,
        done: Callable[[], bool] = lambda: False,
        drop_old: bool = False,
    ) -> Iterator[MasterKey]:
        """Bring the key to change to on the ring, before those it had.

        A rotation that was not finished goes on to the key that it began with. In a
        key file the older keys stay: other stores may share it, and be under them.

        Args:
            key: The new key; by default one is made.
            done: Tells whether nothing here is under an older key any more.
            drop_old: Whether the older keys go when all went well.

        Yields:
            The new key. It stands in its place already, before the older ones, so
            that nothing is ever sealed under a key that could be lost.

        Raises:
            ConfigError: Another rotation goes on, the keys cannot be written, or the
                new key has to be given.
        """
        if not self._turn.acquire(blocking=False):
            raise ConfigError("another thread is rotating the master key: wait for it")
        try:
            with self._source.hold():
                self.reload()
                new = key or self._next(done)
                self._set((new, *(old for old in self._keys if old != new)))
                yield new
                if drop_old or not isinstance(self._source, FileSource):
                    self._set((new,))
        finally:
            self._turn.release()

    def drop_old(self, *, done: Callable[[], bool]) -> int:
        """Keep the newest key alone; returns how many went.

        Args:
            done: Tells whether nothing here is under an older key any more.

        Raises:
            ConfigError: Something is, or the keys are not ours to change.
        """
        with self._source.hold():
            self.reload()
            olds = self._keys[1:]
            if olds and not self.writable:
                raise ConfigError(
                    f"the master key is given by {self.where}: drop the old key there"
                )
            if olds and not done():
                raise ConfigError(
                    "values or the ledger of this store are under an older master key: "
                    "rotate first; nothing was dropped"
                )
            self._set((self.current,))
        return len(olds)

    def _next(self, done: Callable[[], bool]) -> MasterKey:
        if len(self._keys) > 1 and not (self.writable and done()):
            return self.current
        if self.writable:
            return MasterKey.generate()
        raise ConfigError(
            f"the master key is given by {self.where}, which a rotation cannot change: "
            "put the new key before the old one there, parted by a space, start all "
            "processes with both, and rotate again; or call "
            "broker.rotate_master_key(key=new)"
        )

    def _set(self, keys: Sequence[MasterKey]) -> None:
        if not self.writable:
            self._brought = tuple(keys)
        elif self._source.read() != tuple(keys):
            self._source.write(keys)
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    def __refuse(self, *_: object) -> NoReturn:
        raise TypeError(
            "a KeyRing cannot be pickled or copied: let each process find it"
        )

    __copy__ = __deepcopy__ = __reduce__ = __reduce_ex__ = __getstate__ = __refuse
