"""How a value gets in: a hidden prompt, a pipe or a file."""

from __future__ import annotations

import getpass
import sys
import warnings
from pathlib import Path

from langchain_tyrum.cli.printing import visible
from langchain_tyrum.errors import ConfigError, SecretExists, TyrumError, WeakSecret


def read_value(name: str, from_file: str | None) -> str | bytes:
    """Read a value from wherever it comes; one newline at its end is cut.

    Args:
        name: The secret's name, for the prompt.
        from_file: A file to read; else a pipe on stdin, else the terminal.

    Returns:
        Text, or bytes when it is no UTF-8.

    Raises:
        ConfigError: It is empty, or the terminal cannot hide it.
        OSError: The file cannot be read.
    """
    value = read_optional(name, from_file)
    if value is None:
        raise ConfigError(
            f"the value of {name!r} is empty: give it at the prompt, by a pipe, or "
            "with --from-file"
        )
    return value


def read_optional(
    name: str, from_file: str | None, *, hint: str = ""
) -> str | bytes | None:
    """Do as `read_value` does; None when it is empty.

    Args:
        name: The secret's name, for the prompt.
        from_file: A file to read.
        hint: What the prompt says of an empty value.
    """
    if from_file is not None:
        value = _plain(Path(from_file).expanduser().read_bytes())
    elif sys.stdin is not None and not sys.stdin.isatty():
        value = _plain(sys.stdin.buffer.read())
    else:
        value = _ask(name, hint)
    return value or None


def in_our_words(error: SecretExists | WeakSecret, name: str) -> TyrumError:
    """Give the mend as options of the command, not as arguments of a method."""
    if isinstance(error, SecretExists):
        return SecretExists(
            f"{name!r} is taken, by another value or on other terms: use `secret "
            "rotate`, or --replace",
            handle=name,
        )
    return WeakSecret(
        f"the value of {name!r} is too short or too common to be told from ordinary "
        "text: choose another one, or admit a short one with --allow-short",
        handle=name,
    )


def _plain(raw: bytes) -> str | bytes:
    cut = raw.removesuffix(b"\n").removesuffix(b"\r") if raw[-1:] == b"\n" else raw
    try:
        return cut.decode()
    except UnicodeDecodeError:
        return cut


def _ask(name: str, hint: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(f"Value of {visible(name)} (hidden{hint}): ")
    except EOFError:
        return ""
    except getpass.GetPassWarning:
        pass  # raised below, outside of what it was raised in
    raise ConfigError(
        f"this terminal would show the value of {name!r}: pipe it in, or use "
        "--from-file"
    )
