"""Values that the key they are stored under gives away: `{"password": "…"}`."""

from __future__ import annotations

import re

_SENSITIVE = re.compile(
    r"(?:.*[_\-. ])?(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credentials?"
    r"|(?:api|access|secret|private|signing|master|encryption)[_-]?key"
    r"|(?:access|auth|refresh|api|session|id)[_-]?token|client[_-]?secret|apikey"
    r"|authorization|\w*(?:password|Password|Secret|ApiKey|apiKey|AccessToken))",
    re.IGNORECASE,
)
_LONGEST_KEY = 64


def keyed(key: str, text: str) -> str:
    """Write key and value as an assignment where the key says what the value is."""
    return f'{key}: "{text}"' if _is_sensitive(key) else text


def split_key(key: str, data: bytes) -> bytes:
    """Return what stands before the value in the assignment; empty for other keys."""
    del data
    return f'{key}: "'.encode("utf-8", "surrogatepass") if _is_sensitive(key) else b""


def _is_sensitive(key: str) -> bool:
    return len(key) <= _LONGEST_KEY and _SENSITIVE.fullmatch(key) is not None
