"""What a driver's error means, in our words: its own text may quote parameters."""

from __future__ import annotations

#: Pieces of what SQLite and PostgreSQL say, and what is told in their place.
_SIGNS = (
    ("password authentication failed", "the server refuses this user or password"),
    ("no pg_hba.conf entry", "the server does not let this user in from here"),
    ("does not exist", "the server knows no such user, database or table"),
    ("connection refused", "nothing listens at that host and port"),
    ("name or service not known", "the host's name is not known"),
    ("failed to resolve host", "the host's name is not known"),
    ("timeout", "nobody answered in time"),
    ("permission denied", "this user may not do that; a first opening needs CREATE"),
    ("readonly database", "the file or its folder cannot be written"),
    ("unable to open database file", "the file cannot be opened"),
    ("file is not a database", "the file is no SQLite database"),
    ("disk is full", "the disk is full"),
    ("is locked", "another process held the lock too long"),
)


def cause(error: BaseException) -> str:
    """Name the driver's class, and what went wrong where that is known."""
    text, name = str(error).lower(), type(error).__name__
    for sign, meaning in _SIGNS:
        if sign in text:
            return f"{name}: {meaning}"
    return name
