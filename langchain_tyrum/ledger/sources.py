"""Where master keys may stand: given, environment, key file, OS keyring."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

from langchain_tyrum.errors import ConfigError
from langchain_tyrum.ledger.keyfile import (
    hold_key_folder,
    read_key_file,
    replace_key_file,
)
from langchain_tyrum.ledger.master import MasterKey, read_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

#: The environment variable: base64 of exactly 32 bytes; of several keys, parted by
#: white space, while an older one is still in use.
VARIABLE = "TYRUM_MASTER_KEY"
#: Service and user name under which the OS keyring may hold the key.
KEYRING_SERVICE, KEYRING_USER = "langchain-tyrum", "master-key"


class Keyring(Protocol):
    """The part of the OS keyring that is used: `keyring`, or one of its backends."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Return what is stored, or None."""
        ...


class KeySource(Protocol):
    """A place of master keys, the newest first.

    Attributes:
        where: What it is called in reports and errors.
        writable: Whether a rotation can change what stands there.
    """

    @property
    def where(self) -> str:
        """What it is called."""
        ...

    @property
    def writable(self) -> bool:
        """Whether `write` works."""
        ...

    def read(self) -> tuple[MasterKey, ...]:
        """The keys that stand there now; none is no error."""
        ...

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Put these in their place, all or none."""
        ...

    def hold(self) -> AbstractContextManager[object]:
        """Keep other rotations out."""
        ...


class GivenSource:
    """Keys that a program gave.

    Args:
        keys: The keys.
        writable: Whether nobody else knows them, as in a broker that forgets all.
    """

    where = "key="

    def __init__(self, keys: Sequence[MasterKey], *, writable: bool = False) -> None:
        self._keys = tuple(keys)
        self.writable = writable

    def read(self) -> tuple[MasterKey, ...]:
        """The keys that were given."""
        return self._keys

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Keep these instead."""
        self._keys = tuple(keys)

    def hold(self) -> AbstractContextManager[object]:
        """Nothing to hold: the database tells two rotations apart."""
        return nullcontext()


class VariableSource:
    """The environment variable `TYRUM_MASTER_KEY`.

    Args:
        environ: The environment.
        may_make: Whether a new key would do when what stands there is malformed.
    """

    where = f"the environment variable {VARIABLE}"
    writable = False

    def __init__(
        self, environ: Mapping[str, str], *, may_make: Callable[[], bool]
    ) -> None:
        self._environ = environ
        self._may_make = may_make

    def read(self) -> tuple[MasterKey, ...]:
        """What it holds now; empty counts as unset."""
        text = self._environ.get(VARIABLE, "")
        if not text.strip():
            return ()
        return read_keys(text, where=self.where, may_make=self._may_make)

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Do nothing: no process can change the environment of the next."""

    def hold(self) -> AbstractContextManager[object]:
        """Nothing to hold: the database tells two rotations apart."""
        return nullcontext()


class FileSource:
    """The key file.

    Args:
        path: Where it is.
        may_make: Whether a new key would do when what stands there is malformed.
    """

    writable = True

    def __init__(self, path: Path, *, may_make: Callable[[], bool]) -> None:
        self._path = path
        self._may_make = may_make

    @property
    def where(self) -> str:
        """The path."""
        return f"the key file {str(self._path)!r}"

    def read(self) -> tuple[MasterKey, ...]:
        """What it holds now; owner and modes are checked each time."""
        content = read_key_file(self._path)
        if content is None:
            return ()
        text = content.decode("ascii", "replace")
        return read_keys(text, where=self.where, may_make=self._may_make)

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Replace it; whoever reads meanwhile reads the old file or the new one."""
        replace_key_file(self._path, key_lines(keys))

    def hold(self) -> AbstractContextManager[object]:
        """Keep other rotations of this key file out, also after a crash of one."""
        return hold_key_folder(self._path)


class KeyringSource:
    """The entry `master-key` of `langchain-tyrum` in the OS keyring.

    Who put it there changes it there: keyrings know no exchange of an entry that two
    processes could not overwrite each other's key by.

    Args:
        keyring: The keyring; by default the machine's, if it has one.
        may_make: Whether a new key would do when what stands there is malformed.
    """

    where = f"the entry {KEYRING_USER!r} of {KEYRING_SERVICE!r} in the OS keyring"
    writable = False

    def __init__(
        self, keyring: Keyring | None, *, may_make: Callable[[], bool]
    ) -> None:
        self._keyring = keyring
        self._may_make = may_make

    def read(self) -> tuple[MasterKey, ...]:
        """What it holds now; a machine without a keyring holds none.

        Raises:
            ConfigError: There is a keyring, and it cannot be read: the key may be in
                it, so nobody may take it for empty.
        """
        try:
            text = self._entry()
        except Exception as error:  # somebody else's text may quote the entry
            failed = type(error).__name__
        else:
            if text is None:
                return ()
            return read_keys(text, where=self.where, may_make=self._may_make)
        raise ConfigError(
            f"the OS keyring cannot be read ({failed}), and the master key may be in "
            f"it: unlock it, or give the key by {VARIABLE} or the key file; where no "
            "keyring is meant to be used, set "
            "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring"
        )

    def write(self, keys: Sequence[MasterKey]) -> None:
        """Do nothing: the entry is its owner's."""

    def hold(self) -> AbstractContextManager[object]:
        """Nothing to hold: the database tells two rotations apart."""
        return nullcontext()

    def _entry(self) -> str | None:
        ring = self._keyring if self._keyring is not None else _machine_keyring()
        try:
            return ring.get_password(KEYRING_SERVICE, KEYRING_USER) if ring else None
        except Exception as error:
            # By name: the library is optional, and this is its word for "none here".
            if type(error).__name__ != "NoKeyringError":
                raise
        return None


def key_lines(keys: Sequence[MasterKey]) -> bytes:
    """What stands in a key file: one key a line, the newest first."""
    return "".join(f"{key.to_text_unsafe()}\n" for key in keys).encode()


def _machine_keyring() -> Keyring | None:
    try:
        import keyring  # noqa: PLC0415 - slow to import, rarely needed
    except ImportError:
        return None
    return keyring.get_keyring()
