"""What a secret may be called."""

from __future__ import annotations

import re

from langchain_tyrum.errors import ConfigError

#: No blanks, brackets or control characters: names stand in markers and in URLs.
_NAME = re.compile(r"[^\s\[\]{}<>\x00-\x1f\x7f]{1,256}")
_HANDLE_LIKE = re.compile(r"tyrum://.*|h_[0-9A-Za-z]{22}")


def check_name(name: str, value: str | bytes | None = None) -> None:
    """Refuse a name that could not stand where names stand.

    Raises:
        ConfigError: It is empty or too long, has blanks or brackets, reads like a
            handle, or contains the value it names.
    """
    if not _NAME.fullmatch(name) or _HANDLE_LIKE.fullmatch(name):
        raise ConfigError(
            "a secret's name has 1 to 256 characters, no blanks or brackets, and is "
            "no handle: e.g. 'github/token'"
        )
    raw = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if raw and raw in name:
        raise ConfigError(
            "the name holds the value itself: names are shown everywhere; choose "
            "another name"
        )
