"""Sinks: where ledger rows go besides the database, for `audit_sinks=`.

A sink is any callable that takes a row as a dict. It is called after the row has been
committed, so it holds up nobody and decides nothing: one that fails is logged, and the
others still get the row. The SQL ledger stays the record.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
from collections.abc import Iterable, Mapping
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_tyrum.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: No link is followed, and a pipe without a reader is an error, not a wait.
_APPEND = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class JsonlSink:
    """Appends each row to a file, as one line of JSON.

    Several processes may append to one file: each line is a single write at the end
    of it. The file is opened anew for each row, so it may be moved away and rotated
    at any time.

    Args:
        path: The file; made when missing, its folder is not.
        fsync: Whether each row is on the disk before the next one comes.
        mode: Permissions of a new file. One that others may read or write beyond
            them is refused.

    Raises:
        ConfigError: The file cannot be opened, is a link or no file, or is open to
            others.
    """

    def __init__(
        self, path: str | Path, *, fsync: bool = False, mode: int = 0o600
    ) -> None:
        self._path = Path(path).expanduser().absolute()
        self._fsync = fsync
        self._mode = mode
        os.close(self._open())  # what is wrong with it shows now, not at the first row

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Append one row.

        Raises:
            ConfigError: The file cannot be opened any more.
            LedgerError: It could not be written to its end.
        """
        line = f"{as_json(row)}\n".encode()
        file = self._open()
        try:
            written = os.write(file, line)
            if self._fsync:
                os.fsync(file)
        finally:
            os.close(file)
        if written != len(line):
            raise LedgerError(
                f"{str(self._path)!r} took a part of a row only: is the disk full?"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"

    def _open(self) -> int:
        try:
            file = os.open(self._path, _APPEND, self._mode)
        except OSError as error:
            reason = (
                "it is a link"
                if error.errno == errno.ELOOP
                else os.strerror(error.errno or errno.EIO)
            )
        else:
            reason = self._wrong(os.fstat(file))
            if not reason:
                return file
            os.close(file)
        raise ConfigError(
            f"audit rows cannot be appended to {str(self._path)!r} ({reason}): name a "
            f"file in a folder of yours, and `chmod {self._mode:o}` it"
        )

    def _wrong(self, found: os.stat_result) -> str:
        if not stat.S_ISREG(found.st_mode):
            return "it is no file"
        if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
            return "it is not yours"
        others = stat.S_IMODE(found.st_mode) & 0o077 & ~self._mode
        return f"its mode is {stat.S_IMODE(found.st_mode):o}" if others else ""


class LoggingSink:
    """Gives each row to `logging`, on one line, and whole as `record.tyrum_audit`.

    Args:
        logger: The logger, or its name.
        level: The level of every row.
    """

    def __init__(
        self,
        logger: str | logging.Logger = "langchain_tyrum.audit",
        level: int = logging.INFO,
    ) -> None:
        self._logger = (
            logger if isinstance(logger, logging.Logger) else logging.getLogger(logger)
        )
        self._level = level

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Log one row."""
        told = {name: value for name, value in row.items() if value is not None}
        self._logger.log(
            self._level,
            "tyrum.audit %s",
            as_json(told),
            extra={"tyrum_audit": dict(row)},
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._logger.name!r}, level={self._level})"


def as_json(row: Mapping[str, Any]) -> str:
    """Write a row on one line of ASCII; no field can forge another line."""
    return json.dumps(dict(row), sort_keys=True, default=str)


def check_sinks(
    sinks: Sequence[Callable[[Mapping[str, Any]], None]],
) -> tuple[Callable[[Mapping[str, Any]], None], ...]:
    """Refuse what would never run: a coroutine that nobody awaits.

    Raises:
        ConfigError: One of them is async, or is no callable; or they are no list.
    """
    listed = isinstance(sinks, Iterable) and not isinstance(sinks, str | Mapping)
    given = tuple(sinks) if listed else ()
    if not listed or not all(map(callable, given)):
        raise ConfigError(
            "audit_sinks is a list of callables that take a row: write "
            "audit_sinks=[JsonlSink('audit.jsonl')]"
        )
    for sink in given:
        called = getattr(sink, "__call__", sink)  # noqa: B004 - its method, if any
        if iscoroutinefunction(sink) or iscoroutinefunction(called):
            raise ConfigError(
                "an audit sink is a plain callable, and this one is async: hand rows "
                "to your loop, e.g. by loop.call_soon_threadsafe(queue.put_nowait, row)"
            )
    return given
