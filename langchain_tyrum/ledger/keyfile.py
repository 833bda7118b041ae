"""The key file: 0600, in a folder of mode 0700, both yours; no links followed.

A second hard link is no danger and is accepted: it has the same owner and mode, and a
snapshot by `cp -al` makes one. A rotation gives the name to a new file, so other links
keep the old key. Folders above the key's own are not looked at: who can write there can
take the key's folder away, but can put none in its place that is yours.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
#: A key is 44 characters and a newline; a file of more than 91 is something else.
_MAX = 4096


def read_key_file(path: Path) -> bytes | None:
    """Read the key file; owner and mode of file and folder are checked each time.

    Args:
        path: The file.

    Returns:
        Its content, or None when there is no such file.

    Raises:
        ConfigError: File or folder are links, not yours, or open to others.
    """
    try:
        with _folder(path) as folder:
            file = _open(path, _READ, folder)
            try:
                _check(path, os.fstat(file), allowed=0o600, regular=True)
                return os.read(file, _MAX)
            finally:
                os.close(file)
    except FileNotFoundError:
        return None


def create_key_file(path: Path, content: bytes) -> None:
    """Create the key file; when another process has done so already, keep its file.

    The content is complete before the file has its name, so nobody reads half a key.

    Args:
        path: The file; its folder is made when missing.
        content: What to write.

    Raises:
        ConfigError: The folder is a link, not yours, or open to others, or cannot be
            written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _folder(path) as folder:
            draft = f".{path.name}.{secrets.token_hex(8)}"
            _write(path, draft, content, folder)
            try:
                _link(path, draft, content, folder)
            finally:
                with suppress(FileNotFoundError):  # a rotation has cleaned up
                    os.unlink(draft, dir_fd=folder)
            os.fsync(folder)
        return
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
    raise ConfigError(
        f"the key file {str(path)!r} cannot be created ({reason}): make its folder "
        "writable, or give the key by TYRUM_MASTER_KEY"
    )


def replace_key_file(path: Path, content: bytes) -> None:
    """Give the name of the key file to a new file with other content.

    Whoever reads meanwhile, and whoever comes after a crash, reads the old content or
    the new one, never a part.

    Args:
        path: The file.
        content: What to write.

    Raises:
        ConfigError: File or folder are not yours alone, or cannot be written.
    """
    if len(content) > _MAX:
        raise ConfigError(
            f"the key file {str(path)!r} would hold too many keys: drop the old ones "
            "first (`langchain-tyrum key drop`); nothing was changed"
        )
    try:
        with _folder(path) as folder:
            _sweep(path, folder)
            draft = f".{path.name}.{secrets.token_hex(8)}"
            _write(path, draft, content, folder)
            try:
                os.rename(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                os.unlink(draft, dir_fd=folder)
                raise
            os.fsync(folder)
    except OSError as error:
        reason = os.strerror(error.errno or errno.EIO)
    else:
        if read_key_file(path) == content:
            return
        reason = "it reads back differently"
    raise ConfigError(
        f"the key file {str(path)!r} cannot be replaced ({reason}): make file and "
        "folder writable for you; the keys are as they were"
    )


@contextmanager
def hold_key_folder(path: Path) -> Iterator[None]:
    """Be the only one to change the key file; the system lets go after a crash.

    Raises:
        ConfigError: Somebody else is changing it.
    """
    with _folder(path) as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
        else:
            held = False
        if held:
            raise ConfigError(
                f"another process is changing the key file {str(path)!r}: wait until "
                "it is done; nothing was changed"
            )
        yield


def _sweep(path: Path, folder: int) -> None:
    """Remove the drafts of those that died over them: keys are in them."""
    for name in os.listdir(folder):
        if re.fullmatch(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}", name):
            os.unlink(name, dir_fd=folder)


def _link(path: Path, draft: str, content: bytes, folder: int) -> None:
    try:
        os.link(draft, path.name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        try:
            _write(path, path.name, content, folder)
        except FileExistsError:
            return


def _write(path: Path, name: str, content: bytes, folder: int) -> None:
    file = _open(path.with_name(name), _CREATE, folder)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    folder = _open(path.parent, _FOLDER)
    try:
        _check(path.parent, os.fstat(folder), allowed=0o700, regular=False)
        yield folder
    finally:
        os.close(folder)


def _open(path: Path, flags: int, folder: int | None = None) -> int:
    try:
        name = path if folder is None else path.name
        return os.open(name, flags, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EACCES):
            raise
        reason = os.strerror(error.errno)
    raise ConfigError(
        f"the key path {str(path)!r} is refused ({reason}): it may be no link, and "
        "must be readable for you"
    )


def _check(path: Path, info: os.stat_result, *, allowed: int, regular: bool) -> None:
    if regular and not stat.S_ISREG(info.st_mode):
        raise ConfigError(f"the key file {str(path)!r} is no regular file")
    if info.st_uid != os.geteuid():
        raise ConfigError(
            f"the key path {str(path)!r} belongs to user {info.st_uid}: it must be "
            f"yours; use another folder, or `chown {os.geteuid()}` it"
        )
    if stat.S_IMODE(info.st_mode) & ~allowed:
        raise ConfigError(
            f"the key path {str(path)!r} is open to others "
            f"(mode {stat.S_IMODE(info.st_mode):o}): `chmod {allowed:o}` it"
        )
