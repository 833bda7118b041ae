"""Which settings file is meant: the one given, the one named, or the one nearby."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_tyrum.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a settings file is called.
FILE = "tyrum.toml"
#: The environment variable that names one.
VARIABLE = "TYRUM_CONFIG"


def find_config(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Path:
    """Find the settings file: given, `TYRUM_CONFIG`, or `tyrum.toml` found upwards.

    Args:
        path: The file, or the folder it lies in.
        environ: The environment, for tests.
        folder: Where the search upwards begins; by default the current folder.

    Returns:
        The file, absolute.

    Raises:
        ConfigError: There is none; the error says where it was looked for.
    """
    if path is not None:
        return _given(Path(path), "correct the path")
    named = (os.environ if environ is None else environ).get(VARIABLE, "")
    if named.strip():
        return _given(Path(named), f"correct {VARIABLE}, or unset it")
    start = (folder or Path.cwd()).absolute()
    found = _upwards(start)
    if found is None:
        raise ConfigError(
            f"no settings file: {VARIABLE} is not set, and neither {str(start)!r} nor "
            f"a folder above it holds a {FILE!r}; write one there, name it with "
            f"{VARIABLE} or from_config(path), or use SecretBroker.local(), which "
            "needs none"
        )
    _refuse_foreign(found)
    return found


def found_nearby(folder: Path | None = None) -> Path | None:
    """The settings file of the current folder or one above it, if there is one."""
    return _upwards((folder or Path.cwd()).absolute())


def _given(path: Path, mend: str) -> Path:
    file = path.expanduser().absolute()
    if file.is_dir():
        file = file / FILE
    if file.is_file():
        return file
    raise ConfigError(f"there is no settings file at {str(file)!r}: {mend}")


def _upwards(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        try:
            if (folder / FILE).is_file():
                return folder / FILE
        except OSError:  # a folder that may not be looked into
            continue
    return None


def _refuse_foreign(file: Path) -> None:
    """Refuse what somebody else may have left in a shared folder, e.g. in /tmp.

    The file, the link that leads to it, and the folder, whose owner can replace both.
    """
    if not hasattr(os, "getuid"):  # modes mean nothing here
        return
    found, folder = file.stat(), file.parent.stat()
    ours = all(one.st_uid in (os.getuid(), 0) for one in (found, file.lstat(), folder))
    sticky = folder.st_mode & stat.S_ISVTX  # only owners replace what is in it
    if ours and not _open_to_others(found) and (sticky or not _open_to_others(folder)):
        return
    raise ConfigError(
        f"{str(file)!r} was found by search and others can write it, a link to it or "
        f"its folder: if you trust it, name it with {VARIABLE} or from_config(path), "
        "else remove it"
    )


def _open_to_others(found: os.stat_result) -> bool:
    """Whether more than the owner can write; a group of that same id is private."""
    mode = found.st_mode & ~(stat.S_IWGRP if found.st_gid == found.st_uid else 0)
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH))
